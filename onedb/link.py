"""One connection to either database, in plain SQL: what an upgrade needs and no more, quick to import."""

import contextlib
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote

from onedb.errors import OnedbError, UnreachableError

if TYPE_CHECKING:
    from oned.config import DatabaseSettings

LOCK_SECONDS = 10
Row = tuple[Any, ...]


class Link(ABC):
    """A connection; transactions are the caller's.

    Every method raises :class:`OnedbError` with what the database said, never with a statement or a value.
    """

    mysql: bool
    mark: str
    """The placeholder of a value."""

    def __init__(self, settings: "DatabaseSettings") -> None:
        self.settings = settings

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @abstractmethod
    def fetch(self, statement: str, values: Sequence[object] = ()) -> list[Row]:
        """All rows of ``statement``."""

    @abstractmethod
    def start(self, statement: str) -> None:
        """Begin ``statement``, which gives no rows; whether it was refused, the next call tells."""

    @abstractmethod
    def stream(self, statement: str) -> Iterator[Sequence[Any]]:
        """The rows of ``statement``, one in memory at a time; the connection serves nothing else meanwhile.

        Who does not read to the end loses the connection on MariaDB.
        """

    @abstractmethod
    def insert(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        """Insert ``rows``, all or none; whether it was refused, the next call tells."""

    @abstractmethod
    def tables(self) -> list[str]:
        """The names of all tables, in order."""

    @abstractmethod
    def columns(self, table: str) -> list[str]:
        """The names of the columns of ``table``, in order."""

    @abstractmethod
    def close(self) -> None:
        """Close; what was not committed is undone."""

    def quoted(self, name: str) -> str:
        """``name`` as an identifier."""
        letter = "`" if self.mysql else '"'
        return letter + name.replace(letter, letter * 2) + letter

    def _refused(self, error: Exception) -> OnedbError:
        said = ": ".join(str(part) for part in error.args) or type(error).__name__
        return OnedbError(
            f"The {self.settings.label} refused the operation ({said}).", todo="See the log of the database."
        )


class SqliteLink(Link):
    """The file of an SQLite database, which has to exist."""

    mysql = False
    mark = "?"

    def __init__(self, settings: "DatabaseSettings") -> None:
        super().__init__(settings)
        if not settings.path.exists():
            raise UnreachableError(f"File {settings.path} doesn't exist.", todo="Name the file of the database.")
        # Not "ro": what a killed writer left has to be played back before anybody can read.
        place = f"file:{quote(str(settings.path))}?mode=rw"
        try:
            self._connection = sqlite3.connect(place, uri=True, isolation_level=None, timeout=LOCK_SECONDS)
            self._connection.execute("PRAGMA synchronous=FULL")
            self._connection.execute("PRAGMA secure_delete=FAST")  # or a table that goes is written over first
            self._connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        except sqlite3.Error as error:
            todo = "Check that it is an SQLite database that this user may write."
            raise UnreachableError(f"The {settings.label} cannot be used: {error}.", todo=todo) from None

    def fetch(self, statement: str, values: Sequence[object] = ()) -> list[Row]:
        """See :class:`Link`."""
        try:
            return self._connection.execute(statement, tuple(values)).fetchall()
        except sqlite3.Error as error:
            raise self._refused(error) from None

    def stream(self, statement: str) -> Iterator[Sequence[Any]]:
        """See :class:`Link`."""
        try:
            yield from self._connection.execute(statement)
        except sqlite3.Error as error:
            raise self._refused(error) from None

    def start(self, statement: str) -> None:
        """See :class:`Link`; refused at once."""
        self.fetch(statement)

    def insert(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        """See :class:`Link`; within the caller's transaction."""
        names, marks = ", ".join(map(self.quoted, columns)), ", ".join(self.mark * len(columns))
        try:
            self._connection.executemany(f"INSERT INTO {self.quoted(table)} ({names}) VALUES ({marks})", rows)  # noqa: S608 (quoted)
        except sqlite3.Error as error:
            raise self._refused(error) from None

    def tables(self) -> list[str]:
        """See :class:`Link`."""
        return [
            name for (name,) in self.fetch("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
        ]

    def columns(self, table: str) -> list[str]:
        """See :class:`Link`."""
        return [row[1] for row in self.fetch(f"PRAGMA table_info({self.quoted(table)})")]

    def close(self) -> None:
        """See :class:`Link`."""
        self._connection.close()


class MysqlLink(Link):
    """A connection to MariaDB or MySQL; every statement is a transaction unless the caller begins one."""

    mysql = True
    mark = "%s"

    def __init__(self, settings: "DatabaseSettings") -> None:
        from pymysql.err import MySQLError

        from onedb.mariadb import connect

        super().__init__(settings)
        self._fault = MySQLError
        self._connection = connect(settings, autocommit=True)

    def fetch(self, statement: str, values: Sequence[object] = ()) -> list[Row]:
        """See :class:`Link`."""
        try:
            self._connection.settle()
            with self._connection.cursor() as cursor:
                cursor.execute(statement, tuple(values) or None)
                return list(cursor.fetchall())
        except self._fault as error:
            raise self._refused(error) from None

    def stream(self, statement: str) -> Iterator[Sequence[Any]]:
        """See :class:`Link`."""
        from onedb.mariadb import python_values, stream

        try:
            self._connection.settle()
            yield from stream(self._connection, statement, python_values)
        except self._fault as error:
            raise self._refused(error) from None

    def start(self, statement: str) -> None:
        """See :class:`Link`: the server works meanwhile."""
        try:
            self._connection.begin_query(statement)
        except self._fault as error:
            raise self._refused(error) from None

    def insert(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        """See :class:`Link`: the server works meanwhile."""
        names = ", ".join(map(self.quoted, columns))
        try:
            self._connection.begin_query(
                f"INSERT INTO {self.quoted(table)} ({names}) VALUES {self._connection.literal_rows(rows)}"  # noqa: S608 (quoted)
            )
        except self._fault as error:
            raise self._refused(error) from None

    def tables(self) -> list[str]:
        """See :class:`Link`; never in the middle of an exchange, such as a killed run may have left to the server."""
        from onedb.mariadb import steady_tables, touching

        def touch(name: str) -> None:
            with contextlib.suppress(OnedbError):  # it is not there; what else it may be, the list tells next
                self.fetch(touching(name))

        return steady_tables(self.fetch, touch)

    def columns(self, table: str) -> list[str]:
        """See :class:`Link`."""
        return [row[0] for row in self.fetch(f"SHOW COLUMNS FROM {self.quoted(table)}")]

    def close(self) -> None:
        """See :class:`Link`."""
        if self._connection.open:
            self._connection.close()


def open_link(settings: "DatabaseSettings") -> Link:
    """A connection to the database of ``settings``. Raises :class:`UnreachableError`."""
    if settings.backend != "mysql":
        return SqliteLink(settings)
    from onedb.staged import StagedLink, StagedSettings

    return StagedLink(settings) if isinstance(settings, StagedSettings) else MysqlLink(settings)
