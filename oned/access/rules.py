"""The table of access rules: add, drop, and what goes with an object that is deleted."""

from sqlalchemy import ColumnElement, bindparam, delete, insert, select, update

from oned.access.acl import ALL, CLUSTER, GROUP, ID_MASK, INDIVIDUAL, Kind, Op, Rule
from oned.database.db import Transaction
from oned.database.schema import acl, vdc_pool
from oned.model.vdc import RESOURCES, Vdc

_ADMINISTERED = (
    Kind.VM.bit
    | Kind.NET.bit
    | Kind.IMAGE.bit
    | Kind.TEMPLATE.bit
    | Kind.DOCUMENT.bit
    | Kind.SECGROUP.bit
    | Kind.VROUTER.bit
    | Kind.VMGROUP.bit
)
_INSERT = insert(acl)
_VDC = select(vdc_pool.c.body).where(vdc_pool.c.oid == bindparam("key"))
_SAVE_VDC = update(vdc_pool).where(vdc_pool.c.oid == bindparam("key")).values(body=bindparam("changed"))


def _same(rule: Rule) -> tuple[ColumnElement[bool], ...]:
    return (
        acl.c.userset == rule.user,
        acl.c.resource == rule.resource,
        acl.c.rights == int(rule.rights),
        acl.c.zone == rule.zone,
    )


def add(transaction: Transaction, rule: Rule) -> int:
    """Insert ``rule`` and return its id, -1 when it is there already."""
    if transaction.rows(select(acl.c.oid).where(*_same(rule))):
        return -1
    oid = transaction.next_oid(acl.name)
    row = {"userset": rule.user, "resource": rule.resource, "rights": int(rule.rights), "zone": rule.zone}
    transaction.write(_INSERT, row | {"oid": oid})
    return oid


def drop(transaction: Transaction, rule: Rule) -> None:
    """Delete ``rule`` if it is there."""
    transaction.write(delete(acl).where(*_same(rule)))


def _drop(transaction: Transaction, *clauses: ColumnElement[bool]) -> None:
    for clause in clauses:
        transaction.write(delete(acl).where(clause))


def forget(transaction: Transaction, kind: Kind, oid: int) -> None:
    """Drop the rules about an object that is no more, and its place in virtual data centers.

    As upstream, a rule for several kinds at once stays.
    """
    individual = INDIVIDUAL | oid
    _drop(transaction, acl.c.resource == kind.bit | individual)
    if kind is Kind.USER:
        _drop(transaction, acl.c.userset == individual)
    elif kind is Kind.GROUP:
        chosen = acl.c.resource.bitwise_and(GROUP | ID_MASK) == GROUP | oid
        _drop(transaction, acl.c.userset == GROUP | oid, chosen)
    elif kind is Kind.CLUSTER:
        _drop(transaction, acl.c.resource.bitwise_and(CLUSTER | ID_MASK) == CLUSTER | oid)
    elif kind is Kind.ZONE:
        _drop(transaction, acl.c.zone == individual)
    if kind is Kind.GROUP or kind in RESOURCES:
        _leave_vdcs(transaction, kind, oid)


def _leave_vdcs(transaction: Transaction, kind: Kind, oid: int) -> None:
    for found in transaction.rows(select(vdc_pool.c.oid, vdc_pool.c.body).order_by(vdc_pool.c.oid)):
        if not _left(Vdc.from_xml(str(found.body)), kind, oid):
            continue
        row = transaction.one(_VDC, {"key": found.oid})  # again, now that nobody else changes it
        vdc = Vdc.from_xml(str(row[0])) if row is not None else None
        if vdc is not None and _left(vdc, kind, oid):
            transaction.write(_SAVE_VDC, {"key": found.oid, "changed": vdc.to_xml()})


def _left(vdc: Vdc, kind: Kind, oid: int) -> bool:
    """Take an object out of ``vdc``; False when it was not in."""
    if kind is Kind.GROUP:
        was = oid in vdc.groups
        vdc.groups.discard(oid)
        return was
    pairs = vdc.resources[kind]
    gone = {pair for pair in pairs if pair[1] == oid}
    pairs -= gone
    return bool(gone)


def _admin_rules(uid: int, gid: int) -> tuple[Rule, ...]:
    """What the administrator ``uid`` of the group ``gid`` may do there."""
    user, manage = INDIVIDUAL | uid, Op.USE | Op.MANAGE
    return (
        Rule(user, Kind.USER.bit | GROUP | gid, manage | Op.ADMIN | Op.CREATE, ALL),
        Rule(user, _ADMINISTERED | GROUP | gid, manage, ALL),
        Rule(user, Kind.GROUP.bit | INDIVIDUAL | gid, Op.MANAGE, ALL),
    )


def _admin_anywhere(uid: int) -> Rule:
    """What the administrator of any group may do."""
    return Rule(INDIVIDUAL | uid, Kind.VROUTER.bit | ALL, Op.CREATE, ALL)


def add_group_admin(transaction: Transaction, uid: int, gid: int) -> None:
    """The rules of an administrator of a group."""
    users, objects, group = _admin_rules(uid, gid)
    for rule in (users, objects, _admin_anywhere(uid), group):
        add(transaction, rule)


def drop_group_admin(transaction: Transaction, uid: int, gid: int) -> None:
    """Take them away; the one that is about no group stays with administrators of another."""
    *_others, mark = _admin_rules(uid, gid)
    for rule in _admin_rules(uid, gid):
        drop(transaction, rule)
    left = select(acl.c.oid).where(
        acl.c.userset == mark.user,
        acl.c.resource.bitwise_and(~ID_MASK) == mark.resource & ~ID_MASK,
        acl.c.rights == int(mark.rights),
        acl.c.zone == mark.zone,
    )
    if not transaction.rows(left):
        drop(transaction, _admin_anywhere(uid))
