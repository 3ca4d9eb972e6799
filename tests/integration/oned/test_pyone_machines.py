"""The life of a virtual machine on dummy drivers, by the ecosystem's own client of two releases."""

import time
from collections.abc import Iterator

import pytest

from tests.integration.oned.clients import RELEASES, Client, Library, client, closed, library, several
from tests.integration.oned.conftest import end, new_daemon
from tests.integration.oned.daemon import Daemon
from tests.integration.oned.listener import Listener, Ports
from tests.integration.oned.machines import Ground, lay, until
from tests.integration.oned.names import unique
from tests.integration.oned.vms import CONFIGURATION

pytestmark = closed
MINUTES = 'MONITOR_VM = "1", MONITOR_HOST = "1"'


@pytest.fixture(scope="module")
def ports() -> Ports:
    return Ports()


@pytest.fixture(scope="module")
def oned(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, ports: Ports
) -> Iterator[Daemon]:
    conf = f"{CONFIGURATION}{ports.conf}"
    daemon = new_daemon(tmp_path_factory.mktemp("machines"), "mysql", request, conf)
    daemon.monitor = f"PROBES_PERIOD = [ {MINUTES} ]"
    daemon.monitord.unlink()
    daemon.write_conf()
    daemon.start()
    yield daemon
    end(daemon)


@pytest.fixture(scope="module")
def ground(oned: Daemon) -> Ground:
    return lay(oned, "pyone")


@pytest.fixture(params=RELEASES)
def pyone(request: pytest.FixtureRequest) -> Library:
    return library(request.param)


@pytest.fixture
def one(oned: Daemon, pyone: Library) -> Iterator[Client]:
    yield from client(oned, library=pyone)


def reaches(one: Client, pyone: Library, oid: int, state: str, lcm: str = "LCM_INIT") -> None:
    """Wait until a machine is in a state, named as the client does."""
    wanted = (pyone.VM_STATE[state].value, pyone.LCM_STATE[lcm].value)

    def there() -> bool:
        vm = one.vm.info(oid)
        return wanted == (vm.STATE, vm.LCM_STATE)

    until(there, f"{oid} is {state}, {lcm}")


def template(ground: Ground) -> dict[str, object]:
    """What the client makes XML of: one dictionary in another."""
    devices = {"DISK": {"IMAGE_ID": ground.image}, "NIC": {"NETWORK_ID": ground.network}, "CONTEXT": {"A": "a"}}
    return {"TEMPLATE": {"NAME": unique("vm"), "CPU": "0.1", "MEMORY": "64", "COLOUR": "a&b", **devices}}


def running(one: Client, pyone: Library, ground: Ground) -> int:
    oid = int(one.template.instantiate(one.template.allocate(template(ground)), unique("web"), False, "", False))
    reaches(one, pyone, oid, "PENDING")
    assert one.vm.deploy(oid, ground.hosts[0], False, ground.system, "") == oid
    reaches(one, pyone, oid, "ACTIVE", "RUNNING")
    return oid


def test_a_whole_life(one: Client, pyone: Library, ground: Ground) -> None:
    oid = running(one, pyone, ground)
    vm = one.vm.info(oid)
    assert (vm.UNAME, vm.RESCHED, vm.PREV_STATE) == ("oneadmin", 0, pyone.VM_STATE.ACTIVE)
    assert vm.TEMPLATE["DISK"]["IMAGE_ID"] == str(ground.image)
    assert vm.TEMPLATE["NIC"]["NETWORK_ID"] == str(ground.network)
    assert vm.USER_TEMPLATE["COLOUR"] == "a&b"
    for verb, *state in (
        ("poweroff", "POWEROFF"),
        ("resume", "ACTIVE", "RUNNING"),
        ("suspend", "SUSPENDED"),
        ("resume", "ACTIVE", "RUNNING"),
        ("stop", "STOPPED"),
    ):
        one.vm.action(verb, oid)
        reaches(one, pyone, oid, *state)
    one.vm.deploy(oid, ground.hosts[1], False, ground.system, "")
    reaches(one, pyone, oid, "ACTIVE", "RUNNING")
    records = one.vm.info(oid).HISTORY_RECORDS.HISTORY
    assert [record.SEQ for record in records] == list(range(len(records)))
    assert (*ground.hosts, oid) == (records[0].HID, records[-1].HID, records[-1].OID)
    assert (pyone.HISTORY_ACTION.stop, 0) == (records[-2].ACTION, records[-1].ETIME)
    assert oid in one.host.info(ground.hosts[1]).VMS.ID
    with pytest.raises(pyone.OneActionException, match=r"wrong state|not available for state"):
        one.vm.action("release", oid)
    one.vm.action("terminate", oid)
    reaches(one, pyone, oid, "DONE")
    assert one.image.info(ground.image).STATE == pyone.IMAGE_STATES.READY


