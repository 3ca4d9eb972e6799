"""The tables of an SQLite database, in MariaDB: all of them or none.

They are made as this release makes them, under other names, filled from one snapshot, read back row by row and
compared; one statement then puts all of them in place. A run that was killed leaves tables that nobody sees and that
the next one drops.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from sqlalchemy import Table
from sqlalchemy.dialects import mysql
from sqlalchemy.schema import CreateTable

from oned.config import DatabaseSettings
from oned.database.schema import metadata
from onedb.backup import sql
from onedb.backup.meter import Meter
from onedb.backup.mysql import fetch
from onedb.backup.mysql_target import MysqlTarget
from onedb.backup.restore import compare
from onedb.backup.snapshot import Snapshot
from onedb.backup.sqlite import SEQUENCE, SqliteSnapshot
from onedb.backup.values import Row, Tally, Value
from onedb.errors import OnedbError
from onedb.sqlite2mysql.columns import Columns
from onedb.upgrade.guard import check_room
from onedb.upgrade.progress import Event, Listener, silent

BATCH_ROWS, BATCH_BYTES = 500, 1 << 20


@dataclass(frozen=True)
class Moved:
    """What was moved: the rows of each table, tables that no front-end knows and that stayed behind, seconds."""

    tables: dict[str, int] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()
    seconds: float = 0.0

    @property
    def rows(self) -> int:
        """Of all tables."""
        return sum(self.tables.values())


class _Target(MysqlTarget):
    """Takes rows that no MariaDB has seen yet, and gives them back in the form in which they were counted."""

    def begin(self) -> None:
        super().begin()
        fetch(self._connection, "SET SESSION unique_checks = 1")  # SQLite has let through what is not unique here

    def rows(self, table: str) -> Iterator[Row]:
        canonical = Columns(metadata.tables[table]).canonical
        return map(canonical, super().rows(table))


def move(source: DatabaseSettings, target: DatabaseSettings, listener: Listener = silent) -> Moved:
    """Put what ``source`` holds in the place of what ``target`` holds.

    Raises :class:`OnedbError`; ``target`` is then as it was. ``source`` always is.
    """
    begin = time.monotonic()
    with SqliteSnapshot.open(source) as snapshot, _Target.open(target) as into:
        there = snapshot.tables()
        check_room(*into.room(snapshot.size()), "the tables of the SQLite database")
        into.begin()
        sequences = _sequences(snapshot, there)
        meter = Meter(listener, "copy", snapshot.expected([name for name in there if name in metadata.tables]))
        tallies: dict[str, Tally] = {}
        for table in metadata.sorted_tables:
            with _naming(table, target):
                into.table(definition(table, sequences.get(table.name, 0)))
                tallies[table.name] = _fill(into, snapshot, table, meter) if table.name in there else Tally()
        meter.end()
        compare(into, tallies, listener)
        listener(Event("swap"))
        into.finish(list(tallies), whole=True)
    left_out = tuple(name for name in there if name not in tallies and name != SEQUENCE)
    return Moved({name: tally.rows for name, tally in tallies.items()}, left_out, time.monotonic() - begin)


@contextmanager
def _naming(table: Table, target: DatabaseSettings) -> Iterator[None]:
    """Say of which table the database has refused something."""
    from pymysql.err import DataError, IntegrityError, OperationalError

    try:
        yield
    except IntegrityError as error:
        raise OnedbError(
            f"Rows of {table.name} that SQLite tells apart are the same for the {target.label} ({error.args[-1]}).",
            todo="Rename one of them (MariaDB takes no notice of case and of spaces at the end); nothing was changed.",
        ) from None
    except (DataError, OperationalError) as error:
        if isinstance(error, OperationalError) and error.args[0] not in _UNFIT:
            raise
        raise OnedbError(
            f"The {target.label} refused a value of {table.name} ({error.args[-1]}).",
            todo=f"If it lacks characters: ALTER DATABASE `{target.name}` CHARACTER SET utf8mb4. Nothing was changed.",
        ) from None


_UNFIT = frozenset({1366, 1406, 1264})
"""Wrong characters, too long, out of range; PyMySQL counts some of them as operational."""


def definition(table: Table, last: int = 0) -> sql.Table:
    """The statement that makes ``table`` with its indexes; the next number it gives away is above ``last``."""
    text = str(CreateTable(table).compile(dialect=mysql.dialect())).strip()
    keys = []
    for index in sorted(table.indexes, key=lambda each: str(each.name)):
        kind = "UNIQUE " if index.unique else f"{index.dialect_kwargs.get('mysql_prefix') or ''} "
        keys.append(f",\n\t{kind.lstrip()}KEY `{index.name}` ({', '.join(f'`{c.name}`' for c in index.columns)})")
    options = f" ENGINE=InnoDB AUTO_INCREMENT={last + 1}" if last else " ENGINE=InnoDB"
    text = text[:-1].rstrip() + "".join(keys) + "\n)" + options
    start = text.index(table.name)
    return sql.Table(table.name, text, start, start + len(table.name))


def _sequences(snapshot: Snapshot, there: list[str]) -> dict[str, int]:
    """The last number that each table has given away."""
    if SEQUENCE not in there:
        return {}
    rows = [(name, number) for name, number in snapshot.rows(SEQUENCE)]
    return {bytes(name).decode(): int(number) for name, number in rows if name and isinstance(number, str)}  # type: ignore[arg-type]  # names are texts


def _fill(into: MysqlTarget, snapshot: Snapshot, table: Table, meter: Meter) -> Tally:
    """Copy one table; what it has."""
    columns, tally = Columns(table), Tally()
    order = _order(snapshot.columns(table.name), columns.names, table.name)
    batch: list[Row] = []
    size = 0
    for found in snapshot.rows(table.name):
        row = columns.canonical([None if at is None else found[at] for at in order])
        tally.add(row)
        batch.append(row)
        size += sum(map(_length, row))
        if len(batch) >= BATCH_ROWS or size >= BATCH_BYTES:
            into.insert(table.name, tuple(columns.names), batch)
            meter.add(table.name, len(batch))
            batch, size = [], 0
    if batch:
        into.insert(table.name, tuple(columns.names), batch)
    meter.add(table.name, len(batch))
    return tally


def _order(found: list[str], wanted: list[str], table: str) -> list[int | None]:
    """Where each column is in a row of SQLite; None for one that it lacks."""
    if unknown := set(found) - set(wanted):
        raise OnedbError(
            f"The table {table} has columns that no front-end of this release knows: {', '.join(sorted(unknown))}.",
            todo="Drop them, or the table, in the SQLite database; nothing was changed.",
        )
    return [found.index(name) if name in found else None for name in wanted]


def _length(value: Value) -> int:
    return len(value) if value is not None else 0
