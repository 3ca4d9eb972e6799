"""Quotas: what is charged and refunded, against a plain account in the test."""

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, select

from oned.access.quota import Usage, charge, refund
from oned.database.db import Database, Transaction
from oned.database.schema import group_quotas, system_attributes, user_quotas
from oned.errors import AuthorizationError
from oned.model.quota import METRICS, Quotas, shown

UID, GID = 5, 100
VM = Usage(vms=1, cpu=0.5, memory=512, running_vms=1, running_cpu=0.5, running_memory=512, system_disk=100)
Limits = dict[tuple[str, str, str], float]


def limited(root: str, oid: int, limits: Limits) -> Quotas:
    quotas = Quotas(root, oid)
    for (section, number, metric), limit in limits.items():
        quotas.entry(section, number).limits[metric] = limit
    return quotas


def fill(
    database: Database,
    *,
    user: Limits | None = None,
    group: Limits | None = None,
    user_default: Limits | None = None,
    group_default: Limits | None = None,
) -> None:
    """New quotas for the user and the group of these tests."""

    def job(transaction: Transaction) -> None:
        for table in (user_quotas, group_quotas, system_attributes):
            transaction.write(delete(table))
        body = limited("QUOTAS", UID, user or {}).to_xml()
        transaction.write(insert(user_quotas), {"user_oid": UID, "body": body})
        body = limited("QUOTAS", GID, group or {}).to_xml()
        transaction.write(insert(group_quotas), {"group_oid": GID, "body": body})
        for root, limits in (("DEFAULT_USER_QUOTAS", user_default), ("DEFAULT_GROUP_QUOTAS", group_default)):
            transaction.write(
                insert(system_attributes), {"name": root, "body": limited(root, -1, limits or {}).to_xml()}
            )

    database.submit(job).result(30)


def do(
    database: Database,
    what: Callable[[Transaction, int, int, Usage], None],
    usage: Usage,
    uid: int = UID,
    gid: int = GID,
) -> None:
    database.submit(lambda transaction: what(transaction, uid, gid, usage)).result(30)


def used(database: Database, owner: str = "user") -> dict[tuple[str, str, str], float]:
    """What is counted, without zeros."""
    table = user_quotas if owner == "user" else group_quotas
    body = database.read(lambda transaction: transaction.rows(select(table.c.body))[0][0])
    return {
        (section, number, metric): value
        for section, entries in Quotas.from_xml(body).sections.items()
        for number, entry in entries.items()
        for metric, value in entry.used.items()
        if value
    }


def test_both_are_charged_and_refunded(database: Database) -> None:
    fill(database)
    usage = Usage(
        vms=1, cpu=1.25, memory=64, datastores={1: (1, 2048)}, networks={3: 2, 4: 1}, images={7: 1}, system_disk=9
    )
    do(database, charge, usage)
    wanted = {
        ("VM", "", "VMS"): 1,
        ("VM", "", "CPU"): 1.25,
        ("VM", "", "MEMORY"): 64,
        ("VM", "", "SYSTEM_DISK_SIZE"): 9,
        ("DATASTORE", "1", "IMAGES"): 1,
        ("DATASTORE", "1", "SIZE"): 2048,
        ("NETWORK", "3", "LEASES"): 2,
        ("NETWORK", "4", "LEASES"): 1,
        ("IMAGE", "7", "RVMS"): 1,
    }
    assert used(database) == wanted
    assert used(database, "group") == wanted
    do(database, refund, usage)
    assert used(database) == {}
    body = database.read(lambda transaction: transaction.rows(select(user_quotas.c.body))[0][0])
    assert body == Quotas("QUOTAS", UID).to_xml()


