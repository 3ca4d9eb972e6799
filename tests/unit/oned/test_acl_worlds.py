"""Who may do and see what, in worlds made up at random, against the manual's rules written out once more.

A world has a user, who comes in by password or by a token for one group, objects of several kinds with owners,
permissions, locks and clusters, and access rules of every form.
"""

from dataclasses import dataclass
from io import StringIO

import pytest
from hypothesis import HealthCheck, event, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import Table, delete, insert, select

from oned.access.acl import Authorization, Caller, Kind, Op, Rule, Target, visible
from oned.access.authenticate import Authenticator, hash_password
from oned.config import Settings
from oned.database import schema
from oned.database.db import Database, Transaction
from oned.errors import AuthorizationError
from oned.model.acl_rule import problem
from oned.model.user import LoginToken, User
from onelib.logs import Log
from onelib.template import Template

UID = 2
GROUPS = (0, 1, 100, 101)
CLUSTERS = (0, 5)
TABLES: dict[str, Table] = {
    "HOST": schema.host_pool,
    "NET": schema.network_pool,
    "DATASTORE": schema.datastore_pool,
    "IMAGE": schema.image_pool,
    "DOCUMENT": schema.document_pool,
}
RELATIONS = {"NET": schema.cluster_network_relation, "DATASTORE": schema.cluster_datastore_relation}
RESOURCE_BITS = {
    "HOST": 0x2000000000,
    "NET": 0x4000000000,
    "DATASTORE": 0x100000000000,
    "IMAGE": 0x8000000000,
    "DOCUMENT": 0x400000000000,
}
SELECTOR_BITS = {"#": 0x100000000, "@": 0x200000000, "*": 0x400000000, "%": 0x800000000}
RIGHTS = {"USE": 1, "MANAGE": 2, "ADMIN": 4, "CREATE": 8}
Selector = tuple[str, int]


@dataclass(frozen=True)
class WorldRule:
    """``<user> <kinds>/<object> <rights> <zone>``."""

    user: Selector
    kinds: frozenset[str]
    object: Selector
    rights: frozenset[str]
    zone: Selector

    def row(self) -> dict[str, int]:
        """The numbers of the manual's table."""
        return {
            "userset": SELECTOR_BITS[self.user[0]] | self.user[1],
            "resource": SELECTOR_BITS[self.object[0]]
            | self.object[1]
            | sum(RESOURCE_BITS[kind] for kind in self.kinds),
            "rights": sum(RIGHTS[right] for right in self.rights),
            "zone": SELECTOR_BITS[self.zone[0]] | self.zone[1],
        }


@dataclass(frozen=True)
class Thing:
    """An object; ``bits`` as chmod shows them, such as ``um-u-----``. Of networks, some are reservations."""

    kind: str
    oid: int
    uid: int
    gid: int
    bits: str
    locked: int
    clusters: frozenset[int]
    reservation: bool = False


@dataclass(frozen=True)
class World:
    """What there is; ``token_group`` -1 is a login by password."""

    primary: int
    groups: frozenset[int]
    token_group: int
    things: tuple[Thing, ...]
    rules: tuple[WorldRule, ...]

    @property
    def acting_groups(self) -> frozenset[int]:
        """The groups whose rights count: a token for one group leaves only that."""
        return frozenset({self.token_group}) if self.token_group != -1 else self.groups

    @property
    def administrator(self) -> bool:
        return 0 in self.acting_groups

    def granted_by_rules(self, right: str, thing: Thing) -> bool:
        """Whether some access rule names the user, the object, the right, and this zone (0)."""
        for rule in self.rules:
            for_user = (
                rule.user[0] == "*"
                or rule.user == ("#", UID)
                or (rule.user[0] == "@" and rule.user[1] in self.acting_groups)
            )
            about_it = thing.kind in rule.kinds and (
                rule.object in {("#", thing.oid), ("@", thing.gid)}
                or (rule.object == ("*", 0) and not thing.reservation)
                or (rule.object[0] == "%" and rule.object[1] in thing.clusters and not thing.reservation)
            )
            if for_user and about_it and right in rule.rights and rule.zone in {("*", 0), ("#", 0)}:
                return True
        return False

    def may(self, right: str, thing: Thing, *, heed_lock: bool) -> bool:
        """The answer for one object that exists."""
        if heed_lock and 0 < thing.locked <= RIGHTS[right]:
            return False
        letter = right[0].lower() if right != "ADMIN" else "a"
        owner, group, other = thing.bits[:3], thing.bits[3:6], thing.bits[6:]
        return (
            self.administrator
            or letter in other
            or (thing.uid == UID and letter in owner)
            or (thing.gid in self.acting_groups and letter in group)
            or self.granted_by_rules(right, thing)
        )

    def sees(self, thing: Thing, flag: int) -> bool:
        """Whether a pool shows it with a filter flag."""
        mine = thing.uid == UID
        usable = (
            self.administrator
            or thing.bits[6] == "u"
            or (thing.gid in self.acting_groups and thing.bits[3] == "u")
            or self.granted_by_rules("USE", thing)
        )
        gid = self.token_group if self.token_group != -1 else self.primary
        return {
            -4: thing.gid == gid,
            -3: mine,
            -2: mine or usable,
            -1: mine or (thing.gid in self.acting_groups and usable),
        }.get(flag, thing.uid == flag and (mine or usable))


