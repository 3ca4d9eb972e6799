"""One patch at a time per tree.

The lock is an flock on ``.onecfg.lock`` in the folder that all patches of the tree share: a killed process loses it,
so a file that is left behind blocks nobody. What stands in the file only tells who has it.
"""

import fcntl
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from onecfg.model import PatchError

NAME = ".onecfg.lock"
WAIT_SECONDS = 10.0


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Keep other patches of this tree out. Raises ``PatchError`` that names the owner after ten seconds."""
    path = folder / NAME
    descriptor = _acquire(path)
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, _owner().encode(errors="replace"), 0)
        yield
    finally:
        # Unlinked while it is held: whoever opened it before finds another file at the path, and opens that.
        with suppress(OSError):
            path.unlink()
        os.close(descriptor)


def _owner() -> str:
    command = Path(sys.argv[0]).name or "python"
    return f"process {os.getpid()} ({command}) since {time.strftime('%Y-%m-%d %H:%M:%S')}"


def _acquire(path: Path) -> int:
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        descriptor = _open(path)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_at(descriptor, path):
                return descriptor
        except BlockingIOError:
            pass
        if time.monotonic() >= deadline:
            owner = os.pread(descriptor, 200, 0).decode(errors="replace")
            os.close(descriptor)
            raise PatchError(
                f"Another patch is at work below '{path.parent}': {owner or 'its owner is unknown'}.",
                todo="Try again when it has ended.",
            )
        os.close(descriptor)
        time.sleep(0.02)


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise PatchError(
            f"'{path.parent}' cannot be locked: {error.strerror}.",
            todo="Run this as the owner of the configuration, on a file system that can be written.",
        ) from None


def _is_at(descriptor: int, path: Path) -> bool:
    """Whether the file that is locked is the one that others would open."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.lstat())
    except FileNotFoundError:
        return False
