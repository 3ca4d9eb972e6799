"""How the tool connects to MariaDB or MySQL, and reads many rows of it."""

from collections.abc import Callable, Iterator
from operator import methodcaller
from typing import Any, TypeVar

from pymysql.err import MySQLError

from oned.config import DatabaseSettings
from oned.database.mysql import QuickConnection, is_eof, row_of
from onedb.errors import UnreachableError

Value = TypeVar("Value")

CONNECT_SECONDS = 5
ANSWER_SECONDS = 3600
"""An index over all machines takes its time."""
LOCK_SECONDS = 10


def connect(settings: DatabaseSettings, name: str | None = None, *, autocommit: bool = False) -> QuickConnection:
    """A connection to the database ``name``, else that of ``settings``.

    Raises :class:`UnreachableError`, never with the password.
    """
    socket = settings.server if settings.server.startswith("/") else None
    try:
        return QuickConnection(
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
