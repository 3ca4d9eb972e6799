"""Which tables the steps change, and how a row goes through all of them."""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Select, Table
from sqlalchemy.dialects import mysql, sqlite

from oned.database import schema
from onedb.link import Link
from onedb.migrations.step import Context, Part, Row, Step, TableChange, unchanged
from onedb.version import Versions


@dataclass
class TablePlan:
    """One table: its layout after the last step, and the steps that change it, in order, with their contexts."""

    target: Table
    exists: bool
    stages: list[tuple[Context, TableChange]] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The table's name."""
        return self.target.name

    def through(self, row: Row) -> Iterable[Row]:
        """What becomes of ``row``."""
        return _pass((row,), self.stages)

    def added(self) -> Iterator[Row]:
        """The rows that the steps add, each through the steps that follow."""
        for place, (context, change) in enumerate(self.stages):
            if change.added is not None:
                yield from _pass(change.added(context), self.stages[place + 1 :])


def _pass(rows: Iterable[Row], stages: Sequence[tuple[Context, TableChange]]) -> Iterable[Row]:
    for context, change in stages:
        rows = [out for row in rows for out in change.rows(context, row)]
    return rows


class LinkReader:
    """The old database for :attr:`Step.prepare`."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._tables = frozenset(link.tables())
        self._dialect = (mysql if link.mysql else sqlite).dialect(paramstyle="named")

    @property
    def dialect(self) -> str:
        """``sqlite`` or ``mysql``."""
        return "mysql" if self._link.mysql else "sqlite"

    def rows(self, statement: Select[Any]) -> Iterable[Mapping[str, Any]]:
        """The rows of a select, by column name."""
        text = str(statement.compile(dialect=self._dialect, compile_kwargs={"literal_binds": True}))
        names = statement.selected_columns.keys()
        return [dict(zip(names, row, strict=True)) for row in self._link.fetch(text)]

    def has(self, name: str) -> bool:
        """Whether the old database has that table."""
        return name in self._tables


def make_plans(link: Link, versions: Versions, steps: Sequence[Step]) -> list[TablePlan]:
    """What ``steps`` do, a plan per table, those of the versions last.

    Raises :class:`onedb.migrations.step.MigrationError`.
    """
    reader = LinkReader(link)
    plans: dict[str, TablePlan] = {}
    for step in (*steps, *_version_steps(link, versions, steps)):
        context = step.prepare(reader) if step.prepare is not None else {}
        for change in step.tables:
            name = change.table.name
            plan = plans.setdefault(name, TablePlan(change.table, reader.has(name)))
            plan.target = change.table
            plan.stages.append((context, change))
    return list(plans.values())


def _version_steps(link: Link, versions: Versions, steps: Sequence[Step]) -> Iterator[Step]:
    """Steps that append the row of this upgrade to the version tables of the halves that have steps."""
    halves: tuple[tuple[Part, Table, str], ...] = (
        ("shared", schema.db_versioning, versions.shared.version),
        ("local", schema.local_db_versioning, versions.local.version),
    )
    for part, table, source in halves:
        own = [step for step in steps if step.part == part]
        if own:
            target = own[-1].target
            last = link.fetch(f"SELECT COALESCE(MAX(oid), -1) FROM {table.name}")[0][0]  # noqa: S608 (two names)
            row: dict[str, Any] = {
                "oid": int(last) + 1,
                "version": target,
                "timestamp": int(time.time()),
                "comment": f"Database migrated from {source} to {target} (OpenNebula {target}) by onedb command.",
                "is_slave": 0,
            }
            yield Step(part, source, target, (TableChange(table, unchanged, lambda _, row=row: (row,)),))  # type: ignore[misc]  # a default binds it
