"""What the manager has to do, and what it has to report: kept in a file, so that its end loses none of it.

An execution that waited is carried out by the next process. Of one that ran it is not known how far it came: it is
reported as failed, so that somebody can look and run it again. A report that was not acknowledged is sent again.
"""

import sqlite3
import uuid
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import ClassVar

from onelib.errors import OneError

MOST_WAITING = 10_000
_TABLE = """
CREATE TABLE IF NOT EXISTS execution (
    id INTEGER PRIMARY KEY AUTOINCREMENT, uuid TEXT, hook INTEGER, arguments TEXT, host TEXT, retry INTEGER,
    state INTEGER, code INTEGER, result TEXT
)
"""


class JournalError(OneError):
    """The journal cannot be used."""

    exit_code: ClassVar[int] = 73


class State(IntEnum):
    """How far an execution is."""

    WAITING = 0
    RUNNING = 1
    DONE = 2


@dataclass(frozen=True)
class Execution:
    """One execution; ``result`` is the record's XML when it is done."""

    number: int
    uuid: str
    hook: int
    arguments: str
    host: str
    retry: bool
    code: int
    result: str


class Journal:
    """The file. Used by one thread of one process."""

    def __init__(self, path: Path) -> None:
        """Open or make it. Raises :class:`JournalError`."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(path, timeout=0.5, isolation_level=None)
            path.chmod(0o600)  # arguments hold the templates of virtual machines
            self._connection.execute("PRAGMA locking_mode=EXCLUSIVE")
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA synchronous=OFF")  # it is the end of a process that must do no harm
            self._connection.execute(_TABLE)
        except (OSError, sqlite3.Error) as error:
            raise JournalError(
                f"The journal {path} cannot be used: {error}.",
                todo="Stop another manager that uses it; or make its folder writable; a damaged file may be removed.",
            ) from None

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def add(self, hook: int, arguments: str, host: str, *, retry: bool = False) -> int | None:
        """Note an execution that is to be; its number, None when too many wait already."""
        (waiting,) = self._connection.execute(
            "SELECT COUNT(*) FROM execution WHERE state = ?", (State.WAITING,)
        ).fetchone()
        if waiting >= MOST_WAITING:
            return None
        cursor = self._connection.execute(
            "INSERT INTO execution (uuid, hook, arguments, host, retry, state, code, result) "
            "VALUES (?, ?, ?, ?, ?, ?, 0, '')",
            (str(uuid.uuid4()), hook, arguments, host, retry, State.WAITING),
        )
        return cursor.lastrowid

    def get(self, number: int) -> Execution | None:
        """The execution ``number``."""
        found = self._connection.execute(
            "SELECT id, uuid, hook, arguments, host, retry, code, result FROM execution WHERE id = ?", (number,)
        ).fetchone()
        if found is None:
            return None
        number, identity, hook, arguments, host, retry, code, result = found
        return Execution(number, identity, hook, arguments, host, bool(retry), code, result)

    def numbers(self, state: State) -> list[int]:
        """The executions in ``state``, in their order."""
        rows = self._connection.execute("SELECT id FROM execution WHERE state = ? ORDER BY id", (state,))
        return [number for (number,) in rows]

    def started(self, number: int) -> None:
        """It runs from now on."""
        self._connection.execute("UPDATE execution SET state = ? WHERE id = ?", (State.RUNNING, number))

    def done(self, number: int, code: int, result: str) -> None:
        """It has ended, and is to be reported."""
        self._connection.execute(
            "UPDATE execution SET state = ?, code = ?, result = ?, arguments = '' WHERE id = ?",
            (State.DONE, code, result, number),
        )

    def remove(self, number: int) -> None:
        """It is reported, or never will be."""
        self._connection.execute("DELETE FROM execution WHERE id = ?", (number,))
