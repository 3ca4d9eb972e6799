"""Quotas as they are shown and set: the parts that ``info`` adds to a user or a group, and the defaults of all."""

import re

from sqlalchemy import Table, bindparam, select, update

from oned.database.db import Transaction
from oned.database.schema import system_attributes
from oned.errors import ActionError, AuthorizationError
from oned.methods.call import Call, Method
from oned.methods.shared import listing
from oned.model.base import PoolObject
from oned.model.quota import METRICS, Quotas
from onelib.template import Template, TemplateError

EMPTY = Quotas().parts_xml()
USER_DEFAULTS, GROUP_DEFAULTS = "DEFAULT_USER_QUOTAS", "DEFAULT_GROUP_QUOTAS"
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


def pool_xml(call: Call, cls: type[PoolObject], table: Table, defaults: str) -> str:
    """All users or groups that the caller may see, each followed by its quotas, and the default ones of all."""
    column = table.primary_key.columns[0]
    quotas = {int(row[0]): str(row[1]) for row in call.transaction.rows(select(column, table.c.body))}
    pool = f"{cls.root}_POOL"
    parts = []
    for body in listing(call, cls, pool).texts(call.transaction):
        oid = cls.from_xml(body).oid
        parts.append(body + quotas.get(oid, new_body(oid)))
    return f"<{pool}>{''.join(parts)}{default_xml(call.transaction, defaults)}</{pool}>"


def _set(quotas: Quotas, text: str) -> None:
    """Put the limits of the template ``text`` into ``quotas``. Raises :class:`ActionError`."""
    try:
        template = Template.parse(text)
    except TemplateError as error:
        raise ActionError(f"Parse error: {error.message}") from None
    for section in METRICS:
        for wanted in template.vectors(section):
            if not quotas.set_limits(section, wanted):
                shown = ",".join(f"{name}={wanted[name]}" for name in sorted(wanted))
                raise ActionError(f"Negative limits or bad format in quota {section} = [ {shown} ]")


def set_quotas(call: Call, table: Table, oid: int, text: str) -> int:
    """Set limits of the user or group ``oid``; what is not named keeps its limits."""
    column = table.primary_key.columns[0]
    row = call.transaction.one(select(table.c.body).where(column == oid))
    quotas = Quotas("QUOTAS", oid) if row is None else Quotas.from_xml(str(row[0]))
    _set(quotas, text)
    body = quotas.to_xml()
    if row is None:
        call.transaction.write(table.insert(), {column.name: oid, "body": body})
    else:
        call.transaction.write(update(table).where(column == oid), {"body": body})
    return oid


def _update_defaults(call: Call, root: str, text: str) -> str:
    if call.caller.gid != 0:
        raise AuthorizationError("The default quotas can only be updated by users in the oneadmin group")
    quotas = Quotas.from_xml(default_xml(call.transaction, root), root)
    _set(quotas, text)
    body = quotas.to_xml()
    found = update(system_attributes).where(system_attributes.c.name == root)
    if not call.transaction.write(found, {"body": body}).rowcount:
        call.transaction.write(system_attributes.insert(), {"name": root, "body": body})
    return body


def user_info(call: Call) -> str:
    """The default quotas of users."""
    return default_xml(call.transaction, USER_DEFAULTS)


def group_info(call: Call) -> str:
    """The default quotas of groups."""
    return default_xml(call.transaction, GROUP_DEFAULTS)


def user_update(call: Call, text: str) -> str:
    """Set default limits of users; returns all."""
    return _update_defaults(call, USER_DEFAULTS, text)


def group_update(call: Call, text: str) -> str:
    """Set default limits of groups; returns all."""
    return _update_defaults(call, GROUP_DEFAULTS, text)


METHODS = (
    Method("one.userquota.info", user_info),
    Method("one.userquota.update", user_update, (str,), write=True),
    Method("one.groupquota.info", group_info),
    Method("one.groupquota.update", group_update, (str,), write=True),
)