@st.composite
def rules(draw: st.DrawFn, found: list[Thing], groups: frozenset[int]) -> WorldRule:
    """A valid rule, more often than not about something that is there."""
    thing = draw(st.sampled_from(found))
    near: list[Selector] = [
        ("#", thing.oid),
        ("@", thing.gid),
        *(("%", cid) for cid in sorted(thing.clusters)),
        ("*", 0),
    ]
    far: list[Selector] = [("#", 77), ("@", 101), ("%", 0), ("%", 5)]
    selector = draw(st.sampled_from(near) | st.sampled_from(near) | st.sampled_from(far))
    others = draw(st.frozensets(st.sampled_from(sorted(TABLES)), max_size=1))
    kinds = {thing.kind} | others
    if selector[0] == "%":
        kinds &= {"HOST", "NET", "DATASTORE"}
    elif selector[0] == "@":
        kinds -= {"HOST"}
    zones = [("#", 0), ("#", 0), ("#", 1)] if selector[0] == "#" else [("*", 0), ("#", 0), ("#", 1)]
    users = [("*", 0), ("#", UID), ("#", 3), ("@", 101), *(("@", gid) for gid in sorted(groups))]
    return WorldRule(
        draw(st.sampled_from(users)),
        frozenset(kinds or {"NET"}),
        selector,
        draw(st.frozensets(st.sampled_from(sorted(RIGHTS)), min_size=1)),
        draw(st.sampled_from(zones)),
    )


_BITS = st.lists(st.booleans(), min_size=9, max_size=9).map(
    lambda on: "".join(letter if yes else "-" for letter, yes in zip("umaumauma", on, strict=True))
)


@st.composite
def things(draw: st.DrawFn, oid: int, kind: str) -> Thing:
    number = 1 if kind == "HOST" else 2 if kind in RELATIONS else 0
    return Thing(
        kind,
        oid,
        draw(st.sampled_from([0, UID, 3])),
        draw(st.sampled_from(GROUPS)),
        draw(_BITS | st.just("um-------") | st.just("---------")),
        draw(st.sampled_from([0, 0, 0, 1, 2, 3, 4])),
        draw(st.frozensets(st.sampled_from(CLUSTERS), max_size=number)),
        kind == "NET" and draw(st.booleans()),
    )


@st.composite
def worlds(draw: st.DrawFn) -> World:
    groups = draw(st.frozensets(st.sampled_from(GROUPS[1:]), min_size=1)) | draw(
        st.sampled_from([set(), set(), {0}])
    )
    found = [draw(things(oid, draw(st.sampled_from(sorted(TABLES))))) for oid in range(draw(st.integers(1, 4)))]
    return World(
        primary=draw(st.sampled_from(sorted(groups))),
        groups=groups,
        token_group=draw(st.sampled_from([-1, *sorted(groups)])),
        things=tuple(found),
        rules=tuple(dict.fromkeys(draw(st.lists(rules(found, groups), max_size=3)))),
    )


def build(transaction: Transaction, world: World) -> None:
    """Write the world into the database."""
    for table in (*TABLES.values(), *RELATIONS.values(), schema.acl, schema.user_pool, schema.group_pool):
        transaction.write(delete(table))
    distinct = {tuple(rule.row().values()): rule.row() for rule in world.rules}
    for oid, numbers in enumerate(distinct.values()):
        transaction.write(insert(schema.acl), numbers | {"oid": oid})
    for gid in GROUPS:
        body = f"<GROUP><ID>{gid}</ID><NAME>g{gid}</NAME><TEMPLATE/><USERS/><ADMINS/></GROUP>"
        transaction.write(insert(schema.group_pool), {"oid": gid, "name": f"g{gid}", "body": body})
    tokens = [LoginToken("scoped", -1, world.token_group)] if world.token_group != -1 else []
    secret = hash_password("word")
    user = User(UID, world.primary, "g", "ann", secret, "core", True, set(world.groups), tokens, Template())
    transaction.write(insert(schema.user_pool), user.row())
    for thing in world.things:
        use = {"owner_u": thing.bits[0], "group_u": thing.bits[3], "other_u": thing.bits[6]}
        row: dict[str, object] = {name: int(bit == "u") for name, bit in use.items()}
        row |= {"oid": thing.oid, "name": f"n{thing.oid}", "uid": thing.uid, "gid": thing.gid}
        if thing.kind == "HOST":
            row["cid"] = next(iter(thing.clusters), -1)
        if thing.kind == "NET":
            row["pid"] = 9 if thing.reservation else -1
        transaction.write(insert(TABLES[thing.kind]), row)
        for cluster in thing.clusters if thing.kind in RELATIONS else ():
            transaction.write(insert(RELATIONS[thing.kind]), {"cid": cluster, "oid": thing.oid})


