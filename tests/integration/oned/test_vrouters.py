"""Virtual routers over the API: life, floating addresses, rights, quotas."""

from concurrent.futures import ThreadPoolExecutor

from tests.integration.oned.clients import Client, closed
from tests.integration.oned.conftest import served
from tests.integration.oned.daemon import Daemon, Param
from tests.integration.oned.names import unique
from tests.integration.oned.networking import (
    ALL,
    AUTHORIZATION,
    CONFIGURATION,
    CREATE,
    INTERNAL,
    NO_EXISTS,
    PARAMETER,
    VROUTER,
    grant,
    leases,
    new_network,
    new_user,
    share,
    values,
)

pytestmark = closed
oned = served("vrouters", CONFIGURATION)


def floating(oid: int, more: str = "") -> str:
    return f"NIC = [ NETWORK_ID = {oid}, FLOATING_IP = YES{more} ]\n"


def test_life(oned: Daemon, one: Client) -> None:
    first, second = new_network(oned), new_network(oned)
    network = one.vn.info(second).NAME
    name = unique("router")
    text = f"NAME = {name}\nA = 1\n{floating(first)}NIC = [ NETWORK = {network} ]\nNIC = [ BRIDGE = br0 ]"
    oid = one.vrouter.allocate(text)
    router = one.vrouter.info(oid)
    nics = router.TEMPLATE["NIC"]
    assert (router.NAME, router.VMS.ID, [nic["NIC_ID"] for nic in nics]) == (name, [], ["0", "1", "2"])
    assert nics[0]["VROUTER_IP"] == "10.0.0.1"
    assert nics[0]["VROUTER_MAC"] == "02:00:0a:00:00:01"
    assert "IP" not in nics[0]
    assert "MAC" not in nics[0]
    assert (nics[1]["NETWORK"], nics[1]["NETWORK_ID"]) == (network, str(second))
    assert leases(one, first) == [("10.0.0.1", oid)]
    assert leases(one, second) == []
    assert [one.vn.info(each).VROUTERS.ID for each in (first, second)] == [[oid], [oid]]
    assert oid == one.vn.info(first).AR_POOL.AR[0].LEASES.LEASE[0].VROUTER
    assert oid in {found.ID for found in one.vrouterpool.info(-2, -1, -1).VROUTER}
    assert one.vrouter.delete(oid) == oid
    assert [one.vn.info(each).VROUTERS.ID for each in (first, second)] == [[], []]
    assert leases(one, first) == []
    assert oned.fails(NO_EXISTS, "one.vrouter.info", oid).endswith(f"Error getting virtual router [{oid}].")


def test_interfaces_survive_updates(oned: Daemon, one: Client) -> None:
    network = new_network(oned)
    oid = one.vrouter.allocate(f"NAME = {unique('router')}\nA = 1\n{floating(network)}")
    before = one.vrouter.info(oid).TEMPLATE["NIC"]
    one.vrouter.update(oid, "B = 2\nNIC = [ NETWORK_ID = 5 ]", 1)
    template = one.vrouter.info(oid).TEMPLATE
    assert (template["A"], template["B"], template["NIC"]) == ("1", "2", before)
    one.vrouter.update(oid, "C = 3", 0)
    template = one.vrouter.info(oid).TEMPLATE
    assert ("A" in template, template["C"], template["NIC"]) == (False, "3", before)
    assert oned.fails(PARAMETER, "one.vrouter.update", oid, "", 7).endswith("Wrong update type")
    assert "Cannot update template. Parse error" in oned.fails(INTERNAL, "one.vrouter.update", oid, "A = [", 0)


