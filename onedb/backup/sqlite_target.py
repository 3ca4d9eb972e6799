"""A restore into SQLite: everything in one transaction, which a killed process undoes by itself."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path

from oned.config import DatabaseSettings
from onedb.backup.snapshot import PASSING, fault, superseded
from onedb.backup.sql import Table
from onedb.backup.sqlite import SEQUENCE, connect, quoted, value
from onedb.backup.values import Row, Value
from onedb.errors import BusyError, OnedbError


class SqliteTarget:
    """See :class:`onedb.backup.restore.Target`."""

    def __init__(self, connection: sqlite3.Connection, folder: Path) -> None:
        self._connection = connection
        self._folder = folder
        self._sequence: list[Row] = []

    @classmethod
    @contextmanager
    def open(cls, settings: DatabaseSettings) -> Iterator["SqliteTarget"]:
        """A file that is made here is gone again after a failure."""
        is_new = not settings.path.exists()
        done = False
        connection = connect(settings, create=True)
        try:
            connection.execute("PRAGMA foreign_keys=OFF")
            connection.execute("PRAGMA synchronous=FULL")
            yield cls(connection, settings.path.parent)
            done = True
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                raise BusyError(
                    f"The {settings.label} is in use.", todo="Stop what uses it, such as oned."
                ) from None
            raise fault(settings, error) from None
        except sqlite3.Error as error:
            raise fault(settings, error) from None
        finally:
            connection.close()
            if is_new and not done:
                settings.path.unlink(missing_ok=True)

    def _tables(self) -> list[str]:
        query = "SELECT name FROM sqlite_master WHERE type = 'table'"
        return [row[0].decode() for row in self._connection.execute(query)]

    def exists(self) -> bool:
        """Whether there are tables."""
        return bool(self._tables())

    def room(self, size: int) -> tuple[Path | None, int]:
        """Beside the file: what is written goes into the log of the transaction first."""
        return self._folder, 2 * size

    def begin(self) -> None:
        """From here on nobody else can write."""
        self._connection.execute("BEGIN IMMEDIATE")

    def table(self, table: Table) -> None:
        """In place of the one that is there, and of its indexes: both names are used again."""
        self._connection.execute(f"DROP TABLE IF EXISTS {quoted(table.name)}")
        self._connection.execute(table.statement)

    def insert(self, table: str, columns: tuple[str, ...], rows: list[Row]) -> None:
        """Texts are cast: as bytes they may be any, and would otherwise be stored as binary data."""
        if table == SEQUENCE:
            if len(rows[0]) != 2:
                raise OnedbError(f"The backup has rows of {SEQUENCE} that are none.", todo="Use another backup.")
            self._sequence.extend(rows)  # numbers of tables that are still being made
            return
        names = f" ({', '.join(map(quoted, columns))})" if columns else ""
        for marks, group in groupby(rows, _marks):
            statement = f"INSERT INTO {quoted(table)}{names} VALUES ({marks})"  # noqa: S608 (an identifier and marks)
            self._connection.executemany(statement, [[_parameter(found) for found in row] for row in group])

    def index(self, statement: str) -> None:
        """As it was given once; the reader passes on nothing else."""
        self._connection.execute(statement)

    def rows(self, table: str) -> Iterator[Row]:
        """From within the transaction."""
        if table == SEQUENCE:
            return iter(self._sequence)
        cursor = self._connection.execute(f"SELECT * FROM {quoted(table)}")  # noqa: S608 (an identifier)
        return ([value(found) for found in row] for row in cursor)

    def finish(self, tables: list[str], *, whole: bool) -> None:
        """Set the last numbers and commit."""
        present = self._tables()
        gone = superseded(present, tables) if whole else []
        for name in {*gone, *(name for name in present if name.startswith(PASSING))}:
            self._connection.execute(f"DROP TABLE {quoted(name)}")
        for table, number in self._sequence:
            self._connection.execute("DELETE FROM sqlite_sequence WHERE name = CAST(? AS TEXT)", (table,))
            self._connection.execute(
                "INSERT INTO sqlite_sequence VALUES (CAST(? AS TEXT), ?)", (table, _parameter(number))
            )
        self._connection.execute("COMMIT")
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _marks(row: Row) -> str:
    return ",".join(["CAST(? AS TEXT)" if type(found) is bytes else "?" for found in row])


def _parameter(found: Value) -> object:
    """What the driver takes for ``found``."""
    if isinstance(found, bytearray):
        return bytes(found)
    if not isinstance(found, str):
        return found
    if len(found) < 21 and found.lstrip("+-").isdigit() and -(1 << 63) <= int(found) < 1 << 63:
        return int(found)
    return float(found)
