"""Brings a backup back: all of it or nothing.

SQLite: one transaction. MariaDB: the rows go into tables of other names, are read back and compared, and one statement
swaps all tables at once; a run that was killed leaves such tables, which the next one drops. No statement of the file
is carried out as it stands, so that nothing but the database that was asked for is ever touched.
"""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from oned.config import DatabaseSettings
from oned.database.schema import SCHEMA_VERSION, SHARED
from onedb.backup.reader import BackupFile, Contents
from onedb.backup.sql import Event, Index, Rows, Table
from onedb.backup.values import Row, Tally
from onedb.backup.writer import Progress
from onedb.errors import OnedbError


@dataclass(frozen=True)
class Restored:
    """What was brought back: the rows of each table, and the versions of the file."""

    contents: Contents

    @property
    def rows(self) -> int:
        """Of all tables."""
        return sum(tally.rows for tally in self.contents.tables.values())


class Target(Protocol):
    """A database that takes tables; nothing of it can be seen before :meth:`finish`."""

    def exists(self) -> bool:
        """Whether there is a database of OpenNebula already."""

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
    progress: Progress = lambda _table, _rows: None,
    *,
    overwrite: bool = False,
    federated: bool = False,
) -> Restored:
    """Bring the file ``path`` back into the database; ``federated`` takes its shared tables only.

    Raises :class:`OnedbError`; the database is then as it was.
    """
    with BackupFile.open(path) as backup, open_target(settings) as target:
        mysql = backup.contents.mysql
        if mysql != (settings.backend == "mysql"):
            raise OnedbError(
                f"{path} is a backup of {'MariaDB' if mysql else 'SQLite'}, the database is the {settings.label}.",
                todo="Name a database of the same kind; sqlite2mysql moves one from SQLite to MariaDB.",
            )
        if not overwrite and not federated and target.exists():
            raise _exists(settings)
        target.begin()
        for event in backup.events():
            _apply(target, event, progress, federated=federated)
        tables = [name for name in backup.contents.tables if not federated or name in SHARED]
        _check(backup.contents, path, federated=federated)
        compare(target, {name: backup.contents.tables[name] for name in tables})
        target.finish(tables, whole=not federated)
        return Restored(backup.contents)


def _exists(settings: DatabaseSettings) -> OnedbError:
    if settings.backend == "sqlite":
        return OnedbError(f"File {settings.path} exists, use -f to overwrite.")
    return OnedbError(f"MySQL database {settings.name} at {settings.server} exists, use -f to overwrite.")


def _apply(target: Target, event: Event, progress: Progress, *, federated: bool) -> None:
    if isinstance(event, Table) and (not federated or event.name in SHARED):
        target.table(event)
    elif isinstance(event, Rows) and (not federated or event.table in SHARED):
        target.insert(event.table, event.columns, event.rows)
        progress(event.table, len(event.rows))
    elif isinstance(event, Index) and not federated:
        target.index(event.statement)


def _check(contents: Contents, path: Path, *, federated: bool) -> None:
    if not contents.whole and not federated:
        raise OnedbError(f"{path} holds the shared tables only.", todo="Use --federated to restore these.")
    for version in contents.versions.values():
        if _numbers(version) > _numbers(SCHEMA_VERSION):
            raise OnedbError(
                f"{path} holds a database of version {version}, newer than {SCHEMA_VERSION}.",
                todo="Restore it with the release that wrote it.",
            )


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) if part.isdigit() else 0 for part in version.split("."))


def compare(target: Target, tables: Mapping[str, Tally]) -> None:
    """Read ``tables`` back. Raises :class:`OnedbError` where one is not as it should be."""
    for name, wanted in tables.items():
        found = Tally()
        for row in target.rows(name):
            found.add(row)
        if found != wanted:
            raise OnedbError(
                f"The database does not give back the rows of {name} ({wanted.rows} written, {found.rows} read).",
                todo="Nothing was changed. Check the character set of the tables in the backup.",
            )
