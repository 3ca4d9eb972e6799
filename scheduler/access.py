"""Who may use which host, datastore and network: the rules of ``one.acl.info`` (6.0, "Managing ACL Rules")."""

from collections.abc import Iterable
from dataclasses import dataclass

from onelib.template_xml import Element, text_of

USE, MANAGE = 1, 2
INDIVIDUAL, GROUP, ALL, CLUSTER = 1 << 32, 2 << 32, 4 << 32, 8 << 32
_ID = 0xFFFF_FFFF
HOST, NET, DATASTORE = 0x20_0000_0000, 0x40_0000_0000, 0x1000_0000_0000


@dataclass(frozen=True)
class Thing:
    """What is asked for: its kind's bit, id, owner, and the clusters that it is in."""

    kind: int
    oid: int
    uid: int = 0
    gid: int = 0
    bits: tuple[int, ...] = (0,) * 9
    clusters: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Subject:
    """A user and its groups."""

    uid: int
    groups: frozenset[int]


class Rules:
    """All rules of a zone."""

    def __init__(self, pool: Element, zone: int = 0) -> None:
        self._rules: list[tuple[int, int, int]] = []
        for rule in pool.findall("ACL"):
            user, resource, rights, where = (
                int(text_of(rule.find(name), "0"), 16) for name in ("USER", "RESOURCE", "RIGHTS", "ZONE")
            )
            if where & ALL or (where & INDIVIDUAL and where & _ID == zone):
                self._rules.append((user, resource, rights))

    def allow(self, subject: Subject, right: int, thing: Thing) -> bool:
        """Whether ``subject`` has ``right`` (USE or MANAGE) on ``thing``."""
        if subject.uid == 0 or 0 in subject.groups:
            return True
        column = 0 if right == USE else 1
        bits = thing.bits
        if bits[6 + column] or (bits[column] and subject.uid == thing.uid):
            return True
        if bits[3 + column] and thing.gid in subject.groups:
            return True
        return any(_matches(rule, subject, right, thing) for rule in self._rules)


def _matches(rule: tuple[int, int, int], subject: Subject, right: int, thing: Thing) -> bool:
    user, resource, rights = rule
    known = bool(
        user & ALL
        or (user & INDIVIDUAL and user & _ID == subject.uid)
        or (user & GROUP and user & _ID in subject.groups)
    )
    if not known or not rights & right or not resource & thing.kind:
        return False
    number = resource & _ID
    return bool(
        resource & ALL
        or (resource & INDIVIDUAL and number == thing.oid)
        or (resource & GROUP and number == thing.gid)
        or (resource & CLUSTER and number in thing.clusters)
    )


def subjects(pool: Element) -> dict[int, Subject]:
    """The users of ``one.userpool.info`` by their id."""
    found = {}
    for user in pool.findall("USER"):
        oid = int(text_of(user.find("ID"), "-1"))
        found[oid] = Subject(oid, frozenset(_ids(user.findall("GROUPS/ID"))))
    return found


def _ids(elements: Iterable[Element]) -> Iterable[int]:
    return (int(text_of(element, "-1")) for element in elements)
