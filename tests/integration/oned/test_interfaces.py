"""Interfaces of machines: whose network, which address, which rules; many at the same time."""

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import TypeVar

import pytest

from oned.access.acl import Caller
from oned.config import Settings, read_settings
from oned.database.db import Database, Transaction
from oned.database.pools import load
from oned.errors import AuthorizationError, InternalError
from oned.methods.call import Call
from oned.model.secgroup import SecurityGroup
from oned.network.groups import join, leave
from oned.network.nics import Nic, acquire, release, resolve_nic
from onelib.locations import Locations
from tests.integration.oned.clients import Client, closed
from tests.integration.oned.conftest import end, served
from tests.integration.oned.daemon import Daemon
from tests.integration.oned.names import unique
from tests.integration.oned.networking import ACTION, CONFIGURATION, leases, new_network, new_user, share, value

pytestmark = closed
oned = served("interfaces", CONFIGURATION)
_machines = itertools.count(1000)
Result = TypeVar("Result")


@pytest.fixture
def database(oned: Daemon) -> Iterator[Database]:
    """Another worker on the daemon's database, in this process."""
    with opened(oned) as database:
        yield database


@pytest.fixture
def settings(oned: Daemon) -> Settings:
    return read_settings(oned.conf, Locations(oned.root))


@contextmanager
def opened(oned: Daemon) -> Iterator[Database]:
    database = Database(read_settings(oned.conf, Locations(oned.root)).database)
    database.start()
    yield database
    database.close()


def run(database: Database, job: Callable[[Transaction], Result]) -> Result:
    return database.submit(job).result(30)


def lease(database: Database, settings: Settings, oid: int, nic: Nic, vm_id: int | None = None) -> Nic:
    """What an interface becomes that takes an address."""
    number = next(_machines) if vm_id is None else vm_id

    def job(transaction: Transaction) -> Nic:
        taken = dict(nic)
        acquire(transaction, oid, number, taken, settings=settings)
        return taken

    return run(database, job)


def test_what_a_machine_gets(oned: Daemon, database: Database, settings: Settings, one: Client) -> None:
    ranges = (
        'AR = [ TYPE = IP4, IP = 10.0.0.1, SIZE = 2, SECURITY_GROUPS = "0,7", GATEWAY = 10.0.0.9, VLAN_ID = 12 ]'
    )
    more = "MTU = 1400\nGATEWAY = 1.1.1.1\nCONF = [ A = 1, MTU = 2 ]\nDNS = 8.8.8.8"
    oid = new_network(oned, ranges, more)
    nic = lease(database, settings, oid, {"NIC_ID": "3", "SECURITY_GROUPS": "4", "A": "mine"}, 77)
    assert nic == {
        "NIC_ID": "3",
        "NETWORK": one.vn.info(oid).NAME,
        "NETWORK_ID": str(oid),
        "BRIDGE": f"onebr{oid}",
        "BRIDGE_TYPE": "linux",
        "VN_MAD": "bridge",
        "VLAN_ID": "12",
        "TARGET": "one-77-3",
        "CLUSTER_ID": "0",
        "AR_ID": "0",
        "IP": "10.0.0.1",
        "MAC": "02:00:0a:00:00:01",
        "GATEWAY": "10.0.0.9",
        "MTU": "1400",
        "A": "mine",
        "SECURITY_GROUPS": "0,4,7",
    }
    assert leases(one, oid) == [("10.0.0.1", 77)]
    run(database, lambda transaction: release(transaction, 78, nic))
    assert leases(one, oid) == [("10.0.0.1", 77)]
    run(database, lambda transaction: release(transaction, 77, nic))
    run(database, lambda transaction: release(transaction, 77, nic))
    run(database, lambda transaction: release(transaction, 77, {"NETWORK_ID": "9999", "MAC": nic["MAC"]}))
    assert leases(one, oid) == []


