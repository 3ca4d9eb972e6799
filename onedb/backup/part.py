"""The file of a backup before it is one: hidden, locked as long as somebody writes it, and then given its name."""

import errno
import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from onedb.errors import OnedbError

_PART = ".onedb-part"


def exists_already(path: Path) -> OnedbError:
    """The error for a target that is taken."""
    return OnedbError(f"File {path} exists, backup aborted. Use -f to overwrite.")


def _new_part(path: Path) -> tuple[Path, int]:
    """A hidden file of nobody else, and its locked descriptor."""
    while True:
        part = path.parent / f".{path.name}.{secrets.token_hex(6)}{_PART}"
        try:
            descriptor = os.open(part, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise OnedbError(
                f"The backup {path} cannot be written: {error.strerror}.",
                todo="Name a folder that this user may write.",
            ) from None
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.fstat(descriptor).st_nlink:
            return part, descriptor
        os.close(descriptor)  # another run took it for a leftover before it was locked


@contextmanager
def part_of(path: Path) -> Iterator[tuple[Path, int]]:
    """A hidden file beside ``path``, locked as long as it is written, and gone afterwards."""
    part, descriptor = _new_part(path)
    try:
        yield part, descriptor
    except OSError as error:
        full = error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
        todo = f"Free space in {path.parent}, or name another folder." if full else "Check the disk."
        raise OnedbError(f"The backup {path} cannot be written: {error.strerror}.", todo=todo) from None
    finally:
        part.unlink(missing_ok=True)
        os.close(descriptor)


def publish(part: Path, path: Path, *, overwrite: bool) -> None:
    """Give ``part`` its name, for good."""
    if overwrite:
        part.rename(path)
    else:
        try:
            path.hardlink_to(part)  # unlike a rename it never takes the place of what another run has written
        except FileExistsError:
            raise exists_already(path) from None
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def remove_leftovers(folder: Path) -> None:
    """Hidden files that nobody writes any more."""
    for part in folder.glob(f".*{_PART}"):
        try:
            descriptor = os.open(part, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            part.unlink(missing_ok=True)
        except OSError:
            continue  # somebody is writing it
        finally:
            os.close(descriptor)
