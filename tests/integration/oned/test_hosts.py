"""Hosts over the API: life, states, capacity, monitoring, rights."""

import time
from concurrent.futures import ThreadPoolExecutor

import pyone
import pytest

from tests.integration.oned.clients import Client, closed
from tests.integration.oned.conftest import served
from tests.integration.oned.daemon import Daemon
from tests.integration.oned.names import new_member, unique

AUTHORIZATION, NO_EXISTS, ACTION, INTERNAL = 0x200, 0x400, 0x800, 0x2000
INIT, MONITORED, ERROR, DISABLED, OFFLINE = 0, 2, 3, 4, 8
DRIVERS = """IM_MAD = [ NAME = "dummy", EXECUTABLE = "python:edge.dummy.im:Im" ]
VM_MAD = [ NAME = "dummy", EXECUTABLE = "python:edge.dummy.vmm:Vmm", TYPE = "xml" ]
HOST_ENCRYPTED_ATTR = "ONE_PASSWORD"
"""
HOST_RULE = 0x2100000000

pytestmark = closed


oned = served("oned", DRIVERS)


@pytest.fixture
def joe(oned: Daemon) -> str:
    return new_member(oned)


def new(one: Client, im_mad: str = "dummy", cluster: int = -1) -> int:
    return int(one.host.allocate(unique("host"), im_mad, "dummy", cluster))


def wait(one: Client, oid: int, state: int) -> Client:
    """The host when it has reached ``state``."""
    deadline = time.monotonic() + 20
    while True:
        host = one.host.info(oid)
        if int(host.STATE) == state:
            return host
        assert time.monotonic() < deadline, host.STATE
        time.sleep(0.02)


def shares(one: Client, oid: int) -> tuple[int, int]:
    """What can be given to machines: CPU and memory."""
    share = one.host.info(oid).HOST_SHARE
    return int(share.MAX_CPU), int(share.MAX_MEM)


def test_a_new_host_is_monitored(one: Client) -> None:
    oid = new(one)
    host = wait(one, oid, MONITORED)
    share = host.HOST_SHARE
    assert (share.TOTAL_CPU, share.MAX_CPU, share.TOTAL_MEM) == (800, 800, 16 * 2**20)
    assert (share.DATASTORES.MAX_DISK, share.DATASTORES.USED_DISK) == (1048576, 10240)
    template = one.host.info(oid).TEMPLATE
    assert (template["ARCH"], template["IM_MAD"], template["VM_MAD"]) == ("x86_64", "dummy", "dummy")
    assert "TOTALCPU" not in template
    measured = one.host.info(oid).MONITORING
    capacity = measured.CAPACITY
    found = (measured.ID, capacity.FREE_CPU, capacity.USED_MEMORY)
    assert found == (oid, 800, 0)
    assert abs(int(measured.TIMESTAMP) - time.time()) < 60
    one.host.delete(oid)


def test_a_host_that_cannot_be_monitored(oned: Daemon, one: Client) -> None:
    oid = new(one, im_mad="nobody")
    host = wait(one, oid, ERROR)
    assert f"Error monitoring Host host-{host.NAME.split('-')[1]} ({oid}): " in host.TEMPLATE["ERROR"]
    assert oned.ok("one.host.monitoring", oid) == "<MONITORING_DATA></MONITORING_DATA>"
    one.host.update(oid, "IM_MAD = dummy", 1)
    one.host.status(oid, 0)
    host = wait(one, oid, MONITORED)
    assert "ERROR" not in host.TEMPLATE
    one.host.delete(oid)


