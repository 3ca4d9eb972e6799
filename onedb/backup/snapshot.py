"""The tables and rows of a database at one moment, whatever others write meanwhile."""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from typing import Protocol

from oned.config import DatabaseSettings
from oned.database.schema import metadata
from onedb.backup.values import Row
from onedb.errors import OnedbError
from onedb.upgrade.names import NEW, OLD, RESTORED, TAKEN_AWAY

PASSING = (NEW, OLD, RESTORED, TAKEN_AWAY)
"""Tables that only an upgrade or a restore knows, before and after its swap."""


class Snapshot(Protocol):
    """A consistent view; every method raises :class:`OnedbError` for what the database refuses."""

    def tables(self) -> list[str]:
        """The names of the tables, in order, without :data:`PASSING` ones."""

    def size(self) -> int:
        """About how many bytes they hold."""

    def expected(self, tables: list[str]) -> int:
        """About how many rows ``tables`` have."""

    def statements(self, table: str) -> tuple[str, list[str]]:
        """What makes ``table``, and what has to follow its rows."""

    def columns(self, table: str) -> list[str]:
        """The names of its columns."""

    def rows(self, table: str) -> Iterator[Row]:
        """Its rows, one by one: read them all before the next call."""


def open_snapshot(settings: DatabaseSettings) -> AbstractContextManager[Snapshot]:
    """A snapshot of the database, which must exist.

    Raises :class:`onedb.errors.UnreachableError`.
    """
    if settings.backend == "sqlite":
        from onedb.backup.sqlite import SqliteSnapshot

        return SqliteSnapshot.open(settings)
    from onedb.backup.mysql import MysqlSnapshot

    return MysqlSnapshot.open(settings)


def own_tables(names: Iterable[str]) -> list[str]:
    """Those of ``names`` that belong in a backup."""
    return sorted(name for name in names if not name.startswith(PASSING))


def superseded(present: Iterable[str], restored: Iterable[str]) -> list[str]:
    """The tables of OpenNebula or of this server that a whole backup without them takes away."""
    kept = set(restored)
    return sorted(
        name
        for name in present
        if name not in kept
        and not name.startswith((RESTORED, TAKEN_AWAY))
        and (name in metadata.tables or name.startswith("oneedge_"))
    )


def kept_by_upgrade(present: Iterable[str]) -> list[str]:
    """Tables from before an upgrade, or on their way: worth nothing beside those that a restore brings."""
    return sorted(
        name for name in present if name.startswith(PASSING) and not name.startswith((RESTORED, TAKEN_AWAY))
    )


def fault(settings: DatabaseSettings, error: Exception) -> OnedbError:
    """What the database said of a statement, without the statement."""
    said = ": ".join(str(argument) for argument in error.args) or type(error).__name__
    return OnedbError(f"The {settings.label} refused the operation ({said}).", todo="Nothing was changed.")
