"""Where everything stands, under one root.

The tree below ``root`` is OpenNebula's own (``/etc/one``, ``/var/lib/one``, ``/var/log/one``), so that with
``root=/`` it is a packaged front-end's, and with any other root a native installation of one user or a test folder.
"""

import os
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

ROOT_VARIABLE = "ONEEDGE_ROOT"


@dataclass(frozen=True)
class Locations:
    """The paths of one front-end. Absolute, whether or not they exist."""

    root: Path = Path("/")

    @classmethod
    def from_environment(cls) -> "Locations":
        """The tree that ``ONEEDGE_ROOT`` names, ``/`` without it."""
        return cls(Path(os.environ.get(ROOT_VARIABLE, "/")))

    def under(self, path: str | os.PathLike[str]) -> Path:
        """``path``, absolute as a user of ``/`` writes it, below this root."""
        return self.root / str(path).lstrip("/")

    @property
    def etc(self) -> Path:
        """Configuration of OpenNebula: ``/etc/one``."""
        return self.root / "etc/one"

    @property
    def var(self) -> Path:
        """Home of oneadmin: ``/var/lib/one``."""
        return self.root / "var/lib/one"

    @property
    def auth(self) -> Path:
        """Credentials: ``one_auth``, ``oneflow_auth`` and the like (``/var/lib/one/.one``)."""
        return self.var / ".one"

    @property
    def ssh(self) -> Path:
        """SSH keys of oneadmin (``/var/lib/one/.ssh``)."""
        return self.var / ".ssh"

    @property
    def log(self) -> Path:
        """Logs of OpenNebula (``/var/log/one``)."""
        return self.root / "var/log/one"

    @property
    def backups(self) -> Path:
        """Database and configuration backups (``/var/lib/one/backups``)."""
        return self.var / "backups"

    @property
    def datastores(self) -> Path:
        """Disk images; never walked (``/var/lib/one/datastores``)."""
        return self.var / "datastores"

    @property
    def remotes(self) -> Path:
        """The drivers' programs, and their configuration in ``etc`` (``/var/lib/one/remotes``)."""
        return self.var / "remotes"

    @property
    def mysql(self) -> Path:
        """MariaDB's data directory (``/var/lib/mysql``)."""
        return self.root / "var/lib/mysql"

    @property
    def srv(self) -> Path:
        """Other durable data: TLS, SSH host keys, generated secrets (``/srv/one``)."""
        return self.root / "srv/one"

    @property
    def run(self) -> Path:
        """State of this boot, gone with it: service plan, phases, Supervisor's socket (``/run/oneedge``)."""
        return self.root / "run/oneedge"


def shared_data(name: str) -> Path:
    """The folder ``name`` of data that the distribution ships: in a source checkout, or in ``share/oneedge``."""
    checkout = Path(__file__).resolve().parent.parent / name
    if checkout.is_dir() and not (checkout / "__init__.py").exists() and "site-packages" not in checkout.parts:
        return checkout
    for prefix in (sysconfig.get_path("data"), sys.prefix):
        installed = Path(prefix) / "share/oneedge" / name
        if installed.is_dir():
            return installed
    raise FileNotFoundError(f"the installation has no share/oneedge/{name}")
