"""PyMySQL's connection with the two places rewritten in which a server of many rows and long texts spends its time.

The wire is MySQL's text protocol: https://mariadb.com/kb/en/result-set-packets/. Numbers, dates and errors are
converted by PyMySQL's own tables.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from operator import methodcaller
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from pymysql.connections import MAX_PACKET_LEN, MySQLResult
from pymysql.connections import Connection as PyMysqlConnection
from pymysql.constants import CR, FIELD_TYPE, SERVER_STATUS
from pymysql.converters import decoders, through
from pymysql.err import OperationalError, raise_mysql_exception
from pymysql.protocol import EOFPacketWrapper, FieldDescriptorPacket, MysqlPacket

_TEXT_TYPES = frozenset(
    {
        FIELD_TYPE.BIT,
        FIELD_TYPE.BLOB,
        FIELD_TYPE.LONG_BLOB,
        FIELD_TYPE.MEDIUM_BLOB,
        FIELD_TYPE.STRING,
        FIELD_TYPE.TINY_BLOB,
        FIELD_TYPE.VAR_STRING,
        FIELD_TYPE.VARCHAR,
        FIELD_TYPE.GEOMETRY,
    }
)
_BINARY_CHARSET = 63
_NULL, _TWO_BYTES, _THREE_BYTES, _EOF = 0xFB, 0xFC, 0xFD, 0xFE
_ERROR = b"\xff"
_EOF_MAX = 9

_ESCAPES = (
    ("\\", "\\\\"),
    ("\0", "\\0"),
    ("\n", "\\n"),
    ("\r", "\\r"),
    ("\032", "\\Z"),
    ('"', '\\"'),
    ("'", "\\'"),
)

Converter = Callable[[Any], object]
Value = TypeVar("Value")


if TYPE_CHECKING:
    from pymysql.cursors import Cursor

    _Connection = PyMysqlConnection[Cursor]  # generic in its type stubs only
else:
    _Connection = PyMysqlConnection


class _Columns(NamedTuple):
    """What the descriptors of a result say: the fields, as DB-API wants them, and how to read a value of each."""

    fields: list[Any]
    description: tuple[Any, ...]
    reads: list[Callable[[bytes], object]]


class QuickResult(MySQLResult):
    """A result whose column descriptors are parsed once for all results alike, and its rows without an object each."""

    connection: Any
    field_count: int

    def _get_descriptions(self) -> None:
        connection: QuickConnection = self.connection
        packets = tuple([connection.packet() for _ in range(self.field_count)])
        if not is_eof(connection.packet()):
            raise OperationalError(CR.CR_MALFORMED_PACKET, "The server's columns do not end")
        self.fields, self.description, self._reads = _columns(packets, connection.encoding)

    def _read_rowdata_packet(self) -> None:
        connection: QuickConnection = self.connection
        packet, reads = connection.packet, self._reads
        rows = []
        while not is_eof(data := packet()):
            rows.append(tuple(row_of(data, reads)))
        end = EOFPacketWrapper(MysqlPacket(data, connection.encoding))
        self.warning_count, self.has_next = end.warning_count, end.has_next
        self.connection = None
        self.affected_rows = len(rows)
        self.rows = tuple(rows)


class QuickConnection(_Connection):
    """PyMySQL's, whose escaping of a text takes ten times as long and whose reading of a row five times."""

    encoding: str
    server_status: int
    _next_seq_id: int
    _read_bytes: Callable[[int], bytes]
    _force_close: Callable[[], None]

    def _escape_string(self, text: str) -> str:
        """``text`` as it stands between quotes in a statement: where PyMySQL escapes every text."""
        if self.server_status & SERVER_STATUS.SERVER_STATUS_NO_BACKSLASH_ESCAPES:
            return text.replace("'", "''")
        for char, escaped in _ESCAPES:
            if char in text:
                text = text.replace(char, escaped)
        return text

    def packet(self) -> bytes:
        """The next packet of a result whose first one was read.

        Raises :class:`OperationalError` for a connection that was lost, and the server's own errors.
        """
        data = b""
        while True:
            low, middle, high, sequence = self._read_bytes(4)
            if sequence != self._next_seq_id:
                self._force_close()
                raise OperationalError(CR.CR_SERVER_LOST, "Lost connection to MySQL server during query")
            self._next_seq_id = (sequence + 1) & 0xFF
            size = low | middle << 8 | high << 16
            part = self._read_bytes(size)
            data = data + part if data else part
            if size < MAX_PACKET_LEN:
                break
        if data[:1] == _ERROR:
            raise_mysql_exception(data)
        return data

    def _read_query_result(self, unbuffered: bool = False) -> int | None:
        """Where PyMySQL makes its results."""
        self._result: MySQLResult | None = None
        result = MySQLResult(self) if unbuffered else QuickResult(self)
        if unbuffered:
            result.init_unbuffered_query()
        else:
            result.read()
        self._result = result
        if result.server_status is not None:
            self.server_status = result.server_status
        return result.affected_rows


@lru_cache(maxsize=512)
def _columns(packets: tuple[bytes, ...], encoding: str) -> _Columns:
    """What column descriptors say."""
    fields: list[Any] = [FieldDescriptorPacket(data, encoding) for data in packets]
    description = tuple(field.description() for field in fields)
    return _Columns(fields, description, [_reader(field, encoding) for field in fields])


def _reader(field: Any, encoding: str) -> Callable[[bytes], object]:  # noqa: ANN401 (PyMySQL declares no attributes)
    """What makes a value of the bytes of a field."""
    found: Converter | None = decoders.get(field.type_code)
    convert = None if found is through else found
    if field.type_code == FIELD_TYPE.JSON:
        decode = methodcaller("decode", encoding)
    elif field.type_code not in _TEXT_TYPES:
        decode = methodcaller("decode", "ascii")
    elif field.charsetnr == _BINARY_CHARSET:
        return bytes if convert is None else convert
    else:
        decode = methodcaller("decode", encoding)
    return decode if convert is None else lambda data: convert(decode(data))


def is_eof(data: bytes) -> bool:
    """Whether a packet ends the rows of a result."""
    return data[0] == _EOF and len(data) < _EOF_MAX


def row_of(data: bytes, reads: Sequence[Callable[[bytes], Value]]) -> list[Value | None]:
    """The values of a packet, each behind its length, or a NULL; ``reads`` makes a value of each column's bytes."""
    row: list[Value | None] = []
    at = 0
    for read in reads:
        size = data[at]
        at += 1
        if size >= _NULL:
            if size == _NULL:
                row.append(None)
                continue
            width = 2 if size == _TWO_BYTES else 3 if size == _THREE_BYTES else 8
            size = int.from_bytes(data[at : at + width], "little")
            at += width
        row.append(read(data[at : at + size]))
        at += size
    return row
