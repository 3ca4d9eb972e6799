"""What jobs that are committed together share, so that each of them needs few round trips of its own.

Ids are counted in memory while the row that counts them is locked, and written once. New rows wait for the end and go
in together, unless a statement of another job would have to see them.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from sqlalchemy import Executable, Table, bindparam, func, update
from sqlalchemy.dialects import mysql, sqlite
from sqlalchemy.engine import Connection
from sqlalchemy.sql import ClauseElement, visitors

from oned.database.schema import pool_control

Insert = tuple[Executable, dict[str, Any]]
"""A statement and the values of one row."""

_mysql_insert = mysql.insert(pool_control).values(last_oid=func.last_insert_id(0))
_NEXT_MYSQL = _mysql_insert.on_duplicate_key_update(last_oid=func.last_insert_id(pool_control.c.last_oid + 1))
_sqlite_insert = sqlite.insert(pool_control).values(last_oid=0)
_NEXT_SQLITE = _sqlite_insert.on_conflict_do_update(
    index_elements=["tablename"], set_={"last_oid": pool_control.c.last_oid + 1}
).returning(pool_control.c.last_oid)
_SET_LAST = (
    update(pool_control).where(pool_control.c.tablename == bindparam("pool")).values(last_oid=bindparam("last"))
)


class Batch:
    """The shared part of one database transaction.

    ``signals`` are names of what others wait for (:meth:`oned.database.db.Database.listen`).
    """

    def __init__(self, connection: Connection, *, mysql: bool) -> None:
        self.connection = connection
        self.mysql = mysql
        self.signals: set[str] = set()
        self._last: dict[str, int] = {}
        self._stored: dict[str, int] = {}
        self._waiting: dict[Executable, list[dict[str, Any]]] = {}
        self._tables: set[Table] = set()

    def knows_ids_of(self, pool: str) -> bool:
        """Whether :meth:`next_oid` writes nothing for this pool."""
        return pool in self._last

    def next_oid(self, pool: str) -> int:
        """A new id in the pool table ``pool``: one more than the last, counted in ``pool_control``."""
        if pool in self._last:
            self._last[pool] += 1
        else:
            statement = _NEXT_MYSQL if self.mysql else _NEXT_SQLITE
            result = self.connection.execute(statement, {"tablename": pool})
            self._last[pool] = self._stored[pool] = result.lastrowid if self.mysql else int(result.scalar_one())
        return self._last[pool]

    def ids(self) -> dict[str, int]:
        """The ids taken last, for :meth:`give_back`."""
        return self._last.copy()

    def give_back(self, ids: dict[str, int]) -> None:
        """Count on from ``ids``: a job that took more has failed without having written anything."""
        self._last = ids

    def add(self, inserts: Iterable[Insert]) -> None:
        """Insert these rows later, those of a table in their order."""
        for statement, row in inserts:
            self._waiting.setdefault(statement, []).append(row)
            self._tables |= tables_of(statement)

    def concerns(self, statement: Executable) -> bool:
        """Whether ``statement`` is about a table for which rows wait."""
        return bool(self._tables) and overlap(statement, self._tables)

    def insert(self) -> None:
        """Insert what waits, the rows of a table together."""
        waiting, self._waiting = self._waiting, {}
        self._tables.clear()
        for statement, rows in waiting.items():
            self.connection.execute(statement, rows)

    def finish(self) -> None:
        """Write what is left, just before the commit."""
        self.insert()
        for pool, last in self._last.items():
            if last != self._stored[pool]:
                self.connection.execute(_SET_LAST, {"pool": pool, "last": last})
                self._stored[pool] = last


@lru_cache(maxsize=512)
def tables_of(statement: Executable) -> frozenset[Table]:
    """The tables that ``statement`` reads or changes; none for one in plain SQL, of which nothing is known."""
    if not isinstance(statement, ClauseElement):
        return frozenset()
    return frozenset(
        table
        for part in visitors.iterate(statement)
        for table in (part, getattr(part, "table", None))
        if isinstance(table, Table)
    )


def overlap(statement: Executable, tables: set[Table]) -> bool:
    """Whether ``statement`` may be about one of ``tables``."""
    mentioned = tables_of(statement)
    return not mentioned or not mentioned.isdisjoint(tables)
