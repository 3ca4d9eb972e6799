"""Reading rows without locking them, and locking rows of several kinds in the one order that all writers keep."""

from collections.abc import Iterable
from functools import lru_cache
from typing import Any, TypeVar

from sqlalchemy import Select, Table, bindparam, select

from oned.database.db import Transaction
from oned.errors import NoExistsError
from oned.model.base import PoolObject

Obj = TypeVar("Obj", bound=PoolObject)


@lru_cache(maxsize=32)
def _by_oid(table: Table) -> Select[Any]:
    return select(table.c.body).where(table.c.oid == bindparam("key"))


@lru_cache(maxsize=32)
def _by_name(table: Table) -> Select[Any]:
    return select(table.c.oid).where(table.c.name == bindparam("key"), table.c.uid == bindparam("owner"))


@lru_cache(maxsize=32)
def _lock(table: Table) -> Select[Any]:
    return select(table.c.oid).where(table.c.oid == bindparam("key"))


def peek(transaction: Transaction, cls: type[Obj], oid: int) -> Obj:
    """The object ``oid``, its row not locked: for what another lock has to come before. Raises NoExistsError."""
    found = glance(transaction, cls, oid)
    if found is None:
        raise NoExistsError(kind=cls.kind.label, oid=oid)
    return found


def glance(transaction: Transaction, cls: type[Obj], oid: int) -> Obj | None:
    """The object ``oid`` or None, its row not locked."""
    rows = transaction.rows(_by_oid(cls.table), {"key": oid}) if 0 <= oid < 2**31 else []
    return cls.from_xml(str(rows[0][0])) if rows else None


def held(transaction: Transaction, cls: type[Obj], oid: int) -> Obj | None:
    """The object ``oid`` with its row locked, or None."""
    row = transaction.one(_by_oid(cls.table), {"key": oid}) if 0 <= oid < 2**31 else None
    return None if row is None else cls.from_xml(str(row[0]))


def named(transaction: Transaction, table: Table, name: str, uid: int) -> int:
    """The id of the object that the user ``uid`` calls ``name``, -1 without one; compared as the unique key does."""
    rows = transaction.rows(_by_name(table), {"key": name, "owner": uid})
    return int(rows[0][0]) if rows else -1


def lock_rows(transaction: Transaction, table: Table, oids: Iterable[int]) -> None:
    """Lock rows until the end of the transaction, in the order of their ids."""
    for oid in sorted(oids):
        transaction.one(_lock(table), {"key": oid})
