"""Quotas as they are shown: the parts that ``info`` adds to a user or a group."""

import re

from sqlalchemy import Table, bindparam, select

from oned.db import Transaction
from oned.schema import system_attributes

EMPTY = (
    "<DATASTORE_QUOTA></DATASTORE_QUOTA><NETWORK_QUOTA></NETWORK_QUOTA>"
    "<VM_QUOTA></VM_QUOTA><IMAGE_QUOTA></IMAGE_QUOTA>"
)
_INNER = re.compile(r"\s*<QUOTAS>\s*<ID>[^<]*</ID>(.*)</QUOTAS>\s*", re.DOTALL)
_DEFAULT = select(system_attributes.c.body).where(system_attributes.c.name == bindparam("key"))


def new_body(oid: int) -> str:
    """The quotas of a new user or group."""
    return f"<QUOTAS><ID>{oid}</ID>{EMPTY}</QUOTAS>"


def default_xml(transaction: Transaction, name: str) -> str:
    """``DEFAULT_USER_QUOTAS`` or ``DEFAULT_GROUP_QUOTAS``."""
    row = transaction.one(_DEFAULT, {"key": name})
    return f"<{name}>{EMPTY}</{name}>" if row is None else str(row[0])


def own_xml(transaction: Transaction, table: Table, oid: int) -> str:
    """The quotas of one object, without their frame."""
    column = table.primary_key.columns[0]
    row = transaction.one(select(table.c.body).where(column == oid))
    match = _INNER.fullmatch(str(row[0])) if row is not None else None
    return match.group(1) if match else EMPTY
