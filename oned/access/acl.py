"""Access control: operations, kinds of objects, rules, and what a user may see of a pool.

Source: OpenNebula 6.0, "Managing ACL Rules"; numbers are the ones stored in the table ``acl``.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum, IntFlag
from typing import NamedTuple

from sqlalchemy import ColumnElement, Table, and_, false, or_, select, true

from oned.database.db import Transaction
from oned.database.schema import acl, cluster_datastore_relation, cluster_network_relation, host_pool
from oned.errors import AuthorizationError, ParameterError

INDIVIDUAL = 0x1_0000_0000
GROUP = 0x2_0000_0000
ALL = 0x4_0000_0000
CLUSTER = 0x8_0000_0000
ID_MASK = 0xFFFF_FFFF
NO_LOCK = 0x10
NO_PARENT = -1
"""The column ``pid`` of a network that is no reservation."""

SHOW_ALL, SHOW_MINE, SHOW_MINE_GROUP, SHOW_GROUP = -2, -3, -1, -4


class Op(IntFlag):
    """What is asked for; the values are the rights bits of a rule."""

    USE = 1
    MANAGE = 2
    ADMIN = 4
    CREATE = 8


class _KindData(NamedTuple):
    bit: int
    label: str


class Kind(Enum):
    """A type of object: its bit in a rule and its name in messages."""

    VM = _KindData(0x10_0000_0000, "virtual machine")
    HOST = _KindData(0x20_0000_0000, "host")
    NET = _KindData(0x40_0000_0000, "virtual network")
    IMAGE = _KindData(0x80_0000_0000, "image")
    USER = _KindData(0x100_0000_0000, "user")
    TEMPLATE = _KindData(0x200_0000_0000, "virtual machine template")
    GROUP = _KindData(0x400_0000_0000, "group")
    ACL = _KindData(0x800_0000_0000, "ACL")
    DATASTORE = _KindData(0x1000_0000_0000, "datastore")
    CLUSTER = _KindData(0x2000_0000_0000, "cluster")
    DOCUMENT = _KindData(0x4000_0000_0000, "document")
    ZONE = _KindData(0x8000_0000_0000, "zone")
    SECGROUP = _KindData(0x1_0000_0000_0000, "security group")
    VDC = _KindData(0x2_0000_0000_0000, "VDC")
    VROUTER = _KindData(0x4_0000_0000_0000, "virtual router")
    MARKETPLACE = _KindData(0x8_0000_0000_0000, "marketplace")
    MARKETPLACEAPP = _KindData(0x10_0000_0000_0000, "marketplaceapp")
    VMGROUP = _KindData(0x20_0000_0000_0000, "vm group")
    VNTEMPLATE = _KindData(0x40_0000_0000_0000, "virtual network template")
    HOOK = _KindData(0x80_0000_0000_0000, "hook")

    @property
    def bit(self) -> int:
        """The resource bit of a rule."""
        return self.value.bit

    @property
    def label(self) -> str:
        """The name in messages."""
        return self.value.label


class Rule(NamedTuple):
    """One row of the table ``acl``."""

    user: int
    resource: int
    rights: int
    zone: int


DEFAULT_RULES = (
    Rule(
        GROUP | 1,
        ALL
        | Kind.VM.bit
        | Kind.IMAGE.bit
        | Kind.TEMPLATE.bit
        | Kind.DOCUMENT.bit
        | Kind.SECGROUP.bit
        | Kind.VMGROUP.bit,
        Op.CREATE,
        ALL,
    ),
    Rule(ALL, ALL | Kind.ZONE.bit, Op.USE, ALL),
    Rule(ALL, ALL | Kind.MARKETPLACE.bit | Kind.MARKETPLACEAPP.bit, Op.USE, ALL),
)
"""The rules of a new database."""


@dataclass(frozen=True)
class Caller:
    """The user a call runs as. ``groups`` is one group when a token narrows it to that.

    ``descending`` is the order of lists, ``legacy_hash`` that the stored password is a SHA-1.
    """

    uid: int
    gid: int
    uname: str
    gname: str
    groups: frozenset[int]
    umask: int
    descending: bool = False
    legacy_hash: bool = False

    @property
    def is_admin(self) -> bool:
        """Whether access rules do not apply: oneadmin, or a member of its group."""
        return self.uid == 0 or 0 in self.groups


@dataclass(frozen=True)
class Target:
    """What access is asked to. ``bits`` are the nine permission bits, owner use first; ``oid`` -1 is a new object.

    ``clusters`` may be left empty for an object that exists: a rule that needs them looks them up. ``private`` are
    reservations of networks: rules for all objects, or for all of a cluster, do not mean them.
    """

    kind: Kind
    oid: int = -1
    uid: int = -1
    gid: int = -1
    bits: tuple[int, ...] = (0,) * 9
    locked: int = 0
    clusters: frozenset[int] = field(default_factory=frozenset)
    private: bool = False


def _rules(transaction: Transaction, caller: Caller, zone_id: int) -> Iterator[Rule]:
    """The rules that apply to ``caller`` in this zone."""
    subjects = {ALL, INDIVIDUAL | caller.uid} | {GROUP | gid for gid in caller.groups}
    query = select(acl.c.userset, acl.c.resource, acl.c.rights, acl.c.zone).where(
        acl.c.userset.in_(sorted(subjects))
    )
    for row in transaction.rows(query):
        rule = Rule(row[0], row[1], row[2], row[3])
        if rule.zone & ALL or rule.zone & (INDIVIDUAL | ID_MASK) == INDIVIDUAL | zone_id:
            yield rule


def _matches(rule: Rule, target: Target) -> bool:
    """Whether the selector of ``rule`` names ``target``, clusters apart."""
    resource = rule.resource
    number = resource & ID_MASK
    return bool(
        (resource & ALL and not target.private)
        or (resource & GROUP and number == target.gid)
        or (resource & INDIVIDUAL and number == target.oid)
    )


_RELATIONS = {Kind.DATASTORE: cluster_datastore_relation, Kind.NET: cluster_network_relation}
"""Which clusters an object is in; a host is in the one of its row."""


def _clusters(transaction: Transaction, target: Target) -> set[int]:
    """The clusters of ``target``, from the database unless it says them."""
    relation = _RELATIONS.get(target.kind)
    if target.private:
        return set()
    if target.clusters or target.oid < 0:
        return set(target.clusters)
    if relation is not None:
        query = select(relation.c.cid).where(relation.c.oid == target.oid)
    elif target.kind is Kind.HOST:
        query = select(host_pool.c.cid).where(host_pool.c.oid == target.oid)
    else:
        return set()
    return {int(row[0]) for row in transaction.rows(query)}


def _by_permissions(caller: Caller, op: Op, target: Target) -> bool:
    """Whether the permission bits of ``target`` alone grant ``op``."""
    if target.oid < 0 or op is Op.CREATE:
        return False
    column = {Op.USE: 0, Op.MANAGE: 1, Op.ADMIN: 2}[op]
    bits = target.bits
    return bool(
        bits[6 + column]
        or (bits[column] and caller.uid == target.uid)
        or (bits[3 + column] and target.gid in caller.groups)
    )


class Authorization:
    """The question of one call: may ``caller`` do all that is added to it?"""

    def __init__(self, transaction: Transaction, caller: Caller, zone_id: int = 0) -> None:
        self._transaction = transaction
        self._caller = caller
        self._zone = zone_id
        self._denied: list[str] = []
        self._loaded: list[Rule] | None = None

    def add(self, op: Op, target: Target, *, heed_lock: bool = True) -> "Authorization":
        """Ask for ``op`` on ``target``; ``heed_lock`` False for operations that a lock does not stop."""
        caller = self._caller
        locked = heed_lock and 0 < target.locked <= op
        where = f" [{target.oid}]" if target.oid != -1 else ""
        if caller.is_admin:
            if locked:
                self._denied.append(f"{target.kind.name} is locked.{where}")
        elif locked or not (_by_permissions(caller, op, target) or self._by_rules(op, target)):
            self._denied.append(f"Not authorized to perform {op.name} {target.kind.name}{where}")
        return self

    def _by_rules(self, op: Op, target: Target) -> bool:
        if self._loaded is None:
            self._loaded = list(_rules(self._transaction, self._caller, self._zone))
        rules = [rule for rule in self._loaded if rule.rights & op == op and rule.resource & target.kind.bit]
        if any(_matches(rule, target) for rule in rules):
            return True
        wanted = {rule.resource & ID_MASK for rule in rules if rule.resource & CLUSTER}
        return bool(wanted) and not wanted.isdisjoint(_clusters(self._transaction, target))

    def check(self) -> None:
        """Raise :class:`AuthorizationError` unless all was granted."""
        if self._denied:
            raise AuthorizationError("; ".join(self._denied))


def _granted(rules: Iterable[Rule], kind: Kind, table: Table) -> ColumnElement[bool]:
    """What of ``table`` the rules let use."""
    named: dict[int, set[int]] = {INDIVIDUAL: set(), GROUP: set(), CLUSTER: set()}
    wide: ColumnElement[bool] = false()
    for rule in rules:
        if not rule.rights & Op.USE or not rule.resource & kind.bit:
            continue
        if rule.resource & ALL:
            wide = true()
        for selector, numbers in named.items():
            if rule.resource & selector:
                numbers.add(rule.resource & ID_MASK)
    wide = or_(wide, _in_clusters(kind, table, sorted(named[CLUSTER])))
    return or_(
        table.c.oid.in_(sorted(named[INDIVIDUAL])),
        table.c.gid.in_(sorted(named[GROUP])),
        and_(table.c.pid == NO_PARENT, wide) if kind is Kind.NET else wide,
    )


def _in_clusters(kind: Kind, table: Table, clusters: list[int]) -> ColumnElement[bool]:
    """The rows of ``table`` that are in one of ``clusters``."""
    relation = _RELATIONS.get(kind)
    if clusters and relation is not None:
        return table.c.oid.in_(select(relation.c.oid).where(relation.c.cid.in_(clusters)))
    return table.c.cid.in_(clusters) if clusters and kind is Kind.HOST else false()


def visible(
    transaction: Transaction, caller: Caller, kind: Kind, table: Table, flag: int, *, zone_id: int = 0
) -> ColumnElement[bool]:
    """The rows of the pool ``table`` that ``caller`` gets to see with the filter ``flag`` of the API.

    Raises :class:`ParameterError` for a flag that the API does not have.
    """
    if flag < SHOW_GROUP:
        raise ParameterError("Incorrect filter_flag")
    mine = table.c.uid == caller.uid
    if flag == SHOW_MINE:
        return mine
    if flag == SHOW_GROUP:
        return table.c.gid == caller.gid
    groups = sorted(caller.groups)
    if caller.is_admin:
        usable: ColumnElement[bool] = true()
    else:
        usable = or_(
            table.c.other_u == 1,
            and_(table.c.gid.in_(groups), table.c.group_u == 1),
            _granted(_rules(transaction, caller, zone_id), kind, table),
        )
    if flag == SHOW_ALL:
        return or_(mine, usable)
    if flag == SHOW_MINE_GROUP:
        return or_(mine, and_(table.c.gid.in_(groups), usable))
    return and_(table.c.uid == flag, or_(mine, usable))
