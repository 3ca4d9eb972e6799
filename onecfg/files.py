"""Files of one patch on the disk: read without following a link, replaced together.

``replace`` writes every new text to a temporary next to its file, flushes them all, and only then renames them. A
fault before the first rename leaves every file as it was; one between the renames puts the renamed files back. What a
killed run leaves of its temporaries the next one overwrites: the lock makes their names safe to share.
"""

import fcntl
import os
import stat
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from onecfg.model import PatchError
from onelib.locations import Locations

BASES = ("/etc/one", "/var/lib/one/remotes/etc", "/var/lib/one/remotes")
"""The folders of configuration, a folder before the one that it is in. Each of them may be a link by itself."""
MAX_BYTES = 8 << 20
LOCK_SECONDS = 10.0


@dataclass(frozen=True)
class Original:
    """A file as it was read."""

    path: Path
    data: bytes
    status: os.stat_result

    @property
    def version(self) -> tuple[int, int, int]:
        """What changes when anybody else writes the file."""
        return self.status.st_ino, self.status.st_mtime_ns, self.status.st_size


def read(logical: str, locations: Locations) -> Original:
    """Read the file that is ``logical`` as seen from ``/``.

    A base folder itself (``/etc/one``) may be a link of the installation that stays below the root; nothing else on
    the way may. Raises ``PatchError``.
    """
    base = next((base for base in BASES if logical.startswith(f"{base}/")), None)
    if base is None:
        raise PatchError(f"Unknown or missing file to patch '{logical}'.", todo=f"Files are below {BASES}.")
    root = locations.under(base)
    if not root.resolve().is_relative_to(locations.root.resolve()):
        raise PatchError(f"'{base}' is a link that leaves {locations.root}.", todo="Make it a folder.")
    path = root
    for part in logical[len(base) + 1 :].split("/"):
        path /= part
        if path.is_symlink():
            raise PatchError(f"'{path}' is a symbolic link.", todo="Put the file itself there.")
    return _load(path, logical)


def _load(path: Path, logical: str) -> Original:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        raise PatchError(f"Unknown or missing file to patch '{logical}'.", todo=f"There is no {path}.") from None
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


@contextmanager
def locked(folders: list[Path]) -> Iterator[None]:
    """Keep other patches of these folders out. Raises ``PatchError`` when one does not end within 10 seconds.

    The lock is on the folders themselves: nothing is left behind, and a killed process loses it.
    """
    descriptors = []
    try:
        for folder in sorted(folders):
            descriptors.append(os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))
            _acquire(descriptors[-1], folder)
        yield
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


def _acquire(descriptor: int, folder: Path) -> None:
    deadline = time.monotonic() + LOCK_SECONDS
    while True:
        with suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        if time.monotonic() >= deadline:
            raise PatchError(f"Another patch is at work below '{folder}'.", todo="Try again when it has ended.")
        time.sleep(0.05)


def replace(changed: Mapping[Path, tuple[Original, bytes]]) -> None:
    """Give every file its new content, or none. Mode, owner and extended attributes are kept. Raises ``PatchError``."""
    temporaries: dict[Path, Path] = {}
    done: list[Path] = []
    try:
        for path, (original, data) in changed.items():
            temporaries[path] = path.with_name(f".{path.name}.onecfg")
            _write(temporaries[path], data, original)
        for path, (original, _) in changed.items():
            now = path.lstat()
            if (now.st_ino, now.st_mtime_ns, now.st_size) != original.version:
                raise PatchError(f"'{path}' was changed meanwhile.", todo="Run the patch again.")
        for path, temporary in temporaries.items():
            temporary.rename(path)
            done.append(path)
        for folder in {path.parent for path in changed}:
            _flush(folder)
    except OSError as error:
        _restore(done, changed)
        raise PatchError(
            f"'{error.filename or 'A file'}' cannot be written: {error.strerror}. No file was changed.",
            todo="Mend it and run the patch again.",
        ) from None
    finally:
        for temporary in temporaries.values():
            temporary.unlink(missing_ok=True)


def _write(path: Path, data: bytes, original: Original) -> None:
    """A new flushed file that looks like ``original`` from outside."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with open(descriptor, "wb") as stream:  # noqa: PTH123 - a descriptor, not a path
        status = os.fstat(descriptor)
        if (status.st_uid, status.st_gid) != (original.status.st_uid, original.status.st_gid):
            os.fchown(descriptor, original.status.st_uid, original.status.st_gid)
        os.fchmod(descriptor, stat.S_IMODE(original.status.st_mode))
        with suppress(OSError):  # a file system without them, or a label that only its owner may set
            for name in os.listxattr(original.path):
                os.setxattr(descriptor, name, os.getxattr(original.path, name))
        stream.write(data)
        stream.flush()
        os.fsync(descriptor)


def _restore(paths: list[Path], changed: Mapping[Path, tuple[Original, bytes]]) -> None:
    """Put the content before the patch back."""
    for path in paths:
        original = changed[path][0]
        temporary = path.with_name(f".{path.name}.onecfg")
        _write(temporary, original.data, original)
        temporary.rename(path)


def _flush(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