def test_body_of_a_new_host(oned: Daemon) -> None:
    name = unique("body")
    oid = oned.ok("one.host.allocate", name, "dummy", "x&y", 0)
    oned.ok("one.host.status", oid, 2)
    body = str(oned.ok("one.host.info", oid)).split("<MONITORING>")[0].removesuffix("<MONITORING/></HOST>")
    assert body.startswith(
        f"<HOST><ID>{oid}</ID><NAME>{name}</NAME><STATE>8</STATE><PREV_STATE>8</PREV_STATE><IM_MAD>dummy</IM_MAD>"
        "<VM_MAD>x&amp;y</VM_MAD><CLUSTER_ID>0</CLUSTER_ID><CLUSTER>default</CLUSTER><HOST_SHARE><MEM_USAGE>0</MEM_USAGE>"
        "<CPU_USAGE>0</CPU_USAGE><TOTAL_MEM>0</TOTAL_MEM><TOTAL_CPU>0</TOTAL_CPU><MAX_MEM>0</MAX_MEM><MAX_CPU>0</MAX_CPU>"
        "<RUNNING_VMS>0</RUNNING_VMS><VMS_THREAD>1</VMS_THREAD><DATASTORES>"
    )
    assert "<PCI_DEVICES></PCI_DEVICES><NUMA_NODES></NUMA_NODES></HOST_SHARE><VMS></VMS><TEMPLATE>" in body
    oned.ok("one.host.delete", oid)


def test_wrong_hosts(oned: Daemon, one: Client) -> None:
    oid = new(one)
    name = one.host.info(oid).NAME

    def refused(*params: str | int) -> str:
        return oned.fails(INTERNAL, "one.host.allocate", *params).removeprefix("[one.host.allocate] ")

    assert refused(name, "dummy", "dummy", 0) == f"NAME is already taken by HOST {oid}."
    assert refused("", "dummy", "dummy", 0) == "Invalid NAME, it cannot be empty"
    assert refused("a<b", "dummy", "dummy", 0) == "Invalid NAME, char '<' is not allowed"
    assert refused("fine", "", "dummy", 0) == "IM_MAD_NAME cannot be empty."
    assert refused("fine", "dummy", "", 0) == "VMM_MAD_NAME cannot be empty."
    text = oned.fails(NO_EXISTS, "one.host.allocate", "fine", "dummy", "dummy", 77777)
    assert text == "[one.host.allocate] Error getting cluster [77777]."
    one.host.delete(oid)


def test_names(oned: Daemon, one: Client) -> None:
    first, second = new(one), new(one)
    name = one.host.info(second).NAME
    text = oned.fails(ACTION, "one.host.rename", first, name)
    assert text.endswith(f"host cannot be renamed to {name} because it collides with host {second}")
    assert oned.fails(ACTION, "one.host.rename", first, "a'b").endswith("char ''' is not allowed")
    assert one.host.rename(second, name) == second
    assert one.host.rename(first, f"{name}-2") == first
    assert str(one.host.info(first).NAME) == f"{name}-2"
    for oid in (first, second):
        one.host.delete(oid)


def test_status(oned: Daemon, one: Client) -> None:
    oid = new(one)
    wait(one, oid, MONITORED)
    assert one.host.status(oid, 1) == oid
    assert one.host.info(oid).STATE == DISABLED
    one.host.status(oid, 2)
    host = one.host.info(oid)
    assert (host.STATE, host.HOST_SHARE.TOTAL_CPU, host.HOST_SHARE.MAX_MEM) == (OFFLINE, 0, 0)
    text = oned.fails(INTERNAL, "one.host.status", oid, 3)
    assert text == "[one.host.status] Wrong status code"
    one.host.status(oid, 0)
    wait(one, oid, MONITORED)
    assert shares(one, oid) == (800, 16 * 2**20)
    one.host.delete(oid)


def test_reservations(one: Client) -> None:
    cluster = one.cluster.allocate(unique("reserved"))
    oid = new(one, cluster=cluster)
    wait(one, oid, MONITORED)
    one.cluster.update(cluster, "RESERVED_CPU = 50%\nRESERVED_MEM = 1048576", 1)
    assert shares(one, oid) == (400, 15 * 2**20)
    one.host.update(oid, "RESERVED_CPU = -200", 1)
    assert shares(one, oid) == (1000, 15 * 2**20)
    one.cluster.delhost(cluster, oid)
    assert shares(one, oid) == (1000, 16 * 2**20)
    one.cluster.addhost(cluster, oid)
    one.host.update(oid, "RESERVED_MEM = 10%", 1)
    one.cluster.update(cluster, "RESERVED_MEM = 0", 1)
    assert shares(one, oid) == (1000, int(16 * 2**20 * 0.9))
    one.host.status(oid, 2)
    one.host.status(oid, 0)
    wait(one, oid, MONITORED)
    assert shares(one, oid) == (1000, int(16 * 2**20 * 0.9))
    one.host.delete(oid)
    one.cluster.delete(cluster)


