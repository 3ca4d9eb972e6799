"""SQLite's side: one read transaction of the standard library's driver, texts as the bytes of their UTF-8."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote

from oned.config import DatabaseSettings
from onedb.backup.snapshot import fault, own_tables
from onedb.backup.values import Row, Value
from onedb.errors import UnreachableError

BUSY_SECONDS = 10
SEQUENCE = "sqlite_sequence"
"""Where SQLite keeps the last number of tables with AUTOINCREMENT."""


def quoted(name: str) -> str:
    """``name`` as an identifier."""
    return '"' + name.replace('"', '""') + '"'


def connect(settings: DatabaseSettings, *, create: bool = False) -> sqlite3.Connection:
    """A connection to the file, with transactions left to the caller; ``create`` allows for a file that is not there.

    Raises :class:`UnreachableError`.
    """
    if not create and not settings.path.exists():
        raise UnreachableError(f"File {settings.path} doesn't exist.", todo="Name the file of the database.")
    mode = "rwc" if create else "rw"  # not "ro": a killed writer's log must be played back before anybody can read
    try:
        connection = sqlite3.connect(
            f"file:{quote(str(settings.path))}?mode={mode}", uri=True, isolation_level=None, timeout=BUSY_SECONDS
        )
        connection.text_factory = bytearray  # so that texts and binary data, which are bytes, stay apart
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.Error as error:
        todo = "Check that it is an SQLite database, in a folder that this user may write."
        raise UnreachableError(f"The {settings.label} cannot be used: {error}.", todo=todo) from None
    return connection


def value(found: object) -> Value:
    """What the driver gave, as a :data:`Value`."""
    if isinstance(found, bytearray):
        return bytes(found)
    if isinstance(found, bytes):
        return bytearray(found)
    if isinstance(found, float):
        return repr(found)
    return None if found is None else str(found)


class SqliteSnapshot:
    """The view of one read transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    @classmethod
    @contextmanager
    def open(cls, settings: DatabaseSettings) -> Iterator["SqliteSnapshot"]:
        """Begin, and let go of everything at the end."""
        connection = connect(settings)
        try:
            connection.execute("BEGIN")
            connection.execute(
                "SELECT count(*) FROM sqlite_master"
            ).fetchone()  # the view begins with the first read
            yield cls(connection)
        except sqlite3.Error as error:
            raise fault(settings, error) from None
        finally:
            connection.close()

    def _names(self, statement: str, *parameters: str) -> list[str]:
        return [row[0].decode() for row in self._connection.execute(statement, parameters)]

    def tables(self) -> list[str]:
        """With :data:`SEQUENCE` at the end, where there is one."""
        names = self._names("SELECT name FROM sqlite_master WHERE type = 'table'")
        own = own_tables(name for name in names if not name.startswith("sqlite_"))
        return [*own, SEQUENCE] if SEQUENCE in names else own

    def size(self) -> int:
        """What its pages take."""
        pages, page = (
            self._connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size")
        )
        return int(pages * page)

    def expected(self, tables: list[str]) -> int:
        """As SQLite counts them."""
        counts = (f"SELECT count(*) FROM {quoted(name)}" for name in tables)  # noqa: S608 (named by SQLite)
        return sum(int(self._connection.execute(statement).fetchone()[0]) for statement in counts)

    def statements(self, table: str) -> tuple[str, list[str]]:
        """As they were given when the table and its indexes were made."""
        if table == SEQUENCE:
            return "", []
        query = "SELECT sql FROM sqlite_master WHERE type = ? AND tbl_name = ? AND sql IS NOT NULL ORDER BY rowid"
        return self._names(query, "table", table)[0], self._names(query, "index", table)

    def columns(self, table: str) -> list[str]:
        """See :class:`onedb.backup.snapshot.Snapshot`."""
        return self._names("SELECT name FROM pragma_table_info(?)", table)

    def rows(self, table: str) -> Iterator[Row]:
        """See :class:`onedb.backup.snapshot.Snapshot`."""
        names = ", ".join(map(quoted, self.columns(table)))
        cursor = self._connection.execute(f"SELECT {names} FROM {quoted(table)}")  # noqa: S608 (named by SQLite)
        return ([bytes(found) if type(found) is bytearray else value(found) for found in row] for row in cursor)