def test_a_machine_asks_for_an_address(oned: Daemon, database: Database, settings: Settings) -> None:
    ranges = """AR = [ TYPE = IP4, IP = 10.0.0.1, SIZE = 4 ]
    AR = [ TYPE = IP6_STATIC, IP6 = "fd00::1", PREFIX_LENGTH = 64, SIZE = 2 ]"""
    oid = new_network(oned, ranges)
    assert lease(database, settings, oid, {"IP": "10.0.0.3"})["MAC"] == "02:00:0a:00:00:03"
    assert lease(database, settings, oid, {"MAC": "02:00:0a:00:00:02"})["IP"] == "10.0.0.2"
    assert lease(database, settings, oid, {"IP6": "fd00::2"})["AR_ID"] == "1"
    for nic in (
        {"IP": "10.0.0.3"},
        {"IP": "10.0.0.9"},
        {"IP": "x"},
        {"IP": "10.0.0.1", "MAC": "02:00:0a:00:00:01"},
    ):
        with pytest.raises(InternalError) as caught:
            lease(database, settings, oid, nic)
        assert caught.value.detail == f"Cannot get IP/MAC lease from virtual network {oid}."
    with pytest.raises(InternalError, match="Virtual network with ID: 9999 does not exist"):
        lease(database, settings, 9999, {})


def test_exhaustion(oned: Daemon, database: Database, settings: Settings) -> None:
    oid = new_network(
        oned, "AR = [ TYPE = IP4, IP = 10.0.0.1, SIZE = 2 ]\nAR = [ TYPE = IP4, IP = 10.1.0.1, SIZE = 1 ]"
    )
    taken = [lease(database, settings, oid, {}) for _ in range(3)]
    assert [nic["IP"] for nic in taken] == ["10.0.0.1", "10.0.0.2", "10.1.0.1"]
    with pytest.raises(InternalError, match="Cannot get IP/MAC lease"):
        lease(database, settings, oid, {})
    oned.fails(ACTION, "one.vn.delete", oid)


def test_whose_network_an_interface_means(oned: Daemon, database: Database, settings: Settings) -> None:
    session, uid, gid = new_user(oned)
    name = session.partition(":")[0]
    oid = new_network(oned)
    network = value(oned.ok("one.vn.info", oid), "NAME")
    user = Caller(uid, gid, name, name, frozenset({gid}), 0o177)
    admin = Caller(0, 0, "oneadmin", "oneadmin", frozenset({0}), 0o177)

    def resolved(caller: Caller, nic: Nic) -> int:
        return database.read(lambda transaction: resolve_nic(Call(caller, settings, 1, "", transaction), nic))

    nic = {"NETWORK": network}
    assert resolved(admin, nic) == oid
    assert nic["NETWORK_ID"] == str(oid)
    assert resolved(admin, {"NETWORK_ID": str(oid), "NETWORK": "another"}) == oid
    assert resolved(user, {"NETWORK_MODE": "auto"}) == -1
    assert resolved(user, {"BRIDGE": "br0"}) == -1
    for wrong, text in (
        ({"NETWORK_ID": "9999"}, "Virtual network with ID: 9999 does not exist"),
        ({"NETWORK_ID": "x"}, "Virtual network with ID: x does not exist"),
        (
            {"NETWORK": network},
            (
                f"User {uid} does not own a network with name: {network} . "
                "Set NETWORK_UNAME or NETWORK_UID of owner in NIC."
            ),
        ),
        ({"NETWORK": network, "NETWORK_UNAME": "nobody"}, "User set in NETWORK_UNAME does not exist"),
        ({"NETWORK": network, "NETWORK_UID": "x"}, "Cannot get user in NETWORK_UID"),
    ):
        with pytest.raises(InternalError) as caught:
            resolved(user, wrong)
        assert caught.value.detail == text
    for nic in ({"NETWORK": network, "NETWORK_UNAME": "oneadmin"}, {"NETWORK": network, "NETWORK_UID": "0"}):
        with pytest.raises(AuthorizationError, match=rf"Not authorized to perform USE NET \[{oid}\]"):
            resolved(user, nic)
    share(oned, oid)
    assert resolved(user, {"NETWORK": network, "NETWORK_UNAME": "oneadmin"}) == oid
    group = oned.ok("one.secgroup.allocate", f"NAME = {unique()}")
    with pytest.raises(AuthorizationError, match=rf"USE SECGROUP \[{group}\]"):
        resolved(user, {"NETWORK_ID": str(oid), "SECURITY_GROUPS": str(group)})
    oned.ok("one.vn.update", oid, f"SECURITY_GROUPS = {group}", 1)
    with pytest.raises(AuthorizationError, match=rf"USE SECGROUP \[{group}\]"):
        resolved(user, {"NETWORK_ID": str(oid)})


