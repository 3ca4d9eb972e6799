"""A copy of the files that a patch names, made before it touches them."""

import os
import shutil
import time
from collections.abc import Iterable
from pathlib import Path

from onecfg.model import PatchError
from onelib.locations import Locations

VARIABLE = "ONECFG_BACKUP_DIR"


def base(locations: Locations) -> Path:
    """The folder of all backups: the variable ``ONECFG_BACKUP_DIR``, or ``/var/lib/one/backups/config``."""
    return Path(os.environ.get(VARIABLE) or locations.backups / "config")


def store(names: Iterable[str], locations: Locations, folder: Path) -> Path:
    """Copy the files ``names``, as seen from ``/``, into a new folder below ``folder`` and return it.

    The new folder is called after the local time and the process, and holds the files at their paths. Mode and time
    are kept, the owner where the process may. Raises ``PatchError``.
    """
    stem = f"{time.strftime('%Y-%m-%d_%H:%M:%S')}_{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        target = _fresh(folder, stem)
        for name in names:
            copy = target / name.lstrip("/")
            copy.parent.mkdir(parents=True, exist_ok=True)
            _copy(locations.under(name), copy)
    except OSError as error:
        raise PatchError(
            f"Error making backup due to '{error.filename or folder}': {error.strerror}",
            todo=f"Mend it, or name another folder in {VARIABLE}.",
        ) from None
    return target


def _fresh(folder: Path, stem: str) -> Path:
    """A new folder; a process number repeats quickly in containers, so a taken name gets a suffix."""
    for suffix in range(1000):
        target = folder / (f"{stem}.{suffix}" if suffix else stem)
        try:
            target.mkdir(mode=0o700)
        except FileExistsError:
            continue
        return target
    raise PatchError(f"'{folder}' has too many backups of this second.", todo="Try again.")


def _copy(source: Path, copy: Path) -> None:
    shutil.copy2(source, copy, follow_symlinks=False)
    if os.geteuid() == 0:
        status = source.lstat()
        os.chown(copy, status.st_uid, status.st_gid)
    descriptor = os.open(copy, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
