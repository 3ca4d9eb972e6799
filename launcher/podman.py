"""Settings that Podman needs on hosts where its own defaults do not work, kept out of the user's /etc."""

import os
import resource
from collections.abc import Mapping
from pathlib import Path

from launcher.settings import BUILD

CONF = BUILD / "run/containers.conf"


def podman_environment() -> Mapping[str, str]:
    """``CONTAINERS_CONF`` naming a file of our own, where the user has none and the defaults do not fit."""
    if "CONTAINERS_CONF" in os.environ or any(path.exists() for path in _users_files()):
        return {}
    text = configuration()
    if not text:
        return {}
    CONF.parent.mkdir(parents=True, exist_ok=True)
    if not CONF.exists() or CONF.read_text() != text:
        CONF.write_text(text)
    return {"CONTAINERS_CONF": str(CONF)}


def configuration() -> str:
    """The text of containers.conf for this host, empty where the defaults do.

    Podman gives a container more files and processes than a host may allow, which needs CAP_SYS_RESOURCE; it also
    lowers its own process limit to the kernel's highest pid, which the container's cannot exceed then.
    """
    if may_raise():
        return ""
    files = _hard(resource.RLIMIT_NOFILE, 1048576)
    processes = _hard(resource.RLIMIT_NPROC, int(Path("/proc/sys/kernel/pid_max").read_text()))
    return f'[containers]\ndefault_ulimits = ["nofile={files}:{files}", "nproc={processes}:{processes}"]\n'


def _hard(limit: int, most: int) -> int:
    """This process's hard limit, at most ``most``."""
    hard = resource.getrlimit(limit)[1]
    return most if hard == resource.RLIM_INFINITY else min(hard, most)


def may_raise() -> bool:
    """Whether this process has CAP_SYS_RESOURCE (bit 24 of capabilities(7))."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapEff:"):
            return bool(int(line.split()[1], 16) >> 24 & 1)
    return False


def _users_files() -> tuple[Path, ...]:
    home = Path(os.environ.get("XDG_CONFIG_HOME", "~/.config")).expanduser()
    return Path("/etc/containers/containers.conf"), home / "containers/containers.conf"
