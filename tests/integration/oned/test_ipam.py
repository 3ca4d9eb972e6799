"""Address ranges that a driver hands out: every address is taken here and there, or free here and there."""

import itertools
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select, update

from oned.config import read_settings
from oned.database.db import Database, Transaction
from oned.database.schema import task
from onelib.locations import Locations
from tests.integration.oned.conftest import end, new_daemon
from tests.integration.oned.daemon import Daemon
from tests.integration.oned.machines import until
from tests.integration.oned.names import unique
from tests.integration.oned.networking import ACTION, INTERNAL, value, values

CONFIGURATION = 'IPAM_MAD = [ EXECUTABLE = "one_ipam", ARGUMENTS = "-t 10 -i dummy", TIMEOUT = "10" ]\n'
_blocks = itertools.count(1)


@pytest.fixture(scope="module", params=["sqlite", "mysql"])
def oned(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    daemon = new_daemon(tmp_path_factory.mktemp("ipam"), request.param, request, CONFIGURATION)
    daemon.start()
    yield daemon
    end(daemon)


class Net:
    """A network with one range of the dummy's, which nobody else has addresses of."""

    def __init__(self, oned: Daemon, size: int = 4, more: str = "") -> None:
        self.oned = oned
        self.size = size
        self.block = f"10.7.{next(_blocks)}"
        self.range = f"AR = [ IPAM_MAD = dummy, IP = {self.block}.1, SIZE = {size} {more} ]"
        self.oid = int(oned.ok("one.vn.allocate", f"NAME = {unique()}\nVN_MAD = bridge\n{self.range}", -1))

    def here(self) -> dict[str, str]:
        """Who has each address, as the server says."""
        found = str(self.oned.ok("one.vn.info", self.oid))
        leases = found.partition("<LEASES>")[2].partition("</LEASES>")[0].split("<LEASE>")[1:]
        owners = ("VM", "VNET", "VROUTER")
        return {value(each, "IP"): next(n + value(each, n) for n in owners if f"<{n}>" in each) for each in leases}

    def there(self) -> set[str]:
        """What is taken, as the driver says."""
        return set(register(self.oned).get(f"{self.block}.1/{self.size}", {}))

    def ip(self, number: int) -> str:
        return f"{self.block}.{number}"

    def settled(self, *numbers: int) -> None:
        """Wait until those addresses are taken, and no others, here and there."""
        wanted = {self.ip(number) for number in numbers}
        until(lambda: set(self.here()) == wanted == self.there(), f"{wanted} are taken here and there")


def register(oned: Daemon) -> dict[str, dict[str, str]]:
    path = oned.root / "var/lib/one/dummy_ipam.json"
    found: dict[str, dict[str, str]] = json.loads(path.read_text() or "{}") if path.exists() else {}
    return found


def ranges(oned: Daemon, block: str) -> int:
    """How many ranges with the block are registered."""
    return sum(name.startswith(f"{block}.") for name in register(oned).get("", {}))


def new_vm(oned: Daemon, *networks: str) -> int:
    nics = "\n".join(f"NIC = [ NETWORK_ID = {network} ]" for network in networks)
    return int(oned.ok("one.vm.allocate", f"NAME = {unique('vm')}\nCPU = 1\nMEMORY = 64\n{nics}", False))


def terminate(oned: Daemon, vm: int) -> None:
    oned.ok("one.vm.action", "terminate-hard", vm)


def test_a_range_is_registered_and_unregistered(oned: Daemon) -> None:
    net = Net(oned, more=", COLOR = red")
    body = str(oned.ok("one.vn.info", net.oid))
    assert (value(body, "IPAM_MAD"), value(body, "COLOR"), value(body, "TYPE")) == ("dummy", "red", "IP4")
    assert ranges(oned, net.block) == 1
    oned.ok("one.vn.add_ar", net.oid, "AR = [ IPAM_MAD = dummy ]")
    assert values(oned.ok("one.vn.info", net.oid), "GATEWAY") == ["10.0.0.1"]
    oned.ok("one.vn.rm_ar", net.oid, 1)
    assert ranges(oned, "10.0.0") == 0
    oned.ok("one.vn.delete", net.oid)
    assert ranges(oned, net.block) == 0


def test_the_network_names_the_driver(oned: Daemon) -> None:
    text = f"NAME = {unique()}\nVN_MAD = bridge\nIPAM_MAD = dummy\nAR = [ IP = 10.6.0.1, SIZE = 2 ]"
    oid = int(oned.ok("one.vn.allocate", text, -1))
    assert ranges(oned, "10.6.0") == 1
    oned.ok("one.vn.delete", oid)


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        (
            "IPAM_MAD = nobody, IP = 10.5.0.1, SIZE = 2",
            "The driver 'nobody' is not available. Check IPAM_MAD in oned.conf.",
        ),
        (
            'IPAM_MAD = dummy, IP = 10.5.0.1, SIZE = 2, DUMMY_FAIL = "register_address_range"',
            "register_address_range fails, as DUMMY asks for",
        ),
    ],
)
def test_the_driver_refuses_a_range(oned: Daemon, attributes: str, message: str) -> None:
    text = f"NAME = {unique()}\nVN_MAD = bridge\nAR = [ {attributes} ]"
    assert oned.fails(INTERNAL, "one.vn.allocate", text, -1) == f"[one.vn.allocate] {message}"
    assert ranges(oned, "10.5.0") == 0


