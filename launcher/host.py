"""The host's own package manager: what the launcher needs is installed on Debian as root, and named elsewhere."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path

from launcher import process
from launcher.errors import InstallError, ProgramMissingError
from launcher.progress import Progress
from launcher.settings import BUILD

_POLICY = Path("/usr/sbin/policy-rc.d")
_APT_ENV = {"DEBIAN_FRONTEND": "noninteractive", "NEEDRESTART_MODE": "l", "APT_LISTCHANGES_FRONTEND": "none"}


def is_debian() -> bool:
    """Whether this is Debian itself, by os-release(5)."""
    try:
        lines = Path("/etc/os-release").read_text().splitlines()
    except OSError:
        return False
    return "ID=debian" in lines


def may_install() -> bool:
    """Whether the launcher may install packages here: Debian, as root."""
    return is_debian() and os.geteuid() == 0


def missing(packages: Sequence[str]) -> list[str]:
    """Those of ``packages`` that dpkg does not have installed."""
    asked = process.capture(["dpkg-query", "-W", "-f", "${Package} ${db:Status-Status}\\n", *packages])
    installed = {line.split()[0] for line in asked.stdout.splitlines() if line.endswith(" installed")}
    return [name for name in packages if name not in installed]


def install(packages: Sequence[str], purpose: str, progress: Progress, *, start_services: bool = True) -> None:
    """Install those of ``packages`` that are missing, without recommendations.

    ``start_services=False`` keeps packages from starting the servers that they bring.

    Raises :class:`ProgramMissingError` where this is not Debian as root, :class:`InstallError` where apt fails.
    """
    if not may_install():
        raise ProgramMissingError(
            f"{purpose} is not installed, and packages are installed by themselves only on Debian as root.",
            todo=f"Install it: on Debian 'apt-get install --no-install-recommends {' '.join(packages)}' as root.",
        )
    wanted = missing(packages)
    if not wanted:
        return
    with progress.step(f"Installing {' '.join(wanted)}"), nullcontext() if start_services else _no_services():
        log = BUILD / "log/apt.log"
        if not any(Path("/var/lib/apt/lists").glob("*_Packages*")):
            _apt(["update"], log)
        try:
            _apt(["install", "--yes", "--no-install-recommends", *wanted], log)
        except InstallError:
            # Package lists older than the mirror name files that are gone.
            _apt(["update"], log)
            _apt(["install", "--yes", "--no-install-recommends", *wanted], log)


@contextmanager
def _no_services() -> Iterator[None]:
    """A policy-rc.d that denies every start (invoke-rc.d(8)), for as long as the block runs."""
    if _POLICY.exists():
        yield
        return
    _POLICY.write_text("#!/bin/sh\nexit 101\n")
    _POLICY.chmod(0o755)
    try:
        yield
    finally:
        _POLICY.unlink()


def _apt(arguments: Sequence[str], log: Path) -> None:
    process.run_logged(
        ["apt-get", "-o", "DPkg::Lock::Timeout=300", *arguments],
        log,
        InstallError,
        f"apt-get {' '.join(arguments)}",
        env=_APT_ENV,
    )