@pytest.mark.parametrize(
    ("limits", "usage", "text"),
    [
        ({("VM", "", "VMS"): 0}, VM, "limit of 0 reached for VMS quota in VM"),
        ({("VM", "", "CPU"): 0.25}, VM, "limit of 0.25 reached for CPU quota in VM"),
        ({("VM", "", "RUNNING_MEMORY"): 511}, VM, "limit of 511 reached for RUNNING_MEMORY quota in VM"),
        (
            {("DATASTORE", "1", "SIZE"): 2_000_000},
            Usage(datastores={1: (1, 2_000_001)}),
            "limit of 2e+06 reached for SIZE quota in DATASTORE with ID: 1",
        ),
        (
            {("NETWORK", "3", "LEASES"): 1},
            Usage(vms=1, networks={3: 2}),
            "limit of 1 reached for LEASES quota in NETWORK with ID: 3",
        ),
        (
            {("IMAGE", "7", "RVMS"): 0},
            Usage(vms=1, images={7: 1}),
            "limit of 0 reached for RVMS quota in IMAGE with ID: 7",
        ),
    ],
)
def test_limits(database: Database, limits: Limits, usage: Usage, text: str) -> None:
    for where, owner in (("user", f"user [{UID}]"), ("group", f"group [{GID}]")):
        for kind in (where, f"{where}_default"):
            fill(database, **{kind: limits})
            with pytest.raises(AuthorizationError) as caught:
                do(database, charge, usage)
            assert caught.value.detail == f"{owner} {text}"
            assert used(database) == used(database, "group") == {}


def test_own_limits_count_before_the_defaults(database: Database) -> None:
    vms = ("VM", "", "VMS")
    fill(database, user={vms: -2}, user_default={vms: 0})
    do(database, charge, VM)
    fill(database, user={vms: 2}, user_default={vms: 0})
    do(database, charge, VM)
    fill(database, user={("VM", "", "CPU"): 9}, user_default={vms: 0})
    with pytest.raises(AuthorizationError, match=r"user \[5\] limit of 0 reached for VMS"):
        do(database, charge, VM)


def test_oneadmin_is_exempt(database: Database) -> None:
    fill(database, user={("VM", "", "VMS"): 0}, group={("VM", "", "VMS"): 0})
    for uid, gid in ((0, 0), (-1, -1), (0, -1)):
        do(database, charge, VM, uid, gid)
    with pytest.raises(AuthorizationError, match="user"):
        do(database, charge, VM, UID, 0)
    with pytest.raises(AuthorizationError, match="group"):
        do(database, charge, VM, 0, GID)


def test_who_is_gone(database: Database) -> None:
    fill(database)
    with pytest.raises(AuthorizationError, match="User not found"):
        do(database, charge, VM, 77, GID)
    with pytest.raises(AuthorizationError, match="Group not found"):
        do(database, charge, VM, UID, 777)
    assert used(database) == used(database, "group") == {}
    do(database, refund, VM, 77, 777)
    do(database, refund, VM)
    assert used(database) == {}


def test_what_is_given_back_is_never_refused(database: Database) -> None:
    fill(database)
    do(database, charge, Usage(vms=1, cpu=4, memory=4096))
    fill(database)
    quotas = limited("QUOTAS", UID, {("VM", "", "CPU"): 1, ("VM", "", "MEMORY"): 8192})
    quotas.entry("VM", "").used |= {"VMS": 1, "CPU": 4, "MEMORY": 4096}
    body = quotas.to_xml()
    database.submit(lambda t: t.write(user_quotas.update(), {"body": body})).result(30)
    do(database, charge, Usage(cpu=-1, memory=1024))
    assert used(database) == {("VM", "", "VMS"): 1, ("VM", "", "CPU"): 3, ("VM", "", "MEMORY"): 5120}
    with pytest.raises(AuthorizationError, match="limit of 1 reached for CPU"):
        do(database, charge, Usage(cpu=0.01))