def test_a_range_that_the_call_did_not_use_is_taken_back(oned: Daemon) -> None:
    """The driver registers what the server then finds wrong: the type has no IPv4 addresses that it understands."""
    text = f"NAME = {unique()}\nVN_MAD = bridge\nAR = [ IPAM_MAD = dummy, IP = 10.4.0.1, SIZE = 2, MAC = wrong ]"
    oned.fails(INTERNAL, "one.vn.allocate", text, -1)
    until(lambda: ranges(oned, "10.4.0") == 0, "the range is unregistered")
    taken = Net(oned)
    name = value(oned.ok("one.vn.info", taken.oid), "NAME")
    before = ranges(oned, "10.4.1")
    text = f"NAME = {name}\nVN_MAD = bridge\nAR = [ IPAM_MAD = dummy, IP = 10.4.1.1, SIZE = 2 ]"
    oned.fails(INTERNAL, "one.vn.allocate", text, -1)
    assert before == ranges(oned, "10.4.1") == 0


def test_machines_take_and_give_back_addresses(oned: Daemon) -> None:
    net = Net(oned)
    first = new_vm(oned, str(net.oid), str(net.oid))
    second = new_vm(oned, f"{net.oid}, IP = {net.ip(4)}")
    assert net.here() == {net.ip(1): f"VM{first}", net.ip(2): f"VM{first}", net.ip(4): f"VM{second}"}
    assert net.there() == {net.ip(number) for number in (1, 2, 4)}
    assert values(oned.ok("one.vm.info", first), "IP") == [net.ip(1), net.ip(2)]
    terminate(oned, first)
    net.settled(4)
    terminate(oned, second)
    net.settled()
    oned.ok("one.vn.delete", net.oid)


def test_no_address_is_left(oned: Daemon) -> None:
    net = Net(oned, size=1)
    new_vm(oned, str(net.oid))
    template = f"CPU = 1\nMEMORY = 64\nNIC = [ NETWORK_ID = {net.oid} ]"
    message = oned.fails(INTERNAL, "one.vm.allocate", template, False)
    assert message == f"[one.vm.allocate] Cannot get IP/MAC lease from virtual network {net.oid}."
    net.settled(1)


