"""Writes a backup, and proves it before it gets its name.

The file is written under a hidden name, flushed to the disk, put out of the page cache, read back and parsed
completely; each table must then have the rows and the checksum that were read from the database. A long file is read
back by a second process, while it is written. A run that was killed leaves a hidden file at most, which the next one
removes.
"""

import json
import os
import time
from hashlib import sha256
from pathlib import Path

from oned.config import DatabaseSettings
from oned.database.schema import SHARED
from onedb.backup.follower import STRETCH, Follower
from onedb.backup.meter import Meter
from onedb.backup.part import exists_already, part_of, publish, remove_leftovers
from onedb.backup.reader import END, FORMAT, MAGIC, BackupFile, verify
from onedb.backup.result import Contents, Result
from onedb.backup.snapshot import Snapshot, open_snapshot
from onedb.backup.sqlite import SEQUENCE
from onedb.backup.values import Tally, literal_row, mysql_literal, sqlite_literal
from onedb.errors import OnedbError
from onedb.upgrade.guard import check_room
from onedb.upgrade.progress import Event, Listener, silent

STATEMENT_BYTES = 512 << 10
"""Of one INSERT, besides its last row: the clients and the servers take many times that."""
_STEP = 4096
_MYSQL_BEGIN = (
    b"/*!40101 SET NAMES utf8mb4 */;\n/*!40101 SET SQL_MODE='NO_AUTO_VALUE_ON_ZERO' */;\n"
    b"/*!40014 SET UNIQUE_CHECKS=0 */;\n/*!40014 SET FOREIGN_KEY_CHECKS=0 */;\n"
)
_SQLITE_BEGIN, _SQLITE_END = b"PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\n", b"COMMIT;\n"


def backup(
    settings: DatabaseSettings,
    path: Path,
    listener: Listener = silent,
    *,
    overwrite: bool = False,
    federated: bool = False,
) -> Result:
    """Write the database into the file ``path`` and prove it; ``federated`` takes the shared tables only.

    Raises :class:`OnedbError`; then there is no file, or the one that was there before.
    """
    begin = time.monotonic()
    if path.exists() and not overwrite:
        raise exists_already(path)
    remove_leftovers(path.parent)
    with open_snapshot(settings) as snapshot, part_of(path) as (part, descriptor):
        check_room(path.parent, snapshot.size(), "the backup")
        names = [name for name in snapshot.tables() if not federated or name in SHARED]
        meter = Meter(listener, "backup", snapshot.expected(names))
        writer = _Writer(part, descriptor, meter, mysql=settings.backend == "mysql")
        try:
            writer.write(snapshot, names, "shared" if federated else "whole")
            os.fsync(descriptor)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)  # what is read back comes from the disk
            if writer.read_back(listener) != writer.tables:
                raise OnedbError(f"The backup {path} was not read back as it was written.", todo="Check the disk.")
        finally:
            writer.end()
        publish(part, path, overwrite=overwrite)
        contents = Contents(mysql=settings.backend == "mysql", whole=not federated, tables=writer.tables)
        return Result(path, contents, os.fstat(descriptor).st_size, time.monotonic() - begin)


class _Writer:
    """Writes tables into a file and adds up what they have; a long one is read back meanwhile."""

    def __init__(self, path: Path, descriptor: int, meter: Meter, *, mysql: bool) -> None:
        self._path, self._descriptor, self._meter, self._mysql = path, descriptor, meter, mysql
        self._size = self._told = 0
        self._follower: Follower | None = None
        self._quote = "`" if mysql else '"'
        self._digest = sha256()
        self.tables: dict[str, Tally] = {}

    def _put(self, data: bytes) -> None:
        self._digest.update(data)
        self._put_as_is(data)
        self._size += len(data)
        if self._size - self._told >= STRETCH:
            self._tell()

    def _tell(self) -> None:
        if self._follower is None:
            self._follower = Follower(self._path, mysql=self._mysql)
        self._follower.tell(self._size)
        self._told = self._size

    def _put_as_is(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self._descriptor, view) :]

    def write(self, snapshot: Snapshot, names: list[str], scope: str) -> None:
        """Everything from the first line to the last."""
        self._put(MAGIC + b"%d\n" % FORMAT + (_MYSQL_BEGIN if self._mysql else _SQLITE_BEGIN))
        for name in names:
            self._table(snapshot, name)
        self._meter.end()
        self._put(b"" if self._mysql else _SQLITE_END)
        if self._follower is not None:
            self._tell()
        end = {
            "backend": "mysql" if self._mysql else "sqlite",
            "scope": scope,
            "tables": {name: [tally.rows, tally.checksum] for name, tally in self.tables.items()},
            "sha256": self._digest.hexdigest(),
        }
        self._put_as_is(END + json.dumps(end).encode() + b"\n")

    def read_back(self, listener: Listener) -> dict[str, Tally]:
        """The tables of the file, from the disk. Raises :class:`OnedbError` where it is not what its last line says."""
        if self._follower is None:
            return verify(self._path, listener).tables
        listener(Event("verify"))
        found = self._follower.found()
        with BackupFile.open(self._path) as file:
            file.hold_against(found.digest, found.tables)
        return found.tables

    def end(self) -> None:
        """Let go of what reads back."""
        if self._follower is not None:
            self._follower.end()

    def _named(self, name: str) -> str:
        return self._quote + name.replace(self._quote, self._quote * 2) + self._quote

    def _table(self, snapshot: Snapshot, name: str) -> None:
        statement, after = snapshot.statements(name)
        if name == SEQUENCE:
            self._put(f"DELETE FROM {name};\n".encode())  # noqa: S608 (a constant)
        else:
            self._put(f"DROP TABLE IF EXISTS {self._named(name)};\n{statement};\n".encode())
        self._rows(snapshot, name)
        self._put("".join(f"{line};\n" for line in after).encode())

    def _rows(self, snapshot: Snapshot, name: str) -> None:
        tally = Tally()
        columns = ",".join(map(self._named, snapshot.columns(name)))
        head = f"INSERT INTO {self._named(name)} ({columns}) VALUES\n".encode()
        literal = mysql_literal if self._mysql else sqlite_literal
        lines: list[bytes] = []
        size = 0
        for row in snapshot.rows(name):
            tally.add(row)
            line = literal_row(row, literal)
            lines.append(line)
            size += len(line)
            if size > STATEMENT_BYTES:
                self._put(head + b",\n".join(lines) + b";\n")
                lines, size = [], 0
            if not tally.rows % _STEP:
                self._meter.add(name, _STEP)
        if lines:
            self._put(head + b",\n".join(lines) + b";\n")
        if tally.rows or name != SEQUENCE:
            self.tables[name] = tally
        self._meter.add(name, tally.rows % _STEP)
