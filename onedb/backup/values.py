"""A row as SQL text: literals of both databases, and what a table's rows add up to.

A value is ``None``, text as the ``bytes`` of its UTF-8, a number as the ``str`` of its digits, or binary data as a
``bytearray``: nothing is decoded and nothing converted between the database and the file.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from zlib import crc32

Value = bytes | str | bytearray | None
Row = Sequence[Value]
Literal = Callable[[bytes], bytes]

_SEPARATOR, _NULL, _NUMBER, _BINARY = b"\xff", b"\xfe", b"\xfd", b"\xfc"
"""Bytes that UTF-8 does not have."""

_MYSQL_ESCAPES = (
    (b"\\", b"\\\\"),  # first: the others bring backslashes
    (b"'", b"\\'"),
    (b"\n", b"\\n"),
    (b"\r", b"\\r"),
    (b"\0", b"\\0"),
    (b"\x1a", b"\\Z"),
)
_MYSQL_MEANING = {b"0": b"\0", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"Z": b"\x1a"}
_MYSQL_ESCAPED = re.compile(rb"\\(.)|''", re.DOTALL)


@dataclass
class Tally:
    """What the rows of a table add up to, in whatever order they come."""

    rows: int = 0
    checksum: int = 0

    def add(self, row: Row) -> None:
        """Count ``row``."""
        self.rows += 1
        self.checksum += checksum(row)


def checksum(row: Row) -> int:
    """The CRC-32 of the values of a row, each apart from its neighbours."""
    return crc32(_SEPARATOR.join([value if type(value) is bytes else _marked(value) for value in row]))


def _marked(value: Value) -> bytes:
    if value is None:
        return _NULL
    return _NUMBER + value.encode() if isinstance(value, str) else _BINARY + bytes(value)


def mysql_literal(text: bytes) -> bytes:
    """``text`` as MariaDB reads it with its usual ``sql_mode``; never more than one line."""
    for byte, escaped in _MYSQL_ESCAPES:
        if byte in text:
            text = text.replace(byte, escaped)
    return b"'%b'" % text


def mysql_text(literal: bytes) -> bytes:
    """What stands between the quotes of a literal of MariaDB."""
    if b"\\" in literal or b"'" in literal:
        return _MYSQL_ESCAPED.sub(_meaning, literal)
    return literal


def _meaning(match: re.Match[bytes]) -> bytes:
    char: bytes | None = match[1]
    if char is None:
        return b"'"
    return match[0] if char in b"%_" else _MYSQL_MEANING.get(char, char)


def sqlite_literal(text: bytes) -> bytes:
    """``text`` as SQLite reads it; what its shell would lose from a line is written in hexadecimal digits."""
    if b"\0" in text or b"\r" in text:
        return b"CAST(X'%b' AS TEXT)" % text.hex().encode()
    return b"'%b'" % (text.replace(b"'", b"''") if b"'" in text else text)


def sqlite_text(literal: bytes) -> bytes:
    """What stands between the quotes of a literal of SQLite."""
    return literal.replace(b"''", b"'")


def literal_row(row: Row, literal: Literal) -> bytes:
    """``row`` in parentheses."""
    return b"(%b)" % b",".join([literal(value) if type(value) is bytes else _plain(value) for value in row])


def _plain(value: Value) -> bytes:
    if value is None:
        return b"NULL"
    return value.encode() if isinstance(value, str) else b"X'%b'" % bytes(value).hex().encode()
