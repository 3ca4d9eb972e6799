"""``one.acl.*``."""

from sqlalchemy import delete, select

from oned.access import rules
from oned.access.acl import INDIVIDUAL, Kind, Op, Rule, Target
from oned.database.schema import acl
from oned.errors import InternalError
from oned.methods.call import Call, Method
from oned.model.acl_rule import parse_number, problem, rule_text, rule_xml


def _check(call: Call) -> None:
    call.authorization().add(Op.MANAGE, Target(Kind.ACL)).check()


def addrule(call: Call, user: str, resource: str, rights: str, zone: str | None = None) -> int:
    """Add a rule; each part is a hexadecimal number. Without ``zone`` it counts in this one."""
    place = INDIVIDUAL | call.settings.zone_id if zone is None else parse_number(zone)
    rule = Rule(parse_number(user), parse_number(resource), parse_number(rights), place)
    _check(call)
    reason = problem(rule)
    oid = -1 if reason else rules.add(call.transaction, rule)
    if reason:
        raise InternalError(f"Rule {rule_text(rule)} is malformed: {reason}")
    if oid == -1:
        raise InternalError(f"Rule {rule_text(rule)} already exists")
    return oid


def delrule(call: Call, oid: int) -> int:
    """Delete a rule."""
    _check(call)
    if not call.transaction.write(delete(acl).where(acl.c.oid == oid)).rowcount:
        raise InternalError(f"Rule {oid} does not exist")
    return oid


def info(call: Call) -> str:
    """All rules, by user and age."""
    _check(call)
    query = select(acl.c.oid, acl.c.userset, acl.c.resource, acl.c.rights, acl.c.zone)
    rows = call.transaction.rows(query.order_by(acl.c.userset, acl.c.oid))
    return f"<ACL_POOL>{''.join(rule_xml(row[0], Rule(*row[1:])) for row in rows)}</ACL_POOL>"


METHODS = (
    Method("one.acl.addrule", addrule, (str, str, str), (str,), write=True),
    Method("one.acl.delrule", delrule, (int,), write=True),
    Method("one.acl.info", info, bulk=True),
)
