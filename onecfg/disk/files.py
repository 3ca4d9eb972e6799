"""Files of configuration as they are on the disk, read without following a link."""

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from onecfg.model import PatchError
from onelib.locations import Locations

BASES = ("/etc/one", "/var/lib/one/remotes/etc", "/var/lib/one/remotes")
"""The folders of configuration, a folder before the one that it is in. Each of them may be a link by itself."""
OTHERS = ("/etc/onecfg.conf",)
"""Files of onecfg itself that change along with configuration."""
MAX_BYTES = 8 << 20


@dataclass(frozen=True)
class Original:
    """A file as it was read."""

    path: Path
    data: bytes
    status: os.stat_result

    @property
    def version(self) -> tuple[int, int, int]:
        """What changes when anybody else writes the file."""
        return version(self.status)


def version(status: os.stat_result) -> tuple[int, int, int]:
    """What tells two states of a file apart."""
    return status.st_ino, status.st_mtime_ns, status.st_size


def home(locations: Locations) -> Path:
    """The folder of the tree's lock and journal. Raises ``PatchError`` when the tree has no configuration."""
    folder = _folder(BASES[0], locations).resolve()
    if not folder.is_dir():
        raise PatchError(
            f"There is no folder '{locations.etc}'.", todo="Name the root of a front-end's files in --prefix."
        )
    return folder


def locate(logical: str, locations: Locations) -> Path:
    """Where the file ``logical``, as seen from ``/``, is or would be.

    A base folder itself (``/etc/one``) may be a link of the installation that stays below the root; nothing else on
    the way may. Raises ``PatchError``.
    """
    if logical in OTHERS:
        return locations.under(logical)
    base = next((base for base in BASES if logical.startswith(f"{base}/")), None)
    if base is None:
        raise PatchError(f"Unknown or missing file to patch '{logical}'.", todo=f"Files are below {BASES}.")
    path = _folder(base, locations)
    for part in logical[len(base) + 1 :].split("/"):
        path /= part
        if path.is_symlink():
            raise PatchError(f"'{path}' is a symbolic link.", todo="Put the file itself there.")
    return path


def _folder(base: str, locations: Locations) -> Path:
    root = locations.under(base)
    if not root.resolve().is_relative_to(locations.root.resolve()):
        raise PatchError(f"'{base}' is a link that leaves {locations.root}.", todo="Make it a folder.")
    return root


def read(logical: str, locations: Locations) -> Original:
    """Read the file that is ``logical`` as seen from ``/``. Raises ``PatchError``, also when there is none."""
    path = locate(logical, locations)
    original = load(path)
    if original is None:
        raise PatchError(f"Unknown or missing file to patch '{logical}'.", todo=f"There is no {path}.")
    return original


def load(path: Path) -> Original | None:
    """Read the file at ``path``; none when there is none. Raises ``PatchError`` for anything that is no usual file."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise PatchError(f"'{path}' cannot be read: {error.strerror}.", todo="Mend its permissions.") from None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise PatchError(f"'{path}' is not a regular file.", todo="Put a file there.")
        if status.st_size > MAX_BYTES:
            raise PatchError(
                f"'{path}' is larger than {MAX_BYTES >> 20} MiB.", todo="It is no configuration file."
            )
        with open(descriptor, "rb", closefd=False) as stream:
            return Original(path, stream.read(MAX_BYTES + 1), status)
    finally:
        os.close(descriptor)


def flush(path: Path) -> None:
    """Bring the file or folder ``path`` to the disk. Raises ``OSError``."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