@pytest.mark.parametrize("more", ['DUMMY_FAIL = "get_address"', 'DUMMY_FAIL = "allocate_address"'])
def test_the_driver_refuses_an_address(oned: Daemon, more: str) -> None:
    net = Net(oned, more=f", {more}")
    ip = f", IP = {net.ip(2)}" if "allocate" in more else ""
    template = f"CPU = 1\nMEMORY = 64\nNIC = [ NETWORK_ID = {net.oid} {ip} ]"
    oned.fails(INTERNAL, "one.vm.allocate", template, False)
    assert net.there() == set()


def test_what_a_failed_call_took_goes_back(oned: Daemon) -> None:
    net, full = Net(oned), Net(oned, size=1)
    new_vm(oned, str(full.oid))
    nics = f"NIC = [ NETWORK_ID = {net.oid} ]\nNIC = [ NETWORK_ID = {net.oid} ]\nNIC = [ NETWORK_ID = {full.oid} ]"
    oned.fails(INTERNAL, "one.vm.allocate", f"CPU = 1\nMEMORY = 64\n{nics}", False)
    net.settled()


def test_a_hold(oned: Daemon) -> None:
    net = Net(oned)
    text = f"LEASES = [ IP = {net.ip(3)} ]"
    oned.ok("one.vn.hold", net.oid, text)
    assert net.here() == {net.ip(3): "VM-1"}
    assert net.there() == {net.ip(3)}
    message = oned.fails(INTERNAL, "one.vn.hold", net.oid, text)
    assert message == "[one.vn.hold] Address is not part of the address range or in use."
    for _ in range(2):
        oned.ok("one.vn.release", net.oid, text)
    net.settled()


def test_reservations(oned: Daemon) -> None:
    net = Net(oned)
    free = int(oned.ok("one.vn.reserve", net.oid, f"NAME = {unique()}\nSIZE = 2"))
    text = f"NAME = {unique()}\nSIZE = 1\nAR_ID = 0\nIP = {net.ip(4)}"
    chosen = int(oned.ok("one.vn.reserve", net.oid, text))
    assert net.here() == {net.ip(1): f"VNET{free}", net.ip(2): f"VNET{free}", net.ip(4): f"VNET{chosen}"}
    assert net.there() == set(net.here())
    assert "IPAM_MAD" not in str(oned.ok("one.vn.info", free)).partition("<AR_POOL>")[2]
    oned.ok("one.vn.delete", free)
    net.settled(4)
    oned.ok("one.vn.rm_ar", chosen, 0)
    net.settled()


def test_a_router_has_a_floating_address(oned: Daemon) -> None:
    net = Net(oned)
    text = f"NAME = {unique()}\nNIC = [ NETWORK_ID = {net.oid}, FLOATING_IP = yes ]"
    router = int(oned.ok("one.vrouter.allocate", text))
    assert net.here() == {net.ip(1): f"VROUTER{router}"}
    oned.ok("one.vrouter.delete", router)
    net.settled()


def test_a_lease_that_the_driver_does_not_take_back_yet(oned: Daemon) -> None:
    net = Net(oned, size=1, more=', DUMMY_FAIL_ONCE = "free_address"')
    vm = new_vm(oned, str(net.oid))
    terminate(oned, vm)
    message = oned.fails(ACTION, "one.vn.delete", net.oid)
    assert message.endswith("Can not remove a virtual network with leases in use")
    assert net.here() == {net.ip(1): f"VM{vm}"}
    net.settled()


def test_a_range_that_the_driver_does_not_let_go(oned: Daemon) -> None:
    net = Net(oned, more=', DUMMY_FAIL = "unregister_address_range"')
    vm = new_vm(oned, str(net.oid))
    why = "unregister_address_range fails, as DUMMY asks for"
    assert oned.fails(INTERNAL, "one.vn.rm_ar", net.oid, 0) == "[one.vn.rm_ar] Address Range has leases in use"
    terminate(oned, vm)
    net.settled()
    assert oned.fails(INTERNAL, "one.vn.rm_ar", net.oid, 0) == f"[one.vn.rm_ar] {why}"
    assert oned.fails(ACTION, "one.vn.delete", net.oid).endswith(why)
    oned.ok("one.vn.rm_ar", net.oid, 0, True)
    oned.ok("one.vn.delete", net.oid)


