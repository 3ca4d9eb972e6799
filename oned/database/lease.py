"""What only one of several servers on a database does at a time: publishing events.

On SQLite a lock of the operating system decides, which goes with its process. On MariaDB it is a row that its holder
renews; that also holds between the nodes of a cluster. A holder that is gone is replaced when its row has expired; when
it comes back it has an identity that it kept, and goes on at once.
"""

import contextlib
import fcntl
import os
import re
import secrets
import socket
import time
from pathlib import Path
from typing import Protocol

from sqlalchemy import func, or_, select, update
from sqlalchemy.dialects import mysql

from oned.database.db import Database, Transaction
from oned.database.schema import lease
from oned.errors import StateError

LEASE_SECONDS = 6.0
RENEW_SECONDS = 2.0
"""How long its holder relies on a row without asking."""

NOW = func.unix_timestamp(func.now(6))
"""The database's clock."""


class Lease(Protocol):
    """A right that one server has."""

    def hold(self) -> bool:
        """Take or keep it; False when another server has it. Raises :class:`oned.errors.OneError`."""

    def release(self) -> None:
        """Give it back."""


class FileLease:
    """A lock on a file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = -1

    def hold(self) -> bool:
        """Take or keep the lock. Raises :class:`StateError` when the file cannot be used."""
        if self._descriptor != -1:
            return True
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StateError(
                f"The file {self._path} cannot be used: {error.strerror}.", todo="Make its folder writable."
            ) from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        self._descriptor = descriptor
        return True

    def release(self) -> None:
        """Unlock."""
        if self._descriptor != -1:
            os.close(self._descriptor)
            self._descriptor = -1


class RowLease:
    """A row of ``oneedge_lease`` on MariaDB."""

    def __init__(self, database: Database, name: str, owner: str) -> None:
        self._database = database
        self._name = name
        self._owner = owner
        self._renewed = -LEASE_SECONDS

    @property
    def until(self) -> float:
        """When the row expires unless it is renewed, by the monotonic clock; it may be past."""
        return self._renewed + LEASE_SECONDS

    def hold(self) -> bool:
        """Take or renew the row. Raises :class:`oned.errors.DatabaseError`."""
        begin = time.monotonic()
        if begin - self._renewed < RENEW_SECONDS:
            return True
        held = self._database.beside(self._take)
        self._renewed = begin if held else -LEASE_SECONDS
        return held

    def _take(self, transaction: Transaction) -> bool:
        mine = (
            update(lease)
            .where(lease.c.name == self._name, or_(lease.c.owner == self._owner, lease.c.expires < NOW))
            .values(owner=self._owner, expires=NOW + LEASE_SECONDS)
        )
        if transaction.write(mine).rowcount > 0:
            return True
        if transaction.rows(select(lease.c.name).where(lease.c.name == self._name)):
            return False
        first = mysql.insert(lease).prefix_with("IGNORE")
        row = {"name": self._name, "owner": self._owner, "expires": NOW + LEASE_SECONDS}
        return transaction.write(first.values(row)).rowcount > 0

    def release(self) -> None:
        """Let another server take the row at once."""
        self._renewed = -LEASE_SECONDS
        mine = update(lease).where(lease.c.name == self._name, lease.c.owner == self._owner)
        self._database.beside(lambda transaction: transaction.write(mine.values(expires=0)))


def identity(folder: Path) -> str:
    """Who the server with its state in ``folder`` is, made up the first time. Of one folder only one server runs.

    A copy of the folder, as for a second server, is somebody else: the name is good for the file it was written to, on
    the machine of that name. Raises :class:`StateError`.
    """
    path = folder / ".server_id"
    try:
        with contextlib.suppress(FileNotFoundError):
            with path.open(encoding="ascii", errors="replace") as file:
                known, _, place = file.read().strip().partition(" ")
                if re.fullmatch("[0-9a-f]{16}", known) and place == _place(file.fileno()):
                    return known
            path.unlink()
        made = secrets.token_hex(8)
        with path.open("x", encoding="ascii") as file:
            file.write(f"{made} {_place(file.fileno())}\n")
    except OSError as error:
        raise StateError(
            f"The file {path} cannot be used: {error.strerror}.", todo="Make its folder writable for this user."
        ) from None
    return made


def _place(descriptor: int) -> str:
    """The machine and the file; devices are numbered anew at each start of a machine."""
    return f"{os.fstat(descriptor).st_ino} {socket.gethostname()!a}"


def make_lease(database: Database, name: str, folder: Path) -> Lease:
    """The lease ``name`` of the servers on ``database``, for the one with its state in ``folder``."""
    if database.mysql:
        return RowLease(database, name, identity(folder))
    path = database.settings.path
    return FileLease(path.with_name(f"{path.name}.{name}"))
