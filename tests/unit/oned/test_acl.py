"""Access control: rules and permission bits, against a plain statement of upstream's semantics."""

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, select

from oned.access.acl import (
    ALL,
    DEFAULT_RULES,
    GROUP,
    INDIVIDUAL,
    Authorization,
    Caller,
    Kind,
    Op,
    Rule,
    Target,
    visible,
)
from oned.database.db import Database, Transaction
from oned.database.schema import acl, document_pool
from oned.errors import AuthorizationError, ParameterError
from oned.model.base import umask_bits

JOE = Caller(2, 1, "joe", "users", frozenset({1, 100}), 0o177)
ADMIN = Caller(3, 0, "ann", "oneadmin", frozenset({0}), 0o177)
DOC = Kind.DOCUMENT


def set_rules(database: Database, rules: list[Rule]) -> None:
    def job(transaction: Transaction) -> None:
        transaction.write(delete(acl))
        for oid, rule in enumerate(dict.fromkeys(rules)):
            columns = {
                "userset": rule.user,
                "resource": rule.resource,
                "rights": int(rule.rights),
                "zone": rule.zone,
            }
            transaction.write(insert(acl), columns | {"oid": oid})

    database.submit(job).result(30)


def refusal(database: Database, caller: Caller, op: Op, target: Target, *, heed_lock: bool = True) -> str:
    def job(transaction: Transaction) -> str:
        try:
            Authorization(transaction, caller).add(op, target, heed_lock=heed_lock).check()
        except AuthorizationError as error:
            return error.detail
        return ""

    return database.read(job)


def test_default_rules_let_users_create_documents(database: Database) -> None:
    set_rules(database, list(DEFAULT_RULES))
    assert not refusal(database, JOE, Op.CREATE, Target(DOC, uid=2, gid=1))
    assert refusal(database, JOE, Op.CREATE, Target(Kind.HOST)) == "Not authorized to perform CREATE HOST"
    outsider = Caller(9, 100, "x", "g", frozenset({100}), 0)
    assert refusal(database, outsider, Op.CREATE, Target(DOC)) == "Not authorized to perform CREATE DOCUMENT"


def test_default_rules_are_upstreams_numbers() -> None:
    """``@1 VM+IMAGE+TEMPLATE+DOCUMENT+SECGROUP+VMGROUP/* CREATE *`` and the two ``* .../* USE *``."""
    assert [(rule.user, rule.resource, int(rule.rights), rule.zone) for rule in DEFAULT_RULES] == [
        (0x200000001, 0x21429400000000, 8, 0x400000000),
        (0x400000000, 0x800400000000, 1, 0x400000000),
        (0x400000000, 0x18000400000000, 1, 0x400000000),
    ]


@pytest.mark.parametrize(
    ("bits", "op", "owners", "granted"),
    [
        ("110000000", Op.USE, (2, 7), True),
        ("110000000", Op.MANAGE, (2, 7), True),
        ("110000000", Op.ADMIN, (2, 7), False),
        ("110000000", Op.USE, (5, 1), False),
        ("000100000", Op.USE, (5, 100), True),
        ("000100000", Op.MANAGE, (5, 100), False),
        ("000000100", Op.USE, (5, 7), True),
        ("000000111", Op.ADMIN, (5, 7), True),
    ],
)
def test_permission_bits(database: Database, bits: str, op: Op, owners: tuple[int, int], granted: bool) -> None:
    target = Target(DOC, 4, *owners, tuple(map(int, bits)))
    reason = refusal(database, JOE, op, target)
    assert reason == ("" if granted else f"Not authorized to perform {op.name} DOCUMENT [4]")


@pytest.mark.parametrize(
    ("rule", "granted"),
    [
        (Rule(INDIVIDUAL | 2, DOC.bit | INDIVIDUAL | 4, Op.MANAGE, ALL), True),
        (Rule(INDIVIDUAL | 3, DOC.bit | INDIVIDUAL | 4, Op.MANAGE, ALL), False),
        (Rule(GROUP | 100, DOC.bit | ALL, Op.MANAGE | Op.USE, ALL), True),
        (Rule(GROUP | 101, DOC.bit | ALL, Op.MANAGE, ALL), False),
        (Rule(ALL, DOC.bit | GROUP | 7, Op.MANAGE, ALL), True),
        (Rule(ALL, DOC.bit | GROUP | 8, Op.MANAGE, ALL), False),
        (Rule(ALL, DOC.bit | INDIVIDUAL | 5, Op.MANAGE, ALL), False),
        (Rule(ALL, Kind.VM.bit | ALL, Op.MANAGE, ALL), False),
        (Rule(ALL, DOC.bit | ALL, Op.USE, ALL), False),
        (Rule(ALL, DOC.bit | ALL, Op.MANAGE, INDIVIDUAL | 0), True),
        (Rule(ALL, DOC.bit | ALL, Op.MANAGE, INDIVIDUAL | 1), False),
    ],
)
def test_rules(database: Database, rule: Rule, granted: bool) -> None:
    set_rules(database, [rule])
    assert (refusal(database, JOE, Op.MANAGE, Target(DOC, 4, 5, 7)) == "") is granted


