"""Access rules as the API speaks of them: numbers in hexadecimal, a text, and what makes one malformed.

Source: OpenNebula 6.0, "Managing ACL Rules", and the messages of its server.
"""

import re
from collections.abc import Iterator

from oned.access.acl import ALL, CLUSTER, GROUP, ID_MASK, INDIVIDUAL, Kind, Op, Rule

_HEX = re.compile(r"\s*(?:0[xX])?([0-9a-fA-F]+)\s*")
_INT64_MAX = 2**63 - 1
_TYPES = 0xFFFF_FFF0_0000_0000
_WRONG_TYPES = 0xFF80_0000_0000_0000
_SELECTORS = (INDIVIDUAL, GROUP, CLUSTER, ALL)
_NEGATIVE_ID = 0x8000_0000

_KINDS = tuple(kind for kind in Kind if kind not in {Kind.ACL, Kind.HOOK})
"""What a rule may be about, in the order of its text."""


def _bits(*kinds: Kind) -> int:
    return sum(kind.bit for kind in kinds)


_IN_CLUSTERS = _bits(Kind.HOST, Kind.DATASTORE, Kind.NET)
_NOT_IN_GROUPS = _bits(Kind.HOST, Kind.GROUP, Kind.CLUSTER, Kind.ZONE, Kind.VDC)
_FEDERATED = _bits(Kind.USER, Kind.GROUP, Kind.ZONE, Kind.ACL, Kind.VDC)


def parse_number(text: str) -> int:
    """The number that ``text`` writes in hexadecimal; 0, which no part of a rule can be, where it writes none."""
    found = _HEX.fullmatch(text)
    return min(int(found[1], 16), _INT64_MAX) if found else 0


def problem(rule: Rule) -> str:
    """What is wrong with ``rule``, all of it in upstream's words; empty for a good one."""
    found = (*_user_problems(rule.user), *_resource_problems(rule), *_rights_problems(rule), *_zone_problems(rule))
    return "; ".join(found)


def _id_problems(value: int, part: str) -> Iterator[str]:
    if value & _NEGATIVE_ID:
        yield f"[{part}] ID cannot be negative"
    if value & ALL and value & ID_MASK:
        yield f"when using the ALL bit, [{part}] ID must be 0"


def _user_problems(user: int) -> Iterator[str]:
    pairs = ((INDIVIDUAL, GROUP), (INDIVIDUAL, ALL), (GROUP, ALL))
    names = {INDIVIDUAL: "INDIVIDUAL (#)", GROUP: "GROUP (@)", ALL: "ALL (*)"}
    for one, other in pairs:
        if user & one and user & other:
            yield f"[user] {names[one]} and {names[other]} bits are exclusive"
    if not user & (INDIVIDUAL | GROUP | ALL):
        yield "[user] is missing one of the INDIVIDUAL, GROUP or ALL bits"
    yield from _id_problems(user, "user")


def _resource_problems(rule: Rule) -> Iterator[str]:
    resource = rule.resource
    types = resource & _TYPES
    selectors = sum(bool(resource & selector) for selector in _SELECTORS)
    if selectors > 1:
        yield "[resource] INDIVIDUAL (#), GROUP (@), CLUSTER (%) and ALL (*) bits are exclusive"
    if resource & CLUSTER and types & ~_IN_CLUSTERS & ~_WRONG_TYPES:
        yield "[resource] CLUSTER(%) selector can be applied only to DATASTORE, HOST and NET types"
    if resource & GROUP and types & _NOT_IN_GROUPS:
        yield "[resource] GROUP(@) selector cannot be applied to HOST, GROUP, CLUSTER, ZONE or VDC types"
    if not selectors:
        yield "[resource] is missing one of the INDIVIDUAL, GROUP, CLUSTER or ALL bits"
    yield from _id_problems(resource, "resource")
    if not types:
        yield "[resource] type is missing"
    if resource & _WRONG_TYPES:
        yield "wrong [resource] type"


def _rights_problems(rule: Rule) -> Iterator[str]:
    if rule.rights == 0:
        yield "wrong [rights], it cannot be 0"
    if rule.rights > 0xF:
        yield "wrong [rights], it cannot be bigger than 0xF"


def _zone_problems(rule: Rule) -> Iterator[str]:
    zone = rule.zone
    if zone & GROUP:
        yield "[zone] GROUP (@) bit is not supported"
    if zone & INDIVIDUAL and zone & ALL:
        yield "[zone] INDIVIDUAL (#) and ALL (*) bits are exclusive"
    if not zone & (INDIVIDUAL | GROUP | ALL):
        yield "[zone] is missing one of the INDIVIDUAL or ALL bits"
    yield from _id_problems(zone, "zone")
    if zone & ALL and rule.resource & INDIVIDUAL and rule.resource & _TYPES & ~_FEDERATED:
        yield (
            "[resource] INDIVIDUAL(#) selector cannot be applied to ALL zones, except for USER, GROUP and ZONE types"
        )


def _selected(value: int) -> str:
    number = value & ID_MASK
    for selector, sign in ((GROUP, "@"), (INDIVIDUAL, "#"), (CLUSTER, "%")):
        if value & selector:
            return f"{sign}{number}"
    return "*" if value & ALL else "??"


def rule_text(rule: Rule) -> str:
    """The rule as people write it, such as ``@1 VM+IMAGE/* CREATE *``."""
    kinds = "+".join(kind.name for kind in _KINDS if rule.resource & kind.bit)
    rights = "+".join(op.name or "" for op in Op if rule.rights & op)
    user, resource = _selected(rule.user & ~CLUSTER), _selected(rule.resource)
    return f"{user} {kinds}/{resource} {rights} {_selected(rule.zone & ~(GROUP | CLUSTER))}"


def rule_xml(oid: int, rule: Rule) -> str:
    """The element of ``one.acl.info``."""
    return (
        f"<ACL><ID>{oid}</ID><USER>{rule.user:x}</USER><RESOURCE>{rule.resource:x}</RESOURCE>"
        f"<RIGHTS>{int(rule.rights):x}</RIGHTS><ZONE>{rule.zone:x}</ZONE><STRING>{rule_text(rule)}</STRING></ACL>"
    )
