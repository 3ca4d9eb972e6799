"""Reads SQL text in pieces: what ``onedb``, ``mariadb-dump`` and ``sqlite3``'s ``.dump`` write, and nothing else.

Only tables and their rows come out, as data: of all statements those that make plain tables and indexes are the only
ones that a database ever sees. A file of any size takes the memory of one row.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from onedb.backup.definitions import indexed_table, is_plain_table
from onedb.backup.literals import BrokenError, MoreError, RowReader
from onedb.backup.values import Row
from onedb.errors import OnedbError

CHUNK = 1 << 20
LONGEST = 160 << 20
"""Bytes of one statement or row: a body of 16 MB in hexadecimal digits or in backslashes is well below."""
BATCH_ROWS, BATCH_BYTES = 500, 1 << 20

_SPACE = re.compile(rb"\s*")
_WORD = re.compile(rb"[A-Za-z]+")
_NAME = rb"(?:`([^`]+)`|\"([^\"]+)\"|(\w+))"
_INSERT = re.compile(
    rb"(?:INSERT|REPLACE)\s+INTO\s+" + _NAME + rb"\s*(?:\(([^()']*)\)\s*)?VALUES\s*(?=\()", re.IGNORECASE
)
_COLUMN = re.compile(_NAME)
_CREATE = re.compile(rb"CREATE\s+TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?" + _NAME + rb"\s*(?=\()", re.IGNORECASE)
_IGNORED = re.compile(
    rb"(?:DROP\s+(?:TABLE|DATABASE)|CREATE\s+DATABASE|USE|LOCK|UNLOCK|SET|PRAGMA|BEGIN|START|COMMIT"
    rb"|DELETE\s+FROM\s+[`\"]?sqlite_sequence)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Table:
    """A table is made by ``statement``, in which its name stands from ``start`` to ``end``."""

    name: str
    statement: str
    start: int
    end: int

    def named(self, quoted_name: str) -> str:
        """The statement with another name."""
        return self.statement[: self.start] + quoted_name + self.statement[self.end :]


@dataclass(frozen=True)
class Rows:
    """Rows of a table; ``columns`` are empty where the text leaves them out."""

    table: str
    columns: tuple[str, ...]
    rows: list[Row]


@dataclass(frozen=True)
class Index:
    """The statement that makes an index of ``table``."""

    table: str
    statement: str


@dataclass(frozen=True)
class Comment:
    """A line that only people read."""

    text: bytes


@dataclass(frozen=True)
class Commit:
    """The end of a transaction."""


Event = Table | Rows | Index | Comment | Commit


class Source(Protocol):
    """Where text comes from."""

    def read(self, size: int, /) -> bytes:
        """At most ``size`` bytes; none at the end."""


class SqlReader:
    """The events of ``stream``, of which ``limit`` bytes are read; ``seen`` is told every chunk."""

    def __init__(self, stream: Source, limit: int, *, mysql: bool, seen: Callable[[bytes], object] = len) -> None:
        self._stream, self._left, self._seen = stream, limit, seen
        self._data, self._at, self._before = b"", 0, 0
        self._values = RowReader(mysql=mysql)

    def events(self) -> Iterator[Event]:
        """All of them, in order.

        Raises :class:`OnedbError` where the text breaks off or is none of these.
        """
        while self._skip_space():
            two = self._data[self._at : self._at + 2]
            if two == b"--" or two[:1] == b"#":
                yield Comment(self._until(b"\n"))
            elif two == b"/*":
                self._until(b"*/")
                self._optional(b";")
            else:
                yield from self._statement()

    @property
    def position(self) -> int:
        """How many bytes are dealt with."""
        return self._before + self._at

    def fail(self, what: str) -> OnedbError:
        """The error for the place that is being read."""
        return OnedbError(
            f"The backup {what} at byte {self.position}.",
            todo="Use another backup: this one is damaged.",
        )

    def _more(self) -> bool:
        """Read on; False at the end. What was dealt with is let go."""
        wanted = min(max(CHUNK, len(self._data) - self._at), self._left)
        chunk = self._stream.read(wanted) if wanted else b""
        if not chunk:
            return False
        self._seen(chunk)
        self._left -= len(chunk)
        self._before += self._at
        self._data = self._data[self._at :] + chunk
        self._at = 0
        if len(self._data) > LONGEST + 2 * CHUNK and len(self._data) > LONGEST * 2:
            raise self.fail("has an endless statement")
        return True

    def _need(self) -> None:
        if len(self._data) - self._at > LONGEST:
            raise self.fail("has an endless statement")
        if not self._more():
            raise self.fail("breaks off")

    def _skip_space(self) -> bool:
        while True:
            match = _SPACE.match(self._data, self._at)
            self._at = match.end() if match else self._at
            if len(self._data) - self._at >= 2:
                return True
            if not self._more():
                return self._at < len(self._data)

    def _until(self, mark: bytes) -> bytes:
        while (end := self._data.find(mark, self._at)) < 0:
            self._need()
        text = self._data[self._at : end]
        self._at = end + len(mark)
        return text

    def _optional(self, mark: bytes) -> None:
        if self._skip_space() and self._data.startswith(mark, self._at):
            self._at += len(mark)

    def _statement(self) -> Iterator[Event]:
        while len(self._data) - self._at < CHUNK // 2 and self._more():
            pass  # the head of a statement is far shorter
        if match := _INSERT.match(self._data, self._at):
            self._at = match.end()
            names = tuple(self._text(_name(column)) for column in _COLUMN.finditer(match[4] or b""))
            yield from self._rows(self._text(_name(match)), names)
            return
        start = self._at
        is_word = _WORD.match(self._data, start)
        if not is_word:
            raise self.fail("holds something that is no SQL")
        text = self._to_semicolon()
        if found := self._statement_event(text):
            yield found
        elif not _IGNORED.match(text):
            raise self.fail(f"holds a statement that no backup of OpenNebula has ({is_word[0].decode()})")

    def _text(self, data: bytes) -> str:
        """What goes into a statement of ours."""
        try:
            text = data.decode()
        except UnicodeDecodeError:
            raise self.fail("has a name that is no UTF-8") from None
        if "\0" in text:
            raise self.fail("has a name with a zero byte")
        return text

    def _statement_event(self, text: bytes) -> Event | None:
        if (match := _CREATE.match(text)) and is_plain_table(text[match.end() :]):
            group = next(number for number in (1, 2, 3) if match[number])
            quotes = 0 if group == 3 else 1
            name = self._text(_name(match))
            start = match.start(group) - quotes  # what is before a name has one byte a character, the name may not
            return Table(name, self._text(text), start, start + len(name) + 2 * quotes)
        if indexed := indexed_table(text):
            return Index(self._text(indexed), self._text(text))
        return Commit() if text.upper() in {b"COMMIT", b"END"} else None

    def _to_semicolon(self) -> bytes:
        while True:
            try:
                end = self._scan_statement()
            except (MoreError, IndexError):
                self._need()
            else:
                text = self._data[self._at : end]
                self._at = end + 1
                return text

    def _scan_statement(self) -> int:
        """Where the semicolon is that ends the statement."""
        at = self._at
        while True:
            match = _SPECIAL.search(self._data, at)
            if match is None:
                raise MoreError
            mark = match[0]
            if mark == b";":
                return match.start()
            if mark == b"'":
                at = self._values.literal_end(self._data, match.end()) + 1
            else:
                close = self._data.find(mark, match.end())
                if close < 0:
                    raise MoreError
                at = close + 1

    def _rows(self, table: str, columns: tuple[str, ...]) -> Iterator[Rows]:
        batch: list[Row] = []
        begin = self._before + self._at
        while True:
            row = self._next_row()
            if batch and len(row) != len(batch[0]):
                raise self.fail("has rows of different lengths")
            batch.append(row)
            self._skip_space()
            mark = self._data[self._at : self._at + 1]
            here = self._before + self._at
            if mark != b"," or len(batch) >= BATCH_ROWS or here - begin > BATCH_BYTES:
                yield Rows(table, columns, batch)
                batch, begin = [], here
            if mark not in {b",", b";"}:
                raise self.fail("breaks off" if not mark else "has a broken row")
            self._at += 1
            if mark == b";":
                return
            self._skip_space()

    def _next_row(self) -> Row:
        while True:
            try:
                row, at = self._values.row(self._data, self._at)
            except (MoreError, IndexError):
                self._need()
            except BrokenError as error:
                raise self.fail(str(error)) from None
            else:
                self._at = at
                return row


_SPECIAL = re.compile(rb"[;'\"`]")


def _name(match: re.Match[bytes]) -> bytes:
    return match[1] or match[2] or match[3]