def target_of(thing: Thing) -> Target:
    bits = tuple(int(letter != "-") for letter in thing.bits)
    return Target(Kind[thing.kind], thing.oid, thing.uid, thing.gid, bits, thing.locked, private=thing.reservation)


def granted(transaction: Transaction, caller: Caller, op: Op, target: Target, *, heed_lock: bool = True) -> bool:
    try:
        Authorization(transaction, caller).add(op, target, heed_lock=heed_lock).check()
    except AuthorizationError:
        return False
    return True


WORLD = hypothesis_settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def enter(database: Database, settings: Settings, world: World) -> Caller:
    """Build ``world`` and come in as its user."""
    database.submit(lambda transaction: build(transaction, world)).result(30)
    session = "ann:scoped" if world.token_group != -1 else "ann:word"
    authenticator = Authenticator(settings, Log(0, stream=StringIO()))
    return database.read(lambda transaction: authenticator.authenticate(transaction, session))


@WORLD
@given(worlds())
def test_single_objects(database: Database, settings: Settings, world: World) -> None:
    caller = enter(database, settings, world)

    def compare(transaction: Transaction) -> None:
        for thing in world.things:
            for right in ("USE", "MANAGE", "ADMIN"):
                for heed_lock in (True, False):
                    wanted = world.may(right, thing, heed_lock=heed_lock)
                    event(f"{right} {wanted}")
                    answer = granted(transaction, caller, Op[right], target_of(thing), heed_lock=heed_lock)
                    assert answer is wanted, (right, thing, heed_lock)

    database.read(compare)


@WORLD
@given(worlds())
def test_new_objects(database: Database, settings: Settings, world: World) -> None:
    """CREATE comes from rules alone: for all of a kind, or for those of the user's acting group."""
    caller = enter(database, settings, world)

    def compare(transaction: Transaction) -> None:
        for kind in TABLES:
            new = Thing(kind, -1, UID, caller.gid, "-" * 9, 0, frozenset())
            wanted = world.administrator or world.granted_by_rules("CREATE", new)
            target = Target(Kind[kind], uid=caller.uid, gid=caller.gid)
            assert granted(transaction, caller, Op.CREATE, target) is wanted, kind

    database.read(compare)


@WORLD
@given(worlds(), st.sampled_from([-4, -3, -2, -1, 0, UID, 3, 77]))
def test_pools(database: Database, settings: Settings, world: World, flag: int) -> None:
    caller = enter(database, settings, world)

    def compare(transaction: Transaction) -> None:
        for kind, table in TABLES.items():
            clause = visible(transaction, caller, Kind[kind], table, flag)
            listed = {row[0] for row in transaction.rows(select(table.c.oid).where(clause))}
            assert listed == {t.oid for t in world.things if t.kind == kind and world.sees(t, flag)}, kind

    database.read(compare)


@pytest.mark.parametrize(
    ("kind", "selector", "reservation", "shown"),
    [
        ("HOST", ("%", 5), False, True),
        ("HOST", ("%", 0), False, False),
        ("NET", ("%", 5), False, True),
        ("NET", ("%", 5), True, False),
        ("NET", ("*", 0), False, True),
        ("NET", ("*", 0), True, False),
        ("NET", ("@", 101), True, True),
        ("DATASTORE", ("%", 5), False, True),
        ("DATASTORE", ("%", 0), False, False),
    ],
)
def test_clusters(
    database: Database, settings: Settings, kind: str, selector: Selector, *, reservation: bool, shown: bool
) -> None:
    """One foreign object in cluster 5, one rule: seen and usable, or neither."""
    thing = Thing(kind, 4, 3, 101, "---------", 0, frozenset({5}), reservation)
    rule = WorldRule(("@", 1), frozenset({kind}), selector, frozenset({"USE"}), ("#", 0))
    world = World(1, frozenset({1}), -1, (thing,), (rule,))
    assert (world.may("USE", thing, heed_lock=True), world.sees(thing, -2)) == (shown, shown)
    caller = enter(database, settings, world)
    table = TABLES[kind]

    def answers(transaction: Transaction) -> tuple[bool, int]:
        clause = visible(transaction, caller, Kind[kind], table, -2)
        rows = transaction.rows(select(table.c.oid).where(clause))
        return granted(transaction, caller, Op.USE, target_of(thing)), len(rows)

    assert database.read(answers) == (shown, int(shown))


@given(worlds())
def test_the_rules_of_these_worlds_are_valid(world: World) -> None:
    for rule in world.rules:
        row = rule.row()
        assert not problem(Rule(row["userset"], row["resource"], row["rights"], row["zone"]))
