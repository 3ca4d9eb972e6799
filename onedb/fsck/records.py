"""Rows of the database for the checks: read page by page, so that memory does not grow with a table; written back."""

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from sqlalchemy import Column, Connection, Row, Table, delete, func, insert, select, update
from sqlalchemy.sql import ColumnElement

from oned.database.schema import SHARED, local_db_versioning
from oned.errors import InternalError
from oned.model.base import PoolObject
from onedb.fsck.finding import Finding, unrepaired

PAGE = 500
"""Rows of one page; a body may be as large as 16 MiB, most are a few KiB."""

Obj = TypeVar("Obj", bound=PoolObject)


class Records:
    """The rows, within one transaction of ``connection``.

    ``slave``: the database is that of a federation's slave, where the shared tables are the master's: they are not
    written. ``damaged`` has a finding for each body that cannot be read: what others say of that object stays as it
    is, until a person has restored the body.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.slave = self._is_slave()
        self.damaged: dict[tuple[str, int], Finding] = {}

    def _is_slave(self) -> bool:
        column = local_db_versioning.c
        query = select(column.is_slave).order_by(column.oid.desc()).limit(1)
        return bool(self.connection.execute(query).scalar())

    def pages(
        self, table: Table, *columns: Column[Any], where: ColumnElement[bool] | None = None
    ) -> Iterator[Row[Any]]:
        """The ``columns`` of all rows of a table with an ``oid``, the first one, in its order."""
        key = table.c.oid
        query = select(key, *columns).order_by(key).limit(PAGE)
        if where is not None:
            query = query.where(where)
        last = -(2**31)
        while True:
            rows = self.connection.execute(query.where(key > last)).all()
            yield from rows
            if len(rows) < PAGE:
                return
            last = rows[-1][0]

    def objects(self, cls: type[Obj], *columns: Column[Any]) -> Iterator[tuple[Obj, Row[Any]]]:
        """The objects of a pool with their rows (``oid``, ``body``, ``columns``); damaged ones are noted."""
        for row in self.pages(cls.table, cls.table.c.body, *columns):
            try:
                found = cls.from_xml(str(row.body))
            except (InternalError, ValueError):
                self.note_damaged(cls.table, row.oid, cls.root)
                continue
            if found.oid == row.oid:
                yield found, row
            else:  # saved, it would be written over another one
                self.note_damaged(cls.table, row.oid, cls.root, f"has a body of the ID {found.oid}")

    def note_damaged(
        self, table: Table, oid: int, root: str, what: str = "has a body that cannot be read"
    ) -> None:
        """Remember that the body of an object cannot be read, or is another one's."""
        message = f"{root} {oid} {what}. Restore it from a backup with onedb update-body"
        self.damaged.setdefault((table.name, oid), unrepaired(message))

    def unread(self, table: Table) -> set[int]:
        """The objects of a pool whose bodies could not be read, as far as they have been tried."""
        return {oid for name, oid in self.damaged if name == table.name}

    def names(self, table: Table) -> dict[int, str]:
        """The name of each object of a pool by its id."""
        return {row.oid: str(row.name) for row in self.pages(table, table.c.name)}

    def writable(self, table: Table) -> bool:
        """Whether the table is this database's to repair."""
        return not (self.slave and table.name in SHARED)

    def finding(self, table: Table, message: str) -> Finding:
        """What is repaired in ``table``, unless that is the master's."""
        if self.writable(table):
            return Finding(message)
        return unrepaired(f"{message}. It needs to be fixed in the master OpenNebula")

    def save(self, obj: PoolObject) -> None:
        """Write the row of an object back."""
        if self.writable(obj.table):
            row = obj.row()
            self.change(obj.table, {"oid": row.pop("oid")}, row)

    def change(self, table: Table, key: Mapping[str, object], values: Mapping[str, object]) -> None:
        """Update the row with the primary key ``key``."""
        where = [table.c[name] == value for name, value in key.items()]
        self.connection.execute(update(table).where(*where).values(**values))

    def add(self, table: Table, row: Mapping[str, object]) -> None:
        """Insert a row."""
        self.connection.execute(insert(table).values(**row))

    def drop(self, table: Table, key: Mapping[str, object]) -> None:
        """Delete the row with the primary key ``key``."""
        self.connection.execute(delete(table).where(*(table.c[name] == value for name, value in key.items())))

    def largest(self, table: Table) -> int:
        """The highest id of a pool, -1 when it is empty."""
        found = self.connection.execute(select(func.max(table.c.oid))).scalar()
        return -1 if found is None else int(found)
