"""A backup file as a whole: what it is, what it holds, and whether it is all there.

A file of ``onedb`` is held against its last line: a SHA-256 of everything before, and each table's rows. One of
another program has no more than its last words to tell that it is complete.
"""

import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO

from onedb.backup.meter import Meter
from onedb.backup.result import Contents, Result
from onedb.backup.sql import Comment, Commit, Event, Rows, SqlReader, Table
from onedb.backup.sqlite import SEQUENCE
from onedb.backup.values import Tally
from onedb.errors import OnedbError
from onedb.upgrade.progress import Listener, silent

FORMAT = 1
MAGIC = b"-- oneedge database backup, format "
END = b"-- end "
_TAIL = 1 << 20
_HEAD = 1 << 16
_VERSIONS = ("db_versioning", "local_db_versioning")


class BackupFile:
    """An open backup. :meth:`events` gives what is in it; afterwards :attr:`contents` is complete and proven."""

    def __init__(self, path: Path, stream: BinaryIO) -> None:
        self.path = path
        self.contents = Contents()
        self._stream = stream
        self.size = stream.seek(0, 2)
        self._limit = self.size
        self._end: Any = {}
        self._tables: dict[str, tuple[int, int]] = {}
        self._newest: dict[str, int] = {}
        stream.seek(0)
        self._recognise(stream.read(_HEAD))
        stream.seek(0)

    @classmethod
    @contextmanager
    def open(cls, path: Path) -> Iterator["BackupFile"]:
        """Raises :class:`OnedbError` for a file that is not there or no backup."""
        try:
            with path.open("rb") as stream:
                yield cls(path, stream)
        except FileNotFoundError:
            raise OnedbError(f"File {path} doesn't exist.", todo="Name a backup.") from None
        except OSError as error:
            raise OnedbError(
                f"{path} cannot be read: {error.strerror}.", todo="Check the file and the disk."
            ) from None

    def _refuse(self, what: str, todo: str) -> OnedbError:
        return OnedbError(f"{self.path} {what}.", todo=todo)

    def _recognise(self, head: bytes) -> None:
        if head.startswith(MAGIC):
            self._own(head)
        elif head.startswith(b"\x1f\x8b"):
            raise self._refuse("is compressed", "Unpack it with gunzip first.")
        elif head.startswith(b"SQLite format 3\0"):
            raise self._refuse(
                "is an SQLite database, not a backup", "Name it with --sqlite, or copy it in place."
            )
        elif b"PRAGMA foreign_keys" in head and b"BEGIN TRANSACTION;" in head:
            self.contents.program = "sqlite3"
        elif re.match(rb"\s*(?:/\*M?!.*\n)?-- (?:MySQL|MariaDB) dump ", head):
            self.contents.program, self.contents.mysql = "mariadb-dump", True
        else:
            raise self._refuse(
                "is no backup of an OpenNebula database", "Name a file that onedb backup has written."
            )

    def _own(self, head: bytes) -> None:
        number = re.match(rb"\d{1,9}\n", head[len(MAGIC) :])
        if number is None:
            raise self._refuse("is damaged in its first line", "Use another backup.")
        if int(number[0]) > FORMAT:
            raise self._refuse("was written by a newer onedb", "Use the release that wrote it.")
        self._stream.seek(max(0, self.size - _TAIL))
        tail = self._stream.read(_TAIL)
        at = tail.rfind(b"\n" + END) + 1
        if not at or not tail.endswith(b"}\n"):
            raise self._refuse("is not complete: its last line is missing", "Use another backup.")
        self._limit = self.size - len(tail) + at
        try:
            self._end = json.loads(tail[at + len(END) :])
            self.contents.mysql = self._end["backend"] == "mysql"
            self.contents.whole = self._end["scope"] == "whole"
            self._tables = {str(name): (int(rows), int(crc)) for name, (rows, crc) in self._end["tables"].items()}
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
            raise self._refuse("is damaged in its last line", "Use another backup.") from None

    def events(self, meter: Meter) -> Iterator[Event]:
        """Tables, rows and indexes, counted on their way; ``meter`` counts the rows that the caller is done with.

        Raises :class:`OnedbError` at a damaged place, or at the end for a file that is not what it should be.
        """
        digest = sha256()
        reader = SqlReader(self._stream, self._limit, mysql=self.contents.mysql, seen=digest.update)
        meter.total = sum(rows for rows, _ in self._tables.values())
        last: Event | None = None
        for event in reader.events():
            if isinstance(event, Rows):
                self._look_at(event)
            count(self.contents.tables, event)
            last = event
            yield event
            if isinstance(event, Rows):
                if not self._end:  # nobody has said how many there are
                    meter.total = (meter.rows + len(event.rows)) * self.size // max(1, reader.position)
                meter.add(event.table, len(event.rows))
        meter.end()
        self._judge(digest.hexdigest(), last)

    def hold_against(self, digest: str, tables: dict[str, Tally]) -> None:
        """Compare what another has read of this file, one of ``onedb``, with its last line.

        Raises :class:`OnedbError`.
        """
        self.contents.tables = tables
        self._judge(digest, None)

    def _look_at(self, event: Rows) -> None:
        """Refuse rows of a table that the file does not make; the row with the highest number has the version."""
        if event.table not in self.contents.tables and event.table != SEQUENCE:
            raise self._refuse(f"has rows of {event.table} and no such table", "Use another backup.")
        for row in event.rows if event.table in _VERSIONS else ():
            if len(row) < 2:
                raise self._refuse(f"has no versions in {event.table}", "Use another backup.")
            number, version = _number(row[0]), row[1]
            if isinstance(version, bytes) and number >= self._newest.get(event.table, -1):
                self._newest[event.table] = number
                self.contents.versions[event.table] = version.decode(errors="replace")

    def _judge(self, digest: str, last: Event | None) -> None:
        if self._end:
            if digest != self._end.get("sha256"):
                raise self._refuse(
                    "is damaged: its checksum is not the one in its last line", "Use another backup."
                )
            found = {name: (tally.rows, tally.checksum) for name, tally in self.contents.tables.items()}
            if found != self._tables:
                raise self._refuse("does not hold the rows that its last line tells", "Use another backup.")
            return
        said = last.text if isinstance(last, Comment) else b""
        complete = said.startswith(b"-- Dump completed") if self.contents.mysql else isinstance(last, Commit)
        if not complete:
            raise self._refuse("is not complete: its last words are missing", "Use another backup.")
        self.contents.whole = "vm_pool" in self.contents.tables
        if "user_pool" not in self.contents.tables or "db_versioning" not in self.contents.tables:
            raise self._refuse("holds no OpenNebula database", "Name a backup of one.")


def count(tables: dict[str, Tally], event: Event) -> None:
    """Add what ``event`` brings to ``tables``."""
    if isinstance(event, Rows):
        tally = tables.setdefault(event.table, Tally())
        for row in event.rows:
            tally.add(row)
    elif isinstance(event, Table):
        tables.setdefault(event.name, Tally())


def _number(value: object) -> int:
    """``value`` where it is a whole number of a column, else -1."""
    return int(value) if isinstance(value, str) and len(value) < 20 and value.lstrip("-").isdigit() else -1


def verify(path: Path, listener: Listener = silent) -> Result:
    """Read the whole file as a restore would.

    Raises :class:`OnedbError` with what is wrong.
    """
    begin = time.monotonic()
    with BackupFile.open(path) as file:
        for _ in file.events(Meter(listener, "verify")):
            pass
        return Result(path, file.contents, file.size, time.monotonic() - begin)