def test_rules_for_a_machine(oned: Daemon, database: Database, one: Client) -> None:
    network = new_network(
        oned, 'AR = [ TYPE = IP4, IP = 10.0.0.1, SIZE = 2 ]\nAR = [ TYPE = IP6, SIZE = 3, ULA_PREFIX = "fd00::" ]'
    )
    name = unique()
    rules = f"""RULE = [ PROTOCOL = TCP, RULE_TYPE = inbound, RANGE = 22 ]
    RULE = [ PROTOCOL = ALL, RULE_TYPE = inbound, NETWORK_ID = {network} ]"""
    group = int(oned.ok("one.secgroup.allocate", f"NAME = {name}\n{rules}"))
    found = run(database, lambda transaction: join(transaction, 5, [group, 9999]))
    assert [rule["SECURITY_GROUP_NAME"] for rule in found] == [name] * 3
    assert [rule.get("IP") for rule in found] == [None, "10.0.0.1", None]
    assert found[0] == {
        "PROTOCOL": "TCP",
        "RULE_TYPE": "inbound",
        "RANGE": "22",
        "SECURITY_GROUP_ID": str(group),
        "SECURITY_GROUP_NAME": name,
    }
    assert found[2]["IP6_ULA"].startswith("fd00::")
    assert (found[1]["SIZE"], found[1]["AR_ID"], found[2]["TYPE"]) == ("2", "0", "IP6")
    assert one.secgroup.info(group).UPDATED_VMS.ID == [5]
    assert oned.fails(ACTION, "one.secgroup.delete", group).endswith("The security group has VMs using it")
    assert len(run(database, lambda transaction: join(transaction, -1, [group]))) == 3
    run(database, lambda transaction: leave(transaction, 5, [group, 9999]))
    assert run(database, lambda transaction: load(transaction, SecurityGroup, group)).in_use is False


def test_two_workers_never_hand_out_one_lease_twice(oned: Daemon, settings: Settings, one: Client) -> None:
    """Eight threads on two workers take and give back, more than there are addresses; a dictionary watches them."""
    oid = new_network(oned, "AR = [ TYPE = IP4, IP = 10.0.0.1, SIZE = 6 ]")
    held: dict[str, int] = {}
    watch = threading.Lock()
    twice: list[str] = []
    refused = itertools.count()

    def machine(database: Database, vm_id: int) -> None:
        for _ in range(6):
            try:
                nic = lease(database, settings, oid, {}, vm_id)
            except InternalError:
                next(refused)
                continue
            with watch:
                if nic["IP"] in held:
                    twice.append(nic["IP"])
                held[nic["IP"]] = vm_id
            time.sleep(0.002)
            with watch:
                held.pop(nic["IP"], None)
            run(database, partial(release, vm_id=vm_id, nic=nic))

    with opened(oned) as first, opened(oned) as second, ThreadPoolExecutor(8) as threads:
        for done in [threads.submit(machine, (first, second)[n % 2], 500 + n) for n in range(8)]:
            done.result(60)
    assert twice == []
    assert leases(one, oid) == []


def test_two_processes_share_one_range(
    oned: Daemon, one: Client, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Reservations and holds through two servers: each address goes to one, and all of them are given out."""
    oid = new_network(oned, "AR = [ TYPE = IP4, IP = 10.0.0.1, SIZE = 24 ]")
    if "sqlite" in oned.db:
        ports = [oned, oned]
        second = None
    else:
        root = tmp_path_factory.mktemp("second")
        second = Daemon(root, oned.db, oned.extra)
        for file in oned.auth.iterdir():
            (second.auth / file.name).write_bytes(file.read_bytes())
        second.start()
        ports = [oned, second]

    def reserve(number: int) -> bool:
        answer = ports[number % 2].call("one.vn.reserve", oid, f"NAME = {unique()}-{number}\nSIZE = 1")
        assert answer[0] or "Not enough free addresses" in answer[1], answer
        return bool(answer[0])

    try:
        with ThreadPoolExecutor(8) as threads:
            done = list(threads.map(reserve, range(32)))
    finally:
        if second is not None:
            end(second)
    assert done.count(True) == 24
    found = leases(one, oid)
    assert [address for address, _ in found] == [f"10.0.0.{n}" for n in range(1, 25)]
    assert len({reservation for _, reservation in found}) == 24
