"""Writes a backup, and proves it before it gets its name.

The file is written under a hidden name, flushed to the disk, put out of the page cache, read back and parsed
completely; each table must then have the rows and the checksum that were read from the database. A run that was killed
leaves a hidden file at most, which the next one removes.
"""

import errno
import fcntl
import json
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from oned.config import DatabaseSettings
from oned.database.schema import SHARED
from onedb.backup.reader import END, FORMAT, MAGIC, verify
from onedb.backup.snapshot import Snapshot, open_snapshot
from onedb.backup.sqlite import SEQUENCE
from onedb.backup.values import Tally, literal_row, mysql_literal, sqlite_literal
from onedb.errors import OnedbError

Progress = Callable[[str, int], object]
"""Is told a table and how many rows of it are done, every few thousand rows and at its end."""
STATEMENT_BYTES = 512 << 10
"""Of one INSERT, besides its last row: the clients and the servers take many times that."""
_PART = ".onedb-part"
_STEP = 4096
_MYSQL_BEGIN = (
    b"/*!40101 SET NAMES utf8mb4 */;\n/*!40101 SET SQL_MODE='NO_AUTO_VALUE_ON_ZERO' */;\n"
    b"/*!40014 SET UNIQUE_CHECKS=0 */;\n/*!40014 SET FOREIGN_KEY_CHECKS=0 */;\n"
)
_SQLITE_BEGIN, _SQLITE_END = b"PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\n", b"COMMIT;\n"


@dataclass(frozen=True)
class Backup:
    """A proven backup: its file, what each table has, how many bytes it takes and how many seconds it took."""

    path: Path
    tables: dict[str, Tally]
    size: int
    seconds: float

    @property
    def rows(self) -> int:
        """Of all tables."""
        return sum(tally.rows for tally in self.tables.values())


def backup(
    settings: DatabaseSettings,
    path: Path,
    progress: Progress = lambda _table, _rows: None,
    *,
    overwrite: bool = False,
    federated: bool = False,
) -> Backup:
    """Write the database into the file ``path`` and prove it; ``federated`` takes the shared tables only.

    Raises :class:`OnedbError`; then there is no file, or the one that was there before.
    """
    begin = time.monotonic()
    if path.exists() and not overwrite:
        raise exists_already(path)
    _remove_leftovers(path.parent)
    with open_snapshot(settings) as snapshot, _part_of(path) as (part, descriptor):
        _check_space(snapshot, path.parent)
        names = [name for name in snapshot.tables() if not federated or name in SHARED]
        writer = _Writer(descriptor, progress, mysql=settings.backend == "mysql")
        writer.write(snapshot, names, "shared" if federated else "whole")
        os.fsync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)  # what is read back comes from the disk
        if verify(part).tables != writer.tables:
            raise OnedbError(f"The backup {path} was not read back as it was written.", todo="Check the disk.")
        _publish(part, path, overwrite=overwrite)
    return Backup(path, writer.tables, path.stat().st_size, time.monotonic() - begin)


def exists_already(path: Path) -> OnedbError:
    """The error for a target that is taken."""
    return OnedbError(f"File {path} exists, backup aborted. Use -f to overwrite.")


class _Writer:
    """Writes tables into a file and adds up what they have."""

    def __init__(self, descriptor: int, progress: Progress, *, mysql: bool) -> None:
        self._descriptor, self._progress, self._mysql = descriptor, progress, mysql
        self._quote = "`" if mysql else '"'
        self._digest = sha256()
        self.tables: dict[str, Tally] = {}

    def _put(self, data: bytes) -> None:
        self._digest.update(data)
        self._put_as_is(data)

    def _put_as_is(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self._descriptor, view) :]

    def write(self, snapshot: Snapshot, names: list[str], scope: str) -> None:
        """Everything from the first line to the last."""
        self._put(MAGIC + b"%d\n" % FORMAT + (_MYSQL_BEGIN if self._mysql else _SQLITE_BEGIN))
        for name in names:
            self._table(snapshot, name)
        self._put(b"" if self._mysql else _SQLITE_END)
        end = {
            "backend": "mysql" if self._mysql else "sqlite",
            "scope": scope,
            "tables": {name: [tally.rows, tally.checksum] for name, tally in self.tables.items()},
            "sha256": self._digest.hexdigest(),
        }
        self._put_as_is(END + json.dumps(end).encode() + b"\n")

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
                self._progress(name, tally.rows)
        if lines:
            self._put(head + b",\n".join(lines) + b";\n")
        if tally.rows or name != SEQUENCE:
            self.tables[name] = tally
        self._progress(name, tally.rows)


def _new_part(path: Path) -> tuple[Path, int]:
    """A hidden file of nobody else, and its locked descriptor."""
    while True:
        part = path.parent / f".{path.name}.{secrets.token_hex(6)}{_PART}"
        try:
            descriptor = os.open(part, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise OnedbError(
                f"The backup {path} cannot be written: {error.strerror}.",
                todo="Name a folder that this user may write.",
            ) from None
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.fstat(descriptor).st_nlink:
            return part, descriptor
        os.close(descriptor)  # another run took it for a leftover before it was locked


@contextmanager
def _part_of(path: Path) -> Iterator[tuple[Path, int]]:
    """A hidden file beside ``path``, locked as long as it is written, and gone afterwards."""
    part, descriptor = _new_part(path)
    try:
        yield part, descriptor
    except OSError as error:
        full = error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
        todo = f"Free space in {path.parent}, or name another folder." if full else "Check the disk."
        raise OnedbError(f"The backup {path} cannot be written: {error.strerror}.", todo=todo) from None
    finally:
        part.unlink(missing_ok=True)
        os.close(descriptor)


def _publish(part: Path, path: Path, *, overwrite: bool) -> None:
    """Give ``part`` its name, for good."""
    if overwrite:
        part.rename(path)
    else:
        try:
            path.hardlink_to(part)  # unlike a rename it never takes the place of what another run has written
        except FileExistsError:
            raise exists_already(path) from None
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _remove_leftovers(folder: Path) -> None:
    """Hidden files that nobody writes any more."""
    for part in folder.glob(f".*{_PART}"):
        try:
            descriptor = os.open(part, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            part.unlink(missing_ok=True)
        except OSError:
            continue  # somebody is writing it
        finally:
            os.close(descriptor)


def _check_space(snapshot: Snapshot, folder: Path) -> None:
    needed, free = snapshot.size(), shutil.disk_usage(folder).free
    if needed > free:
        raise OnedbError(
            f"There is no space for a backup in {folder}: it needs about {needed >> 20} MB, {free >> 20} MB are free.",
            todo="Free space there, or name another folder.",
        )
