"""Objects in their tables: read, insert, update, delete."""

from typing import Any, TypeVar

from sqlalchemy import Table, bindparam, delete, insert, select, update

from oned.access import rules
from oned.access.acl import Kind, Target
from oned.database.db import Transaction
from oned.database.schema import pool_control, zone_pool
from oned.errors import InternalError, NoExistsError
from oned.model.base import PoolObject

Obj = TypeVar("Obj", bound=PoolObject)

BODY_BYTES = 2**24 - 1
"""What MEDIUMTEXT holds."""


_COUNTER = select(pool_control.c.last_oid).where(pool_control.c.tablename == bindparam("pool"))
_ZONE = select(zone_pool.c.oid).where(zone_pool.c.oid == 0)


def hold_names(transaction: Transaction, table: Table) -> None:
    """Let no other server create an object in ``table`` until the commit, so that a name found free stays free.

    A pool that never had an object has no counter to lock: then the zone stands for it.
    """
    if transaction.one(_COUNTER, {"pool": table.name}) is None:
        transaction.one(_ZONE)


class _Statements:
    """The statements of one table, built once."""

    def __init__(self, table: Table) -> None:
        self.by_oid = select(table.c.body).where(table.c.oid == bindparam("key"))
        self.access = select(
            table.c.body, table.c.uid, table.c.gid, table.c.owner_u, table.c.group_u, table.c.other_u
        ).where(table.c.oid == bindparam("key"))
        self.by_name = select(table.c.body).where(table.c.name == bindparam("key"))
        self.insert = insert(table)
        self.update = update(table).where(table.c.oid == bindparam("key"))
        self.delete = delete(table).where(table.c.oid == bindparam("key"))


_statements: dict[str, _Statements] = {}


def _of(table: Table) -> _Statements:
    known = _statements.get(table.name)
    if known is None:
        known = _statements[table.name] = _Statements(table)
    return known


def body_of(transaction: Transaction, table: Table, kind: Kind, oid: int) -> str:
    """The body of the object ``oid``. Raises :class:`NoExistsError`."""
    row = transaction.one(_of(table).by_oid, {"key": oid}) if 0 <= oid < 2**31 else None
    if row is None:
        raise NoExistsError(kind=kind.label, oid=oid)
    return str(row[0])


def readable(transaction: Transaction, table: Table, kind: Kind, oid: int) -> tuple[str, Target]:
    """The body of the object ``oid`` and what decides who may read it, without parsing the body.

    Raises :class:`NoExistsError`.
    """
    row = transaction.one(_of(table).access, {"key": oid}) if 0 <= oid < 2**31 else None
    if row is None:
        raise NoExistsError(kind=kind.label, oid=oid)
    body, uid, gid, owner, group, other = row
    return body, Target(kind, oid, uid, gid, (owner, 0, 0, group, 0, 0, other, 0, 0))


def load(transaction: Transaction, cls: type[Obj], oid: int) -> Obj:
    """The object ``oid``. Raises :class:`NoExistsError`."""
    return cls.from_xml(body_of(transaction, cls.table, cls.kind, oid))


def find_body(transaction: Transaction, table: Table, name: str) -> str | None:
    """The body of the object called ``name`` in a pool where names are unique."""
    row = transaction.one(_of(table).by_name, {"key": name})
    return None if row is None else str(row[0])


def find(transaction: Transaction, cls: type[Obj], name: str) -> Obj | None:
    """The object called exactly ``name`` (the database may compare without case)."""
    body = find_body(transaction, cls.table, name)
    if body is None:
        return None
    found = cls.from_xml(body)
    return found if found.name == name else None


def _row(obj: PoolObject) -> dict[str, Any]:
    """The columns of ``obj``. Raises :class:`InternalError` for a body that the column cannot hold."""
    columns = obj.row()
    body = columns["body"]
    if len(body) > BODY_BYTES // 4 and len(body.encode()) > BODY_BYTES:
        raise InternalError(
            f"The {obj.kind.label} is larger than the {(BODY_BYTES + 1) >> 20} MiB the database takes."
        )
    return columns


def create(transaction: Transaction, obj: PoolObject) -> int:
    """Insert ``obj`` under a new id, which becomes its ``oid``."""
    obj.oid = transaction.next_oid(obj.table.name)
    if not obj.name:
        obj.name = f"{obj.root.lower()}-{obj.oid}"
    insert_row(transaction, obj)
    return obj.oid


def insert_row(transaction: Transaction, obj: PoolObject) -> None:
    """Insert ``obj``, whose ``oid`` was taken before with :meth:`Transaction.next_oid`."""
    row = _row(obj)
    transaction.insert_at_end(_of(obj.table).insert, row)
    transaction.touched.append((obj, row["body"]))


def save(transaction: Transaction, obj: PoolObject) -> None:
    """Write ``obj`` back."""
    columns = _row(obj)
    transaction.write(_of(obj.table).update, columns | {"key": columns["oid"]})


def remove(transaction: Transaction, obj: PoolObject) -> None:
    """Delete ``obj``, the access rules about it, and its place in virtual data centers."""
    transaction.write(_of(obj.table).delete, {"key": obj.oid})
    transaction.touched.append((obj, ""))
    rules.forget(transaction, obj.kind, obj.oid)