def test_asked_addresses(oned: Daemon, one: Client) -> None:
    network = new_network(oned)
    oid = one.vrouter.allocate(f"NAME = {unique('router')}\n{floating(network, ', IP = 10.0.0.3')}")
    assert one.vrouter.info(oid).TEMPLATE["NIC"]["VROUTER_IP"] == "10.0.0.3"
    pool = oned.ok("one.vrouterpool.info", -2, -1, -1)
    for address in ("IP = 10.0.0.3", "IP = 10.0.9.9", 'IP = 10.0.0.1, MAC = "02:00:0a:00:00:01"'):
        text = f"NAME = {unique('router')}\n{floating(new_network(oned))}{floating(network, f', {address}')}"
        answer = oned.fails(INTERNAL, "one.vrouter.allocate", text)
        assert answer == f"[one.vrouter.allocate] Cannot get IP/MAC lease from virtual network {network}."
    assert oned.ok("one.vrouterpool.info", -2, -1, -1) == pool
    assert leases(one, network) == [("10.0.0.3", oid)]
    for text, wanted in (
        ("", "Invalid NAME, it cannot be empty"),
        (f"NAME = {unique()}\n{floating(99999)}", "Virtual network with ID: 99999 does not exist"),
    ):
        assert oned.fails(INTERNAL, "one.vrouter.allocate", text) == f"[one.vrouter.allocate] {wanted}"


def test_rights_and_quotas(oned: Daemon) -> None:
    session, uid, gid = new_user(oned)
    network = new_network(oned)
    text = f"NAME = {unique('router')}\n{floating(network)}"
    answer = oned.fails(AUTHORIZATION, "one.vrouter.allocate", text, session=session)
    assert answer.endswith(
        f"User [{uid}] : Not authorized to perform CREATE VROUTER; Not authorized to perform USE NET [{network}]."
    )
    grant(oned, uid, VROUTER | ALL, CREATE)
    share(oned, network)
    oned.ok("one.user.quota", uid, f"NETWORK = [ ID = {network}, LEASES = 1 ]")
    oid = int(oned.ok("one.vrouter.allocate", text, session=session))
    assert values(oned.ok("one.user.info", uid), "LEASES_USED") == ["1"]
    answer = oned.fails(AUTHORIZATION, "one.vrouter.allocate", text, session=session)
    assert "limit of 1 reached for LEASES quota" in answer
    other = int(oned.ok("one.vrouter.allocate", f"NAME = {unique('router')}"))
    calls: list[tuple[str, tuple[Param, ...]]] = [
        ("info", ()),
        ("update", ("A = 1",)),
        ("chmod", (1, 1, -1, 0, 0, -1, -1, -1, -1)),
        ("rename", (unique(),)),
        ("lock", (3,)),
        ("unlock", ()),
        ("delete", ()),
    ]
    for name, parameters in calls:
        oned.ok(f"one.vrouter.{name}", oid, *parameters, session=session)
        answer = oned.fails(AUTHORIZATION, f"one.vrouter.{name}", other, *parameters, session=session)
        assert f"User [{uid}] : Not authorized to perform " in answer
        for missing in (99999999, -1):
            oned.fails(NO_EXISTS, f"one.vrouter.{name}", missing, *parameters)
    assert values(oned.ok("one.user.info", uid), "LEASES_USED") == ["0"]
    oned.ok("one.vrouter.chown", other, uid, gid)
    assert oned.ok("one.vrouter.info", other, session=session)


def test_eight_at_the_same_time(oned: Daemon, one: Client) -> None:
    network = new_network(oned, "AR = [ TYPE = IP4, IP = 10.0.0.1, SIZE = 20 ]")

    def allocate(_: int) -> bool:
        answer = oned.call("one.vrouter.allocate", f"NAME = {unique('router')}\n{floating(network)}")
        assert answer[0] or "Cannot get IP/MAC lease" in answer[1], answer
        return bool(answer[0])

    with ThreadPoolExecutor(8) as threads:
        done = list(threads.map(allocate, range(24)))
    assert done.count(True) == 20
    found = leases(one, network)
    assert [address for address, _ in found] == [f"10.0.0.{n}" for n in range(1, 21)]
    assert len({router for _, router in found}) == 20
