"""Reads one row of values from SQL text: what stands between the parentheses of an INSERT."""

import re

from onedb.backup.values import Row, Value, mysql_text, sqlite_text

_QUOTE, _COMMA, _OPEN, _CLOSE, _BACKSLASH = b"',()\\"
_BARE = re.compile(rb"NULL|[-+]?(?:\d++\.?\d*+|\.\d++)(?:[eE][-+]?\d++)?(?=[\s,)])", re.IGNORECASE)
_HEX = re.compile(rb"(?:0x([0-9A-F]*)|X'([0-9A-F]*)')(?=[\s,)])|CAST\(X'([0-9A-F]*)' AS TEXT\)", re.IGNORECASE)
_PREFIX = re.compile(rb"_binary\s+(?=')", re.IGNORECASE)
_REPLACE = re.compile(rb"replace\(", re.IGNORECASE)
_REPLACED = re.compile(rb",'([^']*)',char\((\d+)\)\)", re.IGNORECASE)


class MoreError(Exception):
    """The text goes on behind what was read of it."""


class BrokenError(Exception):
    """The text is no row; the one argument says what it has."""


class RowReader:
    """Rows as MariaDB's tools or SQLite's write them.

    Every method raises :class:`MoreError` or :class:`IndexError` where the text goes on, :class:`BrokenError` where it
    is none of these.
    """

    def __init__(self, *, mysql: bool) -> None:
        self._mysql = mysql
        self._text = mysql_text if mysql else sqlite_text

    def row(self, data: bytes, at: int) -> tuple[Row, int]:
        """The row that begins ``at``, and where it has ended."""
        if data[at] != _OPEN:
            raise BrokenError("has a broken row")
        row: list[Value] = []
        while True:
            at += 1
            if data[at] == _QUOTE:
                end = self.literal_end(data, at + 1)
                row.append(self._text(data[at + 1 : end]))
                at = end + 1
            else:
                value, at = self._bare(data, at)
                row.append(value)
            mark = data[at]
            if mark == _CLOSE:
                return row, at + 1
            if mark != _COMMA:
                raise BrokenError("has a broken row")

    def literal_end(self, data: bytes, at: int) -> int:
        """Where the quote is that ends the literal whose first character is ``at``."""
        start = at
        while True:
            end = data.find(b"'", at)
            if end < 0:
                raise MoreError
            if self._mysql and data[end - 1] == _BACKSLASH and _escaped(data, start, end):
                at = end + 1
            elif data[end + 1] == _QUOTE:  # IndexError where the text goes on
                at = end + 2
            else:
                return end

    def _bare(self, data: bytes, at: int) -> tuple[Value, int]:
        """A value without quotes, and where it has ended."""
        if match := _BARE.match(data, at):
            return self._number(match[0]), match.end()
        if match := _HEX.match(data, at):
            digits = match[1] or match[2] or match[3] or b""
            found = bytearray.fromhex(digits.decode())
            return (bytes(found) if match[3] is not None else found), match.end()
        if match := _PREFIX.match(data, at):
            end = self.literal_end(data, match.end() + 1)
            return bytearray(self._text(data[match.end() + 1 : end])), end + 1
        if match := _REPLACE.match(data, at):
            return self._replaced(data, match.end())
        if b")" not in data[at:]:
            raise MoreError
        raise BrokenError("has a value that cannot be read")

    def _number(self, text: bytes) -> Value:
        """A NULL or a number; SQLite's shell writes fractions with more digits than they have."""
        if text.upper() == b"NULL":
            return None
        fraction = not self._mysql and not text.lstrip(b"+-").isdigit()
        return repr(float(text)) if fraction else text.decode()

    def _replaced(self, data: bytes, at: int, depth: int = 0) -> tuple[Value, int]:
        """How ``sqlite3`` writes texts with more than one line: at most twice around a literal."""
        if data[at] == _QUOTE:
            end = self.literal_end(data, at + 1)
            text: Value = self._text(data[at + 1 : end])
            at = end + 1
        elif depth == 0 and (inner := _REPLACE.match(data, at)):
            text, at = self._replaced(data, inner.end(), 1)
        elif len(data) - at < 64:
            raise MoreError
        else:
            raise BrokenError("has a value that cannot be read")
        match = _REPLACED.match(data, at)
        if match is None or not isinstance(text, bytes):
            if len(data) - at < 64:
                raise MoreError
            raise BrokenError("has a value that cannot be read")
        return text.replace(match[1], chr(int(match[2])).encode()), match.end()


def _escaped(data: bytes, start: int, end: int) -> bool:
    """Whether an odd number of backslashes is in front of ``end``."""
    at = end
    while at > start and data[at - 1] == _BACKSLASH:
        at -= 1
    return (end - at) % 2 == 1
