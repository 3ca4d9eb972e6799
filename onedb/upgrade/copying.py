"""The new tables: made, filled through the steps, and indexed."""

import time
from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import MetaData, Table
from sqlalchemy.dialects import mysql, sqlite
from sqlalchemy.schema import CreateTable

from onedb.link import Link
from onedb.migrations.step import Row
from onedb.upgrade.names import NEW
from onedb.upgrade.plan import TablePlan
from onedb.upgrade.progress import Event, Listener
from onedb.upgrade.weight import Weight

BATCH_ROWS = 1000
BATCH_CHARACTERS = 2_000_000


def create(link: Link, plan: TablePlan) -> None:
    """Make the new table of ``plan``, without its indexes."""
    table = plan.target.to_metadata(MetaData(), name=NEW + plan.name)
    dialect = (mysql if link.mysql else sqlite).dialect()
    link.fetch(str(CreateTable(table).compile(dialect=dialect)) + (_options(link, plan) if link.mysql else ""))


def _options(link: Link, plan: TablePlan) -> str:
    """The old table's character set, so that every text of it fits."""
    statement = (
        "SELECT table_collation FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = %s"
    )
    rows = link.fetch(statement, (plan.name if plan.exists else "user_pool",))
    return f" ENGINE=InnoDB COLLATE={rows[0][0]}" if rows and rows[0][0] else " ENGINE=InnoDB"


def index(link: Link, table: Table, place: str) -> None:
    """Make the indexes of ``table`` on the table called ``place``."""
    for found in sorted(table.indexes, key=lambda each: str(each.name)):
        prefix = found.dialect_kwargs.get("mysql_prefix") or ""
        if prefix and not link.mysql:
            continue
        columns = ", ".join(link.quoted(column.name) for column in found.columns)
        kind = "UNIQUE " if found.unique else f"{prefix} " if prefix else ""
        link.fetch(f"CREATE {kind}INDEX {link.quoted(str(found.name))} ON {link.quoted(place)} ({columns})")


class Copy:
    """Fills new tables; ``reader`` and ``writer`` are one connection on SQLite, two on MariaDB."""

    def __init__(self, reader: Link, writer: Link, total: int, listener: Listener) -> None:
        self._reader = reader
        self._writer = writer
        self._total = total
        self._tell = listener
        self._begin = time.monotonic()
        self.rows = 0

    def fill(self, plan: TablePlan) -> Weight:
        """Copy one table; returns what was written. Raises :class:`onedb.migrations.step.MigrationError`."""
        weight = Weight.of(plan.target)
        names = [column.name for column in plan.target.columns]
        for batch in _batches(self._rows(plan), names):
            self._writer.insert(NEW + plan.name, names, batch)
            weight.add(names, batch)
            self._tell(Event("copy", plan.name, self.rows, self._total, time.monotonic() - self._begin))
        return weight

    def _rows(self, plan: TablePlan) -> Iterator[Row]:
        if plan.exists:
            names = self._reader.columns(plan.name)
            for values in self._reader.stream(_select(self._reader, plan, names)):
                self.rows += 1
                yield from plan.through(dict(zip(names, values, strict=True)))
        yield from plan.added()


def _select(link: Link, plan: TablePlan, names: list[str]) -> str:
    """All rows of the old table, in the order of the new key where it has that: the new one is written in order."""
    columns = ", ".join(map(link.quoted, names))
    key = [column.name for column in plan.target.primary_key.columns]
    order = f" ORDER BY {', '.join(map(link.quoted, key))}" if set(key) <= set(names) and key else ""
    return f"SELECT {columns} FROM {link.quoted(plan.name)}{order}"  # noqa: S608 (quoted)


def _batches(rows: Iterable[Row], names: list[str]) -> Iterator[list[tuple[Any, ...]]]:
    """Rows as tuples, so many together that neither their number nor their length is large."""
    batch: list[tuple[Any, ...]] = []
    size = 0
    for row in rows:
        values = tuple([row.get(name) for name in names])
        length = sum([len(value) for value in values if isinstance(value, str)])
        if len(batch) >= BATCH_ROWS or (batch and size + length > BATCH_CHARACTERS):
            yield batch
            batch, size = [], 0
        batch.append(values)
        size += length
    if batch:
        yield batch
