"""How the tool connects to MariaDB or MySQL, and reads many rows of it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import methodcaller
from typing import Any, TypeVar

from pymysql.constants import COMMAND
from pymysql.err import MySQLError

from oned.config import DatabaseSettings
from oned.database.mysql import QuickConnection, is_eof, row_of
from onedb.errors import UnreachableError
from onedb.upgrade.names import JOURNAL, OLD

Value = TypeVar("Value")

CONNECT_SECONDS = 5
ANSWER_SECONDS = 3600
"""An index over all machines takes its time."""
LOCK_SECONDS = 10
EXCHANGED = ("user_pool", OLD + JOURNAL)
"""One or the other takes part in every exchange: of a restore, of an upgrade and back."""


class ToolConnection(QuickConnection):
    """A connection that can let the server work while the next statement is being written."""

    _execute_command: Callable[[int, str], None]
    _begun = False

    def begin_query(self, statement: str) -> None:
        """Send ``statement``, which gives no rows, when the one before has ended.

        Raises :class:`pymysql.err.MySQLError` for that one.
        """
        self.settle()
        self._execute_command(COMMAND.COM_QUERY, statement)
        self._begun = True

    def settle(self) -> None:
        """Wait for what was begun, if anything was. Raises :class:`pymysql.err.MySQLError` where it was refused."""
        if self._begun:
            self._begun = False
            self._read_query_result()

    def literal_rows(self, rows: Iterable[Sequence[object]]) -> str:
        """``rows`` as they stand behind ``VALUES``."""
        return ",".join([f"({','.join([self._written(value) for value in row])})" for row in rows])

    def _written(self, value: object) -> str:
        if type(value) is str:
            return f"'{self._escape_string(value)}'"
        return str(value) if type(value) is int else "NULL" if value is None else self.escape(value, self.encoders)


def connect(settings: DatabaseSettings, name: str | None = None, *, autocommit: bool = False) -> ToolConnection:
    """A connection to the database ``name``, else that of ``settings``.

    Raises :class:`UnreachableError`, never with the password.
    """
    socket = settings.server if settings.server.startswith("/") else None
    try:
        return ToolConnection(
            host=None if socket else settings.server,
            port=settings.port or 3306,
            unix_socket=socket,
            user=settings.user,
            password=settings.password.encode(),  # as bytes, or it would be sent as Latin-1
            database=name or settings.name,
            charset="utf8mb4",
            autocommit=autocommit,
            connect_timeout=CONNECT_SECONDS,
            read_timeout=ANSWER_SECONDS,
            write_timeout=ANSWER_SECONDS,
            sql_mode="STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION,NO_AUTO_VALUE_ON_ZERO",
            init_command=f"SET SESSION lock_wait_timeout = {LOCK_SECONDS}",
        )
    except MySQLError as error:
        said = ": ".join(str(argument) for argument in error.args)
        todo = "Start the server, and check host, port, user, password and name of the database."
        raise UnreachableError(f"The {settings.label} cannot be used: {said}.", todo=todo) from None


def steady_tables(
    fetch: Callable[[str], list[tuple[Any, ...]]], touch: Callable[[str], None], *, hold: bool = False
) -> list[str]:
    """The names of all tables, in order, and never while some of them are being exchanged.

    The server's list is that of its folder and shows an exchange half done; but who asks for a table that takes part
    waits for its end. ``touch`` asks for the table of that name, which may not be there. With ``hold``, in a
    transaction, nobody can exchange any of them until that has ended.
    """
    found: list[str] | None = None
    while (names := _listed(fetch)) != found:
        found = names
        for name in (*EXCHANGED, *(names if hold else ())):
            touch(name)
    return names


def touching(name: str) -> str:
    """The statement that asks for the table ``name`` and gives nothing."""
    return "SELECT 1 FROM `" + name.replace("`", "``") + "` LIMIT 0"  # noqa: S608 (quoted)


def _listed(fetch: Callable[[str], list[tuple[Any, ...]]]) -> list[str]:
    return sorted(str(name) for name, kind in fetch("SHOW FULL TABLES") if kind == "BASE TABLE")


def stream(
    connection: QuickConnection, statement: str, readers: Callable[[Any], list[Callable[[bytes], Value]]]
) -> Iterator[list[Value | None]]:
    """The rows that ``statement`` gives, one in memory at a time.

    ``readers`` is given PyMySQL's result and tells what makes a value of the bytes of each column. Who does not read to
    the end loses the connection. Raises :class:`pymysql.err.MySQLError`.
    """
    connection.query(statement, unbuffered=True)
    result: Any = connection._result  # noqa: SLF001 (PyMySQL's cursors read it there too)
    if not result.unbuffered_active:
        return
    reads, packet = readers(result), connection.packet
    try:
        while not is_eof(data := packet()):
            yield row_of(data, reads)
    except GeneratorExit:
        connection._force_close()  # noqa: SLF001  # the rest of the rows is still on the wire
        raise
    finally:
        result.unbuffered_active = False
        result.connection = None


def python_values(result: Any) -> list[Callable[[bytes], object]]:  # noqa: ANN401 (PyMySQL declares no attributes)
    """Readers that make of each column what a cursor would."""
    return [_reader(encoding, convert) for encoding, convert in result.converters]


def _reader(encoding: str | None, convert: Callable[[Any], object] | None) -> Callable[[bytes], object]:
    if encoding is None:
        return convert or bytes
    if convert is int or convert is float:
        return convert  # they read digits as they are
    decode = methodcaller("decode", encoding)
    return decode if convert is None else lambda data: convert(decode(data))
