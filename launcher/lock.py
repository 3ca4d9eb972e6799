"""One launcher at a time on a machine: two would build the same image and install the same packages."""

import fcntl
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from launcher.errors import BusyError
from launcher.progress import Progress

# Seconds that a second launcher waits for the first one.
WAIT = 1800.0
# The same where it is about one container: an upgrade is worth telling of at once.
CONTAINER_WAIT = 2.0


def default_path() -> Path:
    """Machine-wide and writable for every user."""
    folder = Path("/run/lock")
    return (folder if os.access(folder, os.W_OK) else Path(tempfile.gettempdir())) / "oneedge-launcher.lock"


def container_path(kind: str, name: str) -> Path:
    """The lock of one container of the engine ``kind``: two upgrades of it cannot happen at once."""
    return default_path().with_name(f"oneedge-upgrade-{kind}-{name}.lock")


@contextmanager
def held(command: str, progress: Progress, path: Path | None = None, wait: float = WAIT) -> Iterator[None]:
    """Hold the machine's launcher lock while the block runs.

    The kernel frees it with the process, so a killed launcher leaves nothing behind. Raises :class:`BusyError` where
    another one holds it longer than ``wait`` seconds.
    """
    path = default_path() if path is None else path
    handle = _open(path)
    try:
        if not _try(handle):
            with progress.step("Waiting for another launcher on this machine") as step:
                _wait(handle, path, wait, step.note)
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"pid {os.getpid()}, user {os.getuid()}, make {command}\n".encode(), 0)
        yield
    finally:
        os.close(handle)


def _open(path: Path) -> int:
    """The lock file, writable for all: it carries no more than a pid and a command's name."""
    flags = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        # Without O_CREAT first: the kernel refuses it for others' files in world-writable folders.
        return os.open(path, flags)
    except FileNotFoundError:
        handle = os.open(path, flags | os.O_CREAT, 0o666)
        if os.fstat(handle).st_uid == os.geteuid():
            os.fchmod(handle, 0o666)
        return handle


def _try(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _wait(handle: int, path: Path, seconds: float, note: Callable[[str], None]) -> None:
    deadline = time.monotonic() + seconds
    while not _try(handle):
        owner = os.pread(handle, 200, 0).decode(errors="replace").strip() or "unknown"
        note(f"held by {owner}")
        if time.monotonic() > deadline:
            raise BusyError(
                f"Another launcher holds {path}: {owner}.",
                todo="Let it finish, or end that process; the lock goes with it.",
            )
        time.sleep(0.5)
