"""What has to hold while an upgrade works: nobody else does, and there is room.

Locks are the database's or the operating system's and go with their process: nothing that a killed run leaves blocks.
"""

import contextlib
import fcntl
import hashlib
import os
import shutil
import socket
import time
from collections.abc import Iterator
from pathlib import Path

from oned.config import DatabaseSettings
from onedb.errors import BusyError, OnedbError
from onedb.link import Link
from onedb.staged import StagedSettings
from onedb.upgrade.listening import answers, endpoint_of
from onelib.locations import Locations

OTHERS_SECONDS = 3.0
"""How long connections that are just ending may take."""
MARGIN = 1.2


@contextlib.contextmanager
def only_one(link: Link, settings: DatabaseSettings) -> Iterator[None]:
    """Keep every other ``onedb`` from changing this database. Raises :class:`BusyError`."""
    if isinstance(settings, StagedSettings):  # whoever filled those tables has the lock
        yield
        return
    if link.mysql:
        name = "onedb." + hashlib.sha256(settings.name.encode()).hexdigest()[:24]
        # One that was killed has it until the server is done with its last statement.
        if link.fetch("SELECT GET_LOCK(%s, %s)", (name, OTHERS_SECONDS))[0][0] != 1:
            raise _another()
        try:
            yield
        finally:
            with contextlib.suppress(OnedbError):  # gone with the connection otherwise
                link.fetch("SELECT RELEASE_LOCK(%s)", (name,))
        return
    descriptor = _lock_file(Path(f"{settings.path}.onedb.lock"))
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise _another() from None
    finally:
        os.close(descriptor)


def _lock_file(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise OnedbError(
            f"The lock {path} cannot be used: {error.strerror}.", todo="Let this user write beside the database."
        ) from None


def _another() -> BusyError:
    return BusyError(
        "Another onedb is at work on this database.", todo="Wait until it has ended; it needs no help."
    )


def no_oned(link: Link, settings: DatabaseSettings) -> None:
    """Refuse to work beside an ``oned``: of this tree, answering its API, or with this database open.

    Raises :class:`BusyError`. What a killed ``oned`` has left does not count.
    """
    lock = Locations.from_environment().auth / ".oned.lock"
    if lock.exists() and _is_held(lock):
        raise BusyError("First stop OpenNebula: an oned works on this front-end.", todo="Stop it, then try again.")
    if (endpoint := endpoint_of(settings)) and answers(endpoint):
        raise BusyError(
            f"OpenNebula found listening on '{endpoint}'. First stop OpenNebula.", todo="Stop it, then try again."
        )
    deadline = time.monotonic() + OTHERS_SECONDS
    while others := _sessions(link) if link.mysql else _holders(settings.path):
        if time.monotonic() > deadline:
            raise BusyError(
                f"First stop OpenNebula: others have the {settings.label} open ({', '.join(others)}).",
                todo="Stop them, then try again; --force goes on beside them.",
            )
        time.sleep(0.1)


def _is_held(path: Path) -> bool:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _sessions(link: Link) -> list[str]:
    """Other sessions on this database, as far as the user may see them; oned's are of the same user."""
    rows = link.fetch(
        "SELECT id, host FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()"
    )
    return [f"session {number} from {host}" for number, host in rows]


def _holders(path: Path) -> list[str]:
    """Other processes of this host that have the file open."""
    found = []
    target = os.path.realpath(path)
    for folder in Path("/proc").glob("[0-9]*/fd"):
        process = folder.parent.name
        with contextlib.suppress(OSError):  # of another user, or gone
            if process != str(os.getpid()) and any(target == str(link.readlink()) for link in folder.iterdir()):
                found.append(f"process {process}")
    return found


def size(link: Link, tables: list[str] | None = None) -> int:
    """About how many bytes ``tables`` take, or all of them."""
    if not link.mysql:
        return int(link.fetch("PRAGMA page_count")[0][0]) * int(link.fetch("PRAGMA page_size")[0][0])
    rows = link.fetch(
        "SELECT table_name, COALESCE(data_length + index_length, 0) FROM information_schema.tables "
        "WHERE table_schema = DATABASE()"
    )
    return sum(int(number) for name, number in rows if tables is None or name in tables)


def check_room(folder: Path | None, needed: int, what: str) -> None:
    """Refuse to begin without room for ``needed`` bytes and a margin in ``folder``. Raises :class:`OnedbError`.

    A folder that this host does not have, as with a database elsewhere, cannot be checked.
    """
    if folder is not None and folder.is_dir() and shutil.disk_usage(folder).free < needed * MARGIN:
        raise OnedbError(
            f"{folder} has no room for {what}: about {round(needed * MARGIN / 2**20)} MiB are needed.",
            todo="Make room, or name another folder; nothing was changed.",
        )


def data_folder(link: Link, settings: DatabaseSettings) -> Path | None:
    """Where the database keeps its files, as it says; None for one of another host."""
    if not link.mysql:
        return settings.path.parent
    return Path(str(link.fetch("SELECT @@datadir")[0][0])) if is_here(settings) else None


def is_here(settings: DatabaseSettings) -> bool:
    """Whether the database is one of this host, as far as its address says."""
    return settings.server.startswith(("/", "127.")) or settings.server in {
        "localhost",
        "::1",
        socket.gethostname(),
    }
