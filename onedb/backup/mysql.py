"""MariaDB's side: rows straight from the wire, as the bytes that the server sends."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from pymysql.constants import ER, FIELD_TYPE
from pymysql.err import MySQLError

from oned.config import DatabaseSettings
from oned.database.mysql import QuickConnection
from onedb import mariadb
from onedb.backup.snapshot import fault, own_tables
from onedb.backup.values import Row, Value

_NUMBERS = frozenset(
    {
        FIELD_TYPE.DECIMAL,
        FIELD_TYPE.NEWDECIMAL,
        FIELD_TYPE.TINY,
        FIELD_TYPE.SHORT,
        FIELD_TYPE.LONG,
        FIELD_TYPE.FLOAT,
        FIELD_TYPE.DOUBLE,
        FIELD_TYPE.LONGLONG,
        FIELD_TYPE.INT24,
        FIELD_TYPE.YEAR,
    }
)
_TIMES = frozenset(
    {
        FIELD_TYPE.TIMESTAMP,
        FIELD_TYPE.DATE,
        FIELD_TYPE.TIME,
        FIELD_TYPE.DATETIME,
        FIELD_TYPE.NEWDATE,
        FIELD_TYPE.JSON,
    }
)
_BINARY_CHARSET = 63
Read = Callable[[bytes], Value]


def quoted(name: str) -> str:
    """``name`` as an identifier."""
    return "`" + name.replace("`", "``") + "`"


def fetch(connection: QuickConnection, statement: str) -> list[tuple[Any, ...]]:
    """All rows that ``statement`` gives."""
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return list(cursor.fetchall())


def stream(connection: QuickConnection, statement: str) -> Iterator[Row]:
    """The rows that ``statement`` gives, one in memory at a time."""
    return mariadb.stream(connection, statement, _readers)


def _readers(result: Any) -> list[Read]:  # noqa: ANN401 (PyMySQL declares no attributes)
    return [_reader(field) for field in result.fields]


def _reader(field: Any) -> Read:  # noqa: ANN401 (PyMySQL declares no attributes)
    if field.type_code in _NUMBERS:
        return _digits
    if field.type_code in _TIMES or (field.charsetnr != _BINARY_CHARSET and field.type_code != FIELD_TYPE.BIT):
        return bytes
    return bytearray


def _digits(data: bytes) -> str:
    return data.decode("ascii")


def _begin(connection: QuickConnection) -> list[str]:
    """Begin a transaction that holds all tables; their names. Its view begins with the first row that is read."""

    def hold(table: str) -> None:
        try:
            fetch(connection, mariadb.touching(table))
        except MySQLError as error:
            if error.args[0] != ER.NO_SUCH_TABLE:
                raise

    while True:
        fetch(connection, "START TRANSACTION READ ONLY")
        try:
            return mariadb.steady_tables(partial(fetch, connection), hold, hold=True)
        except MySQLError as error:
            if error.args[0] != ER.LOCK_DEADLOCK:  # with an exchange that has begun, which goes first
                raise


class MysqlSnapshot:
    """The view of one transaction, in which nobody can exchange tables: half of them would be no database."""

    def __init__(self, connection: QuickConnection, tables: list[str]) -> None:
        self._connection = connection
        self._tables = tables

    @classmethod
    @contextmanager
    def open(cls, settings: DatabaseSettings) -> Iterator["MysqlSnapshot"]:
        """Begin, and let go of everything at the end."""
        connection = mariadb.connect(settings)
        try:
            fetch(connection, "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            yield cls(connection, _begin(connection))
        except MySQLError as error:
            raise fault(settings, error) from None
        finally:
            if connection.open:
                connection.close()

    def tables(self) -> list[str]:
        """As they were at the beginning."""
        return own_tables(self._tables)

    def size(self) -> int:
        """As the server estimates it."""
        statement = (
            "SELECT COALESCE(SUM(data_length), 0) FROM information_schema.tables WHERE table_schema = DATABASE()"
        )
        return int(fetch(self._connection, statement)[0][0])

    def expected(self, tables: list[str]) -> int:
        """As the server estimates it."""
        statement = (
            "SELECT table_name, COALESCE(table_rows, 0) FROM information_schema.tables "
            "WHERE table_schema = DATABASE()"
        )
        return sum(int(rows) for name, rows in fetch(self._connection, statement) if name in tables)

    def statements(self, table: str) -> tuple[str, list[str]]:
        """As the server tells them, with every index."""
        return fetch(self._connection, f"SHOW CREATE TABLE {quoted(table)}")[0][1], []

    def columns(self, table: str) -> list[str]:
        """See :class:`onedb.backup.snapshot.Snapshot`."""
        return [row[0] for row in fetch(self._connection, f"SHOW COLUMNS FROM {quoted(table)}")]

    def rows(self, table: str) -> Iterator[Row]:
        """See :class:`onedb.backup.snapshot.Snapshot`."""
        return stream(self._connection, f"SELECT * FROM {quoted(table)}")  # noqa: S608 (a table that the server named)