def test_update(oned: Daemon, one: Client) -> None:
    oid = new(one)
    wait(one, oid, MONITORED)
    one.host.update(oid, "RACK = 4\nVMS_THREAD = 0", 1)
    host = one.host.info(oid)
    assert (host.TEMPLATE["RACK"], host.TEMPLATE["VMS_THREAD"], host.HOST_SHARE.VMS_THREAD) == ("4", "1", 1)
    one.host.update(oid, "VM_MAD = kvm\nVMS_THREAD = 3", 0)
    host = one.host.info(oid)
    assert (host.IM_MAD, host.VM_MAD, host.HOST_SHARE.VMS_THREAD) == ("dummy", "kvm", 3)
    assert host.TEMPLATE == {"IM_MAD": "dummy", "VM_MAD": "kvm", "VMS_THREAD": "3"}
    assert oned.fails(0x1000, "one.host.update", oid, "", 7).endswith("Wrong update type")
    one.host.update(oid, "ONE_PASSWORD = open-sesame", 1)
    assert "open-sesame" not in str(oned.ok("one.host.info", oid))
    assert one.host.info(oid, True).TEMPLATE["ONE_PASSWORD"] == "open-sesame"
    one.host.delete(oid)


def test_records(oned: Daemon, one: Client) -> None:
    oid = new(one)
    wait(one, oid, MONITORED)
    records = one.host.monitoring(oid).MONITORING
    assert [record.ID for record in records] == [oid]
    for seconds, found in ((-1, 1), (0, 1), (3600, 1)):
        assert str(oned.ok("one.hostpool.monitoring", seconds)).count(f"<ID>{oid}</ID>") == found
    assert str(oned.ok("one.hostpool.monitoring")).count(f"<ID>{oid}</ID>") == 1
    one.host.delete(oid)
    assert f"<ID>{oid}</ID>" not in str(oned.ok("one.hostpool.monitoring"))


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("info", ()),
        ("update", ("A = 1",)),
        ("delete", ()),
        ("rename", ("x",)),
        ("status", (0,)),
        ("monitoring", ()),
    ],
)
def test_hosts_that_are_not_there(oned: Daemon, name: str, params: tuple[str | int, ...]) -> None:
    for oid in (-1, 88888, 2**31 - 1):
        answer = oned.call(f"one.host.{name}", oid, *params)
        assert (answer[0], answer[2]) == (False, NO_EXISTS)


def test_rights(oned: Daemon, one: Client, joe: str) -> None:
    oid = new(one)
    assert oned.ok("one.hostpool.info", session=joe) == "<HOST_POOL></HOST_POOL>"
    assert oned.ok("one.hostpool.monitoring", session=joe) == "<MONITORING_DATA></MONITORING_DATA>"
    text = oned.fails(AUTHORIZATION, "one.host.allocate", "joes", "dummy", "dummy", 0, session=joe)
    assert text.endswith("Not authorized to perform CREATE HOST; Not authorized to perform ADMIN CLUSTER [0].")
    calls: dict[str, tuple[str | int, ...]] = {
        "info": (),
        "monitoring": (),
        "update": ("A = 1",),
        "rename": ("x",),
        "status": (1,),
        "delete": (),
    }
    for name, params in calls.items():
        oned.fails(AUTHORIZATION, f"one.host.{name}", oid, *params, session=joe)
    one.acl.addrule("200000001", f"{HOST_RULE + oid:x}", "3")
    for name in ("info", "monitoring"):
        assert oned.ok(f"one.host.{name}", oid, session=joe)
    assert str(oned.ok("one.hostpool.info", session=joe)).count("<HOST>") == 1
    for name in ("update", "rename", "status", "delete"):
        text = oned.fails(AUTHORIZATION, f"one.host.{name}", oid, *calls[name], session=joe)
        assert text.endswith(f"Not authorized to perform ADMIN HOST [{oid}].")
    one.acl.addrule("200000001", f"{HOST_RULE + oid:x}", "4")
    assert oned.ok("one.host.status", oid, 1, session=joe) == oid
    assert oned.ok("one.host.delete", oid, session=joe) == oid


