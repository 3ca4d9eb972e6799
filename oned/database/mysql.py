"""PyMySQL's connection with the two places rewritten in which a server of many rows and long texts spends its time.

The wire is MySQL's text protocol: https://mariadb.com/kb/en/result-set-packets/. Numbers, dates and errors are
converted by PyMySQL's own tables.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

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


if TYPE_CHECKING:
    from pymysql.cursors import Cursor

    _Connection = PyMysqlConnection[Cursor]  # generic in its type stubs only
else:
    _Connection = PyMysqlConnection


class _Columns(NamedTuple):
    """What the descriptors of a result say: the fields, as DB-API wants them, and how to read a value of each."""

    fields: list[Any]
    description: tuple[Any, ...]
    converters: list[tuple[str | None, Converter | None]]


class QuickResult(MySQLResult):
    """A result whose column descriptors are parsed once for all results alike, and its rows without an object each."""

    connection: Any
    field_count: int

    def _get_descriptions(self) -> None:
        connection: QuickConnection = self.connection
        packets = tuple([connection.packet() for _ in range(self.field_count)])
        if not _is_eof(connection.packet()):
            raise OperationalError(CR.CR_MALFORMED_PACKET, "The server's columns do not end")
        self.fields, self.description, self.converters = _columns(packets, connection.encoding)

    def _read_rowdata_packet(self) -> None:
        connection: QuickConnection = self.connection
        packet, converters = connection.packet, self.converters
        rows = []
        while not _is_eof(data := packet()):
            rows.append(_row(data, converters))
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
    return _Columns(fields, description, [(_encoding(field, encoding), _converter(field)) for field in fields])


def _encoding(field: Any, encoding: str) -> str | None:  # noqa: ANN401 (PyMySQL declares no attributes)
    """How the bytes of a value are text; None where they are not."""
    if field.type_code == FIELD_TYPE.JSON:
        return encoding
    if field.type_code in _TEXT_TYPES:
        return None if field.charsetnr == _BINARY_CHARSET else encoding
    return "ascii"


def _converter(field: Any) -> Converter | None:  # noqa: ANN401 (as above)
    found: Converter | None = decoders.get(field.type_code)
    return None if found is through else found


def _is_eof(data: bytes) -> bool:
    return data[0] == _EOF and len(data) < _EOF_MAX


def _row(data: bytes, converters: list[tuple[str | None, Converter | None]]) -> tuple[object, ...]:
    """The values of a row: each behind its length, or a NULL."""
    row: list[object] = []
    at = 0
    for encoding, converter in converters:
        size = data[at]
        at += 1
        if size >= _NULL:
            if size == _NULL:
                row.append(None)
                continue
            width = 2 if size == _TWO_BYTES else 3 if size == _THREE_BYTES else 8
            size = int.from_bytes(data[at : at + width], "little")
            at += width
        value: Any = data[at : at + size]
        at += size
        if encoding is not None:
            value = value.decode(encoding)
        row.append(value if converter is None else converter(value))
    return tuple(row)
