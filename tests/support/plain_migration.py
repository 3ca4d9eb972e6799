"""The steps of a chain carried out in the plainest way: a loop, without the safety of ``onedb.upgrade``."""

import time
from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import Connection, Select, Table, insert, inspect, select, text
from sqlalchemy.schema import CreateTable

from oned.config import DatabaseSettings
from oned.database import schema
from oned.database.engine import make_engine
from onedb.migrations.chain import LATEST, steps_from
from onedb.migrations.step import Row, Step, TableChange


class PlainReader:
    """All rows at once, of a database as it is at that moment."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @property
    def dialect(self) -> str:
        return "sqlite" if self._connection.dialect.name == "sqlite" else "mysql"

    def rows(self, statement: Select[Any]) -> Iterable[Row]:
        return [dict(row._mapping) for row in self._connection.execute(statement)]

    def has(self, name: str) -> bool:
        return bool(inspect(self._connection).has_table(name))


def migrate(settings: DatabaseSettings, shared: str, local: str) -> dict[str, float]:
    """Bring a database of these versions to the latest; the seconds that the row functions of each table took."""
    engine = make_engine(settings, 1, autocommit=False)
    spent: dict[str, float] = {}
    try:
        with engine.begin() as connection:
            for step in steps_from(shared, local):
                _carry_out(connection, step, spent)
            for table in (schema.db_versioning, schema.local_db_versioning):
                slave = {"is_slave": False} if "is_slave" in table.c else {}
                row = {"oid": 1, "version": LATEST, "timestamp": 0, "comment": "migrated", **slave}
                connection.execute(insert(table), row)
    finally:
        engine.dispose()
    return spent


def _carry_out(connection: Connection, step: Step, spent: dict[str, float]) -> None:
    reader = PlainReader(connection)
    context = step.prepare(reader) if step.prepare else {}
    for change in step.tables:
        old = (
            reader.rows(select(text("*")).select_from(text(change.table.name)))
            if reader.has(change.table.name)
            else []
        )
        begin = time.process_time()
        new = [row for before in old for row in change.rows(context, before)]
        new += list(change.added(context)) if change.added else []
        name = change.table.name
        spent[name] = spent.get(name, 0.0) + time.process_time() - begin
        _replace(connection, change, new, present=reader.has(name))


def _replace(connection: Connection, change: TableChange, rows: list[Row], *, present: bool) -> None:
    table: Table = change.table
    if present:
        connection.execute(text(f"DROP TABLE {table.name}"))
    connection.execute(CreateTable(table))
    columns = set(table.columns.keys())
    for part in _parts(rows):
        assert all(set(row) == columns for row in part), (table.name, set(part[0]) ^ columns)
        connection.execute(insert(table), part)


def _parts(rows: list[Row]) -> Iterator[list[dict[str, Any]]]:
    for start in range(0, len(rows), 2000):
        yield [dict(row) for row in rows[start : start + 2000]]