def test_rights_by_cluster(oned: Daemon, one: Client) -> None:
    name = unique("cluster-user")
    uid = int(oned.ok("one.user.allocate", name, "word", "core"))
    session = f"{name}:word"
    cluster = one.cluster.allocate(name)
    oid = new(one, cluster=cluster)
    oned.fails(AUTHORIZATION, "one.host.info", oid, session=session)
    one.acl.addrule(f"{0x100000000 + uid:x}", f"{0x2000000000 + 0x800000000 + cluster:x}", "1")
    assert oned.ok("one.host.info", oid, session=session)
    assert str(oned.ok("one.hostpool.info", session=session)).count("<HOST>") == 1
    one.cluster.delhost(cluster, oid)
    oned.fails(AUTHORIZATION, "one.host.info", oid, session=session)
    assert oned.ok("one.hostpool.info", session=session) == "<HOST_POOL></HOST_POOL>"
    one.host.delete(oid)
    one.cluster.delete(cluster)


def test_a_host_with_machines(oned: Daemon, one: Client) -> None:
    oid = new(one)
    wait(one, oid, MONITORED)
    small, large = (int(one.vm.allocate(f"CPU = {cpu}\nMEMORY = 256", True)) for cpu in (1.5, 7))
    one.vm.deploy(small, oid, True)
    share = one.host.info(oid).HOST_SHARE
    taken = (share.CPU_USAGE, share.MEM_USAGE, share.RUNNING_VMS)
    assert taken == (150, 256 * 1024, 1)
    assert list(one.host.info(oid).VMS.ID) == [small]
    text = oned.fails(ACTION, "one.vm.deploy", large, oid, True)
    assert text == (
        f"[one.vm.deploy] virtual machine [{large}] does not fit in host [{oid}]. Not enough CPU: 700/650"
    )
    text = oned.fails(ACTION, "one.host.delete", oid)
    assert text == "[one.host.delete] Cannot delete host. Can not remove a host with running VMs"
    one.host.rename(oid, f"renamed-{oid}")
    assert str(one.vm.info(small).HISTORY_RECORDS.HISTORY[0].HOSTNAME) == f"renamed-{oid}"
    one.vm.deploy(large, oid, False)
    assert int(one.host.info(oid).HOST_SHARE.CPU_USAGE) == 850
    for vm in (small, large):
        one.vm.recover(vm, 5)
    share = one.host.info(oid).HOST_SHARE
    taken = (share.CPU_USAGE, share.MEM_USAGE, share.RUNNING_VMS)
    assert taken == (0, 0, 0)
    one.host.delete(oid)


def test_many_at_once(oned: Daemon, one: Client) -> None:
    """One name is given once, and a host that many move is in one cluster in the end."""
    name = unique("only")
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: oned.call("one.host.allocate", name, "dummy", "dummy", -1), range(32)))
    won = [int(answer[1]) for answer in answers if answer[0]]
    assert len(won) == 1
    clusters = [int(one.cluster.allocate(f"{name}-{number}")) for number in range(4)]
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda n: oned.ok("one.cluster.addhost", clusters[n % 4], won[0]), range(64)))
    home = int(one.host.info(won[0]).CLUSTER_ID)
    assert home in clusters
    for cluster in (0, *clusters):
        assert (won[0] in one.cluster.info(cluster).HOSTS.ID) is (cluster == home)
    one.host.delete(won[0])
    for cluster in clusters:
        one.cluster.delete(cluster)


def test_pool(oned: Daemon, one: Client) -> None:
    made = [new(one) for _ in range(3)]
    found = {host.ID: host for host in one.hostpool.info().HOST}
    assert set(made) <= set(found)
    assert found[made[0]].IM_MAD == "dummy"
    assert str(oned.ok("one.hostpool.info")).count("<MONITORING/></HOST>") == len(found)
    for oid in made:
        one.host.delete(oid)
    with pytest.raises(pyone.OneNoExistsException):
        one.host.info(made[0])