def test_devices_and_snapshots(one: Client, pyone: Library, ground: Ground) -> None:
    oid = running(one, pyone, ground)
    one.vm.attach(oid, {"TEMPLATE": {"DISK": {"TYPE": "fs", "SIZE": "5", "FORMAT": "raw"}}})
    reaches(one, pyone, oid, "ACTIVE", "RUNNING")
    assert [disk["DISK_ID"] for disk in one.vm.info(oid).TEMPLATE["DISK"]] == ["0", "2"]
    one.vm.attachnic(oid, {"TEMPLATE": {"NIC": {"NETWORK_ID": ground.network}}})
    reaches(one, pyone, oid, "ACTIVE", "RUNNING")
    one.vm.disksnapshotcreate(oid, 0, "before")
    reaches(one, pyone, oid, "ACTIVE", "RUNNING")
    snapshots = one.vm.info(oid).SNAPSHOTS[0]
    assert (snapshots.DISK_ID, [(s.ID, s.NAME, s.PARENT) for s in snapshots.SNAPSHOT]) == (0, [(0, "before", -1)])
    one.vm.snapshotcreate(oid, "all")
    reaches(one, pyone, oid, "ACTIVE", "RUNNING")
    assert [snapshot["NAME"] for snapshot in several(one.vm.info(oid).TEMPLATE["SNAPSHOT"])] == ["all"]
    one.vm.detach(oid, 2)
    reaches(one, pyone, oid, "ACTIVE", "RUNNING")
    one.vm.detachnic(oid, 1)
    reaches(one, pyone, oid, "ACTIVE", "RUNNING")
    one.vm.action("poweroff-hard", oid)
    reaches(one, pyone, oid, "POWEROFF")
    one.vm.resize(oid, {"CPU": "0.2", "MEMORY": "96"}, False)
    assert one.vm.info(oid).TEMPLATE["MEMORY"] == "96"
    one.vm.updateconf(oid, 'CONTEXT = [ A = "b" ]')
    assert one.vm.info(oid).TEMPLATE["CONTEXT"]["A"] == "b"
    saved = one.vm.disksaveas(oid, 0, unique("saved"), "", -1)
    until(lambda: one.image.info(saved).STATE == pyone.IMAGE_STATES.READY, "the disk is saved")
    one.vm.recover(oid, 3)
    reaches(one, pyone, oid, "DONE")


def test_lists_monitoring_and_what_was_used(oned: Daemon, one: Client, pyone: Library, ground: Ground) -> None:
    oid = running(one, pyone, ground)
    short = next(vm for vm in one.vmpool.info(-2, -1, -1, -1).VM if oid == vm.ID)
    assert (short.STATE, short.TEMPLATE["CPU"]) == (pyone.VM_STATE.ACTIVE, "0.1")
    whole = next(vm for vm in one.vmpool.infoextended(-2, oid, oid, pyone.VM_STATE.ACTIVE).VM)
    assert whole.TEMPLATE["DISK"]["IMAGE_ID"] == str(ground.image)
    assert [vm.ID for vm in one.vmpool.infoset(str(oid), True).VM] == [oid]
    until(lambda: bool(one.vm.monitoring(oid).MONITORING), "the machine is monitored", 20)
    record = one.vm.monitoring(oid).MONITORING[0]
    assert (record.ID, record.TIMESTAMP > 10**9, record.MEMORY > 0, float(record.CPU) >= 0) == (
        oid,
        True,
        True,
        True,
    )
    assert oid in {found.ID for found in one.vmpool.monitoring(-2, 3600).MONITORING}
    assert one.host.monitoring(ground.hosts[0]).MONITORING
    assert one.hostpool.monitoring(3600).MONITORING
    records = one.vmpool.accounting(-2, int(time.time()) - 3600, -1).HISTORY
    used = next(found for found in records if oid == found.OID)
    assert (ground.hosts[0], -1, oid, 0) == (used.HID, used.UID, used.VM.ID, used.ETIME)
    until(lambda: time.time() >= used.STIME + 1, "its stay is a second, the unit of what is charged", 5)
    one.vm.action("terminate-hard", oid)
    reaches(one, pyone, oid, "DONE")
    oned.ok("one.vmpool.calculateshowback", -1, -1, -1, -1)  # whose answer is "", which the client cannot read
    costs = {found.VMID: found for found in one.vmpool.showback(-2, -1, -1, -1, -1).SHOWBACK}
    assert (costs[oid].UNAME, costs[oid].GNAME, costs[oid].CPU_COST >= 0) == ("oneadmin", "oneadmin", True)


def test_what_is_published_reads_with_the_bindings(
    one: Client, pyone: Library, oned: Daemon, ports: Ports
) -> None:
    with Listener(ports.publisher, "EVENT STATE VM", "EVENT VM", "EVENT API one.vm.allocate").joined(
        oned
    ) as listener:
        oid = one.vm.allocate({"NAME": unique("told"), "CPU": "1", "MEMORY": "64"}, True)
        one.vm.recover(oid, 3)
        heard = dict(listener.before_mark(oned))
        call = next(text for key, text in heard.items() if key.startswith("EVENT API"))
        message = pyone.bindings.parseString(call.encode())
        assert (message.HOOK_TYPE, message.CALL, message.CALL_INFO[0].RESULT) == ("API", "one.vm.allocate", 1)
        state = next(text for key, text in heard.items() if key.startswith("EVENT VM"))
        begin, close = state.index("<VM>"), "</VM>"
        vm = pyone.bindings.parseString(state[begin : state.rindex(close) + len(close)].encode())
        assert (oid, 1) == (vm.ID, vm.PERMISSIONS.OWNER_M)