_LIMIT = st.sampled_from([-2.0, -1.0, 0.0, 1.0, 2.5, 5.0, 10.0])
_PLACES = [(section, "" if section == "VM" else "1", metric) for section in METRICS for metric in METRICS[section]]
_LIMITS = st.dictionaries(st.sampled_from(_PLACES), _LIMIT, max_size=4)
_DEFAULTS = st.dictionaries(st.sampled_from(_PLACES), _LIMIT.filter(lambda limit: limit != -1), max_size=2)
_COUNT = st.integers(0, 3)
_CPU = st.integers(0, 300).map(lambda hundredths: hundredths / 100)
_USAGES = st.builds(
    Usage,
    vms=_COUNT,
    cpu=_CPU,
    memory=_COUNT,
    running_vms=_COUNT,
    running_cpu=_CPU,
    running_memory=_COUNT,
    system_disk=_COUNT,
    datastores=st.dictionaries(st.just(1), st.tuples(_COUNT, _COUNT), max_size=1),
    networks=st.dictionaries(st.just(1), _COUNT, max_size=1),
    images=st.dictionaries(st.just(1), _COUNT, max_size=1),
)


def amounts(usage: Usage) -> dict[tuple[str, str, str], float]:
    """The same usage as places and numbers, written out."""
    images, size = usage.datastores.get(1, (0, 0))
    return {
        ("VM", "", "VMS"): usage.vms,
        ("VM", "", "CPU"): usage.cpu,
        ("VM", "", "MEMORY"): usage.memory,
        ("VM", "", "RUNNING_VMS"): usage.running_vms,
        ("VM", "", "RUNNING_CPU"): usage.running_cpu,
        ("VM", "", "RUNNING_MEMORY"): usage.running_memory,
        ("VM", "", "SYSTEM_DISK_SIZE"): usage.system_disk,
        ("DATASTORE", "1", "IMAGES"): images,
        ("DATASTORE", "1", "SIZE"): size,
        ("NETWORK", "1", "LEASES"): usage.networks.get(1, 0),
        ("IMAGE", "1", "RVMS"): usage.images.get(1, 0),
    }


@hypothesis_settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.fixed_dictionaries(
        {"user": _LIMITS, "group": _LIMITS, "user_default": _DEFAULTS, "group_default": _DEFAULTS}
    ),
    st.lists(st.tuples(_USAGES, st.booleans()), max_size=6),
)
def test_any_charges(database: Database, limits: dict[str, Limits], steps: list[tuple[Usage, bool]]) -> None:
    """Granted exactly when all that is asked for fits under the limits of both; counted for both or neither."""
    fill(database, **limits)
    account = dict.fromkeys(_PLACES, 0.0)
    taken: list[Usage] = []
    for usage, give_back in steps:
        if give_back and taken:
            gone = taken.pop()
            do(database, refund, gone)
            for place, amount in amounts(gone).items():
                account[place] -= amount
            continue
        fits = True
        for owner in ("user", "group"):
            for place, amount in amounts(usage).items():
                limit = limits[owner].get(place, -1.0)
                limit = limits[f"{owner}_default"].get(place, -2.0) if limit == -1 else limit
                fits = fits and (amount == 0 or limit == -2 or round(account[place] + amount, 2) <= limit)
        if fits:
            do(database, charge, usage)
            taken.append(usage)
            for place, amount in amounts(usage).items():
                account[place] += amount
        else:
            with pytest.raises(AuthorizationError, match="reached for"):
                do(database, charge, usage)
        wanted = {place: round(amount, 2) for place, amount in account.items() if round(amount, 2)}
        assert used(database) == used(database, "group") == wanted


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (-0.0, "0"), (-1, "-1"), (2.5, "2.50"), (0.125, "0.12"), (1e12, "1000000000000"), (3.999, "4")],
)
def test_numbers_in_the_database(value: float, text: str) -> None:
    assert shown(value) == text


@given(_LIMITS, st.sampled_from(["QUOTAS", "DEFAULT_USER_QUOTAS"]))
def test_the_xml_comes_back(limits: Limits, root: str) -> None:
    quotas = limited(root, 3 if root == "QUOTAS" else -1, limits)
    again = Quotas.from_xml(quotas.to_xml(), root)
    assert again == quotas