def test_many_at_the_same_time(oned: Daemon) -> None:
    net = Net(oned, size=12)
    with ThreadPoolExecutor(8) as threads:
        template = f"CPU = 1\nMEMORY = 64\nNIC = [ NETWORK_ID = {net.oid} ]"
        calls = [threads.submit(oned.call, "one.vm.allocate", template, False) for _ in range(16)]
        answers = [future.result() for future in calls]
    machines = [int(answer[1]) for answer in answers if answer[0]]
    assert len(machines) == 12
    assert sorted(net.here().values()) == sorted(f"VM{vm}" for vm in machines)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda vm: terminate(oned, vm), machines))
    net.settled()


def test_two_calls_do_not_get_the_same_address(oned: Daemon) -> None:
    net = Net(oned, more=", DUMMY_DELAY = 0.3")
    template = f"CPU = 1\nMEMORY = 64\nNIC = [ NETWORK_ID = {net.oid}, IP = {net.ip(2)} ]"
    with ThreadPoolExecutor(4) as threads:
        calls = [threads.submit(oned.call, "one.vm.allocate", template, False) for _ in range(4)]
        assert sorted(future.result()[0] for future in calls) == [False, False, False, True]
    net.settled(2)


def test_a_slow_driver_holds_up_nobody_else(oned: Daemon) -> None:
    net = Net(oned, more=", DUMMY_DELAY = 3")
    with ThreadPoolExecutor(1) as threads:
        slow = threads.submit(new_vm, oned, str(net.oid))
        time.sleep(0.2)
        oned.ok("one.vn.update", net.oid, "COLOR = blue", 1)
        assert not slow.done()
        assert slow.result() >= 0
    assert value(oned.ok("one.vn.info", net.oid), "COLOR") == "blue"


@pytest.mark.parametrize(
    "action",
    [
        "get_address",
        pytest.param("allocate_address", marks=pytest.mark.full),
        pytest.param("register_address_range", marks=pytest.mark.full),
    ],
)
def test_a_server_that_dies_before_the_answer(fresh: Daemon, action: str) -> None:
    """What was asked for is taken back after the next start, whether the driver had done it or not."""
    fresh.extra = CONFIGURATION
    fresh.write_conf()
    fresh.start()
    net = Net(fresh, more=", DUMMY_DELAY = 0.6")
    calls = {
        "get_address": ("one.vn.reserve", net.oid, "NAME = r\nSIZE = 2"),
        "allocate_address": ("one.vn.hold", net.oid, f"LEASES = [ IP = {net.ip(3)} ]"),
        "register_address_range": ("one.vn.add_ar", net.oid, net.range),
    }
    with ThreadPoolExecutor(1) as threads:
        call = threads.submit(fresh.call, *calls[action])
        time.sleep(0.3)
        end(fresh)
        assert isinstance(call.exception(), OSError)
    assert len(_hasten(fresh)) == 1
    fresh.start()
    until(lambda: not _hasten(fresh), "what was left is taken back")
    net.settled()
    assert ranges(fresh, net.block) == 1
    assert fresh.ok(*calls[action]) is not None


def _hasten(daemon: Daemon) -> list[str]:
    """Let the time come of all tasks about addresses; returns what they are."""

    def job(transaction: Transaction) -> list[str]:
        transaction.write(update(task).where(task.c.owner == "").values(due=0))
        return [
            str(row.kind) for row in transaction.rows(select(task.c.kind).where(task.c.kind.startswith("ipam")))
        ]

    database = Database(read_settings(daemon.conf, Locations(daemon.root)).database)
    try:
        with database.transaction() as transaction:
            return job(transaction)
    finally:
        database.close()
