"""What a step does to the system, as small reversible-to-words actions.

An action says what it would do (``describe``), whether anything is to be done (``needed``) and does it (``apply``).
``--plan`` prints the needed ones; a boot applies them; a second boot finds none of them needed.
"""

import contextlib
import errno
import os
import stat
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from bootstrap.errors import NoSpaceError, VolumeError

OWNER_ONLY = 0o077


@dataclass(frozen=True)
class Owner:
    """Numeric ids to give a file to; None leaves its owner alone (native runs of one user)."""

    uid: int
    gid: int


class Action(Protocol):
    """One change of the system."""

    def describe(self) -> str:
        """What applying would do, in one line without secrets."""

    def needed(self) -> bool:
        """Whether applying would change anything."""

    def apply(self) -> None:
        """Make the change. Raises VolumeError or NoSpaceError."""


@contextlib.contextmanager
def said_plainly(path: Path) -> Iterator[None]:
    """Turn the system's refusals to write at ``path`` into errors that name the volume and what to do."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise NoSpaceError(
                f"No space is left to write {path}.", todo="Free space on its volume, then start again."
            ) from error
        if error.errno == errno.EROFS:
            raise VolumeError(
                f"{path} cannot be written: its file system is read-only.",
                todo="Mount that volume read-write, or a tmpfs where nothing needs to last.",
            ) from error
        if isinstance(error, PermissionError):
            raise VolumeError(
                f"{path} cannot be written: {error.strerror}.",
                todo="Give the volume's folder to the container's root, and grant CHOWN, DAC_OVERRIDE and FOWNER.",
            ) from error
        raise VolumeError(f"{path}: {error.strerror}.", todo="Look at the volume that holds it.") from error


def _chown(path: Path, owner: Owner | None) -> None:
    if owner is not None:
        os.chown(path, owner.uid, owner.gid, follow_symlinks=False)


@dataclass(frozen=True)
class Directory:
    """A folder with its mode and owner; its content is left alone."""

    path: Path
    mode: int = 0o755
    owner: Owner | None = None

    def describe(self) -> str:
        return f"folder {self.path} {self.mode:04o}" + (
            f" of {self.owner.uid}:{self.owner.gid}" if self.owner else ""
        )

    def needed(self) -> bool:
        try:
            found = self.path.stat()
        except FileNotFoundError:
            return True
        same = self.owner is None or (found.st_uid, found.st_gid) == (self.owner.uid, self.owner.gid)
        return not (same and stat.S_IMODE(found.st_mode) == self.mode)

    def apply(self) -> None:
        with said_plainly(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
            _chown(self.path, self.owner)
            self.path.chmod(self.mode)


@dataclass(frozen=True)
class Tree:
    """A volume given to its user: walked only when the owner of its top differs (never into datastores)."""

    path: Path
    owner: Owner

    def describe(self) -> str:
        return f"give {self.path} and all below to {self.owner.uid}:{self.owner.gid}"

    def needed(self) -> bool:
        try:
            found = self.path.stat()
        except FileNotFoundError:
            return False
        return (found.st_uid, found.st_gid) != (self.owner.uid, self.owner.gid)

    def apply(self) -> None:
        with said_plainly(self.path):
            for folder, folders, files in os.walk(self.path):
                for name in (*folders, *files):
                    _chown(Path(folder, name), self.owner)
            # The top comes last: killed half-way, the next boot walks again.
            _chown(self.path, self.owner)


@dataclass(frozen=True)
class File:
    """A file with exactly this content, written beside and renamed, so that nobody ever reads half of it.

    ``durable`` files reach the disk before the rename. A ``secret`` never has a mode for others, not for an instant.
    """

    path: Path
    content: bytes = field(repr=False)
    mode: int = 0o644
    owner: Owner | None = None
    durable: bool = False

    def describe(self) -> str:
        kind = "secret file" if not self.mode & OWNER_ONLY else "file"
        return f"{kind} {self.path} {self.mode:04o}"

    def needed(self) -> bool:
        try:
            found = self.path.lstat()
            same = stat.S_ISREG(found.st_mode) and self.path.read_bytes() == self.content
        except FileNotFoundError:
            return True
        owned = self.owner is None or (found.st_uid, found.st_gid) == (self.owner.uid, self.owner.gid)
        return not (same and owned and stat.S_IMODE(found.st_mode) == self.mode)

    def apply(self) -> None:
        with said_plainly(self.path):
            handle, name = tempfile.mkstemp(prefix=f".{self.path.name}.", dir=self.path.parent)
            try:
                with os.fdopen(handle, "wb") as stream:
                    stream.write(self.content)
                    if self.durable:
                        stream.flush()
                        os.fsync(stream.fileno())
                _chown(Path(name), self.owner)
                Path(name).chmod(self.mode)
                Path(name).replace(self.path)
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise


@dataclass(frozen=True)
class Removed:
    """A file that must not be there, such as a lock or socket that a killed boot left."""

    path: Path

    def describe(self) -> str:
        return f"remove {self.path}"

    def needed(self) -> bool:
        return self.path.is_symlink() or self.path.exists()

    def apply(self) -> None:
        with said_plainly(self.path):
            self.path.unlink(missing_ok=True)