@pytest.mark.parametrize(
    ("level", "op", "stopped"), [(1, Op.USE, 1), (2, Op.USE, 0), (3, Op.MANAGE, 0), (3, Op.ADMIN, 1)]
)
def test_locks(database: Database, level: int, op: Op, stopped: int) -> None:
    target = Target(DOC, 4, 2, 1, (1,) * 9, level)
    assert bool(refusal(database, JOE, op, target)) is bool(stopped)
    assert refusal(database, ADMIN, op, target) == ("DOCUMENT is locked. [4]" if stopped else "")
    assert not refusal(database, ADMIN, op, target, heed_lock=False)


def test_all_refusals_in_one_message(database: Database) -> None:
    def job(transaction: Transaction) -> None:
        question = (
            Authorization(transaction, JOE).add(Op.MANAGE, Target(DOC, 1)).add(Op.USE, Target(Kind.GROUP, 2))
        )
        question.check()

    with pytest.raises(
        AuthorizationError, match=r"MANAGE DOCUMENT \[1\]; Not authorized to perform USE GROUP \[2\]"
    ):
        database.read(job)


_ROWS = st.lists(
    st.tuples(st.sampled_from([2, 3, 4]), st.sampled_from([0, 1, 100, 101]), *[st.integers(0, 1)] * 3), max_size=8
)
_RULES = st.lists(
    st.builds(
        Rule,
        st.sampled_from([ALL, INDIVIDUAL | 2, GROUP | 100, GROUP | 7]),
        st.sampled_from([INDIVIDUAL | 1, INDIVIDUAL | 3, GROUP | 101]).map(lambda selector: DOC.bit | selector),
        st.sampled_from([Op.USE, Op.MANAGE]),
        st.just(ALL),
    ),
    max_size=3,
)


@hypothesis_settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_ROWS, _RULES, st.sampled_from([-4, -3, -2, -1, 2, 3]))
def test_lists_show_what_may_be_used(
    database: Database, rows: list[tuple[int, int, int, int, int]], rules: list[Rule], flag: int
) -> None:
    """The filter in SQL agrees with the question asked for each object, restricted to what the flag asks for."""
    set_rules(database, rules)

    def fill(transaction: Transaction) -> None:
        transaction.write(delete(document_pool))
        for oid, (uid, gid, owner, group, other) in enumerate(rows):
            columns = {"uid": uid, "gid": gid, "owner_u": owner, "group_u": group, "other_u": other}
            transaction.write(insert(document_pool), columns | {"oid": oid})

    database.submit(fill).result(30)

    def listed(transaction: Transaction) -> set[int]:
        clause = visible(transaction, JOE, DOC, document_pool, flag)
        return {row[0] for row in transaction.rows(select(document_pool.c.oid).where(clause))}

    wanted = set()
    for oid, (uid, gid, owner, group, other) in enumerate(rows):
        target = Target(DOC, oid, uid, gid, (owner, 0, 0, group, 0, 0, other, 0, 0))
        may = uid == JOE.uid or not refusal(database, JOE, Op.USE, target)
        asked = {
            -4: gid == JOE.gid,
            -3: uid == JOE.uid,
            -2: may,
            -1: uid == JOE.uid or (gid in JOE.groups and may),
        }.get(flag, uid == flag and may)
        if asked:
            wanted.add(oid)
    assert database.read(listed) == wanted


def test_unknown_filter_flag(database: Database) -> None:
    with pytest.raises(ParameterError, match="Incorrect filter_flag"):
        database.read(lambda transaction: visible(transaction, JOE, DOC, document_pool, -5) is not None)


@pytest.mark.parametrize(
    ("umask", "admin", "other", "bits"),
    [
        (0o177, False, True, "110000000"),
        (0o177, True, True, "110000000"),
        (0o077, True, True, "111000000"),
        (0o022, False, True, "110100100"),
        (0o022, False, False, "110100000"),
        (0, True, False, "111111111"),
    ],
)
def test_umask(umask: int, admin: bool, other: bool, bits: str) -> None:
    assert "".join(map(str, umask_bits(umask, admin=admin, other=other))) == bits
