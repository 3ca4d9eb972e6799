"""Brings a backup back: all of it or nothing.

SQLite: one transaction. MariaDB: the rows go into tables of other names, are read back and compared, and one statement
swaps all tables at once; a run that was killed leaves such tables, which the next one drops. What an upgrade has kept
of the time before it goes with the tables that the backup takes the place of. The only statements of the file that the
database sees make plain tables and indexes, so that nothing but the database that was asked for is ever touched.
"""

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from oned.config import DatabaseSettings
from oned.database.schema import SCHEMA_VERSION, SHARED
from onedb.backup.meter import Meter
from onedb.backup.reader import BackupFile
from onedb.backup.result import Contents, Result
from onedb.backup.snapshot import PASSING
from onedb.backup.sql import Event, Index, Rows, Table
from onedb.backup.values import Row, Tally
from onedb.errors import OnedbError
from onedb.upgrade.guard import check_room
from onedb.upgrade.progress import Event as Progress
from onedb.upgrade.progress import Listener, silent


class Target(Protocol):
    """A database that takes tables; nothing of it can be seen before :meth:`finish`."""

    def exists(self) -> bool:
        """Whether there is a database of OpenNebula already."""

    def room(self, size: int) -> tuple[Path | None, int]:
        """Where the tables go, and how many bytes those of a backup of ``size`` bytes need meanwhile."""

    def begin(self) -> None:
        """Remove what a killed run has left."""

    def table(self, table: Table) -> None:
        """Make a table."""

    def insert(self, table: str, columns: tuple[str, ...], rows: list[Row]) -> None:
        """Add rows to it."""

    def index(self, statement: str) -> None:
        """Make an index of it."""

    def rows(self, table: str) -> Iterator[Row]:
        """Read it back."""

    def finish(self, tables: list[str], *, whole: bool) -> None:
        """Put ``tables`` in place at once; ``whole`` takes away what the backup does not have."""


def open_target(settings: DatabaseSettings) -> AbstractContextManager[Target]:
    """The database to restore into. Raises :class:`onedb.errors.UnreachableError`."""
    if settings.backend == "sqlite":
        from onedb.backup.sqlite_target import SqliteTarget

        return SqliteTarget.open(settings)
    from onedb.backup.mysql_target import MysqlTarget

    return MysqlTarget.open(settings)


def restore(
    settings: DatabaseSettings,
    path: Path,
    listener: Listener = silent,
    *,
    overwrite: bool = False,
    federated: bool = False,
) -> Result:
    """Bring the file ``path`` back into the database; ``federated`` takes its shared tables only.

    Raises :class:`OnedbError`; the database is then as it was.
    """
    begin = time.monotonic()
    with BackupFile.open(path) as backup, open_target(settings) as target:
        if not overwrite and not federated and target.exists():
            raise exists_already(settings)
        tables = load(target, settings, backup, listener, federated=federated)
        listener(Progress("swap"))
        target.finish(list(tables), whole=not federated)
        return Result(path, backup.contents, backup.size, time.monotonic() - begin)


def exists_already(settings: DatabaseSettings) -> OnedbError:
    """The error for a database that is taken."""
    if settings.backend == "sqlite":
        return OnedbError(f"File {settings.path} exists, use -f to overwrite.")
    return OnedbError(f"MySQL database {settings.name} at {settings.server} exists, use -f to overwrite.")


def load(
    target: Target, settings: DatabaseSettings, backup: BackupFile, listener: Listener, *, federated: bool = False
) -> dict[str, Tally]:
    """Bring the tables of ``backup`` into ``target`` and prove them, all but the last step; what each has.

    Raises :class:`OnedbError`.
    """
    mysql = backup.contents.mysql
    if mysql != (settings.backend == "mysql"):
        kind = "MariaDB" if mysql else "SQLite"
        raise OnedbError(
            f"{backup.path} is a backup of {kind}, the database is the {settings.label}.",
            todo="Name a database of the same kind; sqlite2mysql moves one from SQLite to MariaDB.",
        )
    check_room(*target.room(backup.size), "what the backup holds")
    target.begin()
    events = backup.events(Meter(listener, "restore"))
    pour(target, (event for event in events if _is_wanted(event, federated=federated)))
    _check(backup.contents, backup.path, federated=federated)
    found = backup.contents.tables
    tables = {name: found[name] for name in found if _belongs(name, federated=federated)}
    compare(target, tables, listener)
    return tables


def pour(target: Target, events: Iterable[Event]) -> None:
    """Bring all ``events`` into ``target``."""
    for event in events:
        if isinstance(event, Table):
            target.table(event)
        elif isinstance(event, Rows):
            target.insert(event.table, event.columns, event.rows)
        elif isinstance(event, Index):
            target.index(event.statement)


def _belongs(table: str, *, federated: bool) -> bool:
    return table in SHARED if federated else not table.startswith(PASSING)


def _is_wanted(event: Event, *, federated: bool) -> bool:
    if isinstance(event, Table):
        return _belongs(event.name, federated=federated)
    return isinstance(event, Rows | Index) and _belongs(event.table, federated=federated)


def _check(contents: Contents, path: Path, *, federated: bool) -> None:
    if not contents.whole and not federated:
        raise OnedbError(f"{path} holds the shared tables only.", todo="Use --federated to restore these.")
    for version in contents.versions.values():
        if _numbers(version) > _numbers(SCHEMA_VERSION):
            raise OnedbError(
                f"{path} holds a database of version {version[:40]}, newer than {SCHEMA_VERSION}.",
                todo="Restore it with the release that wrote it.",
            )


def _numbers(version: str) -> tuple[int, ...]:
    """``version`` to compare; a number of very many digits is a large one all the same."""
    return tuple(int(part[:9]) if part.isascii() and part.isdigit() else 0 for part in version.split("."))


def compare(target: Target, tables: Mapping[str, Tally], listener: Listener) -> None:
    """Read ``tables`` back. Raises :class:`OnedbError` where one is not as it should be."""
    meter = Meter(listener, "verify", sum(tally.rows for tally in tables.values()))
    for name, wanted in tables.items():
        found = Tally()
        for row in target.rows(name):
            found.add(row)
        if found != wanted:
            raise OnedbError(
                f"The database does not give back the rows of {name} ({wanted.rows} written, {found.rows} read).",
                todo="Nothing was changed. Check the character set of the tables in the backup.",
            )
        meter.add(name, found.rows)
    meter.end()
