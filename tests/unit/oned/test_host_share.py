"""Capacity of hosts: reservations, PCI devices, NUMA nodes."""

import pytest

from oned.infrastructure.capacity import Request, add, cpu_units, remove, shortage
from oned.model import numa, pci, pinning
from oned.model.host import Host, HostState, state_of
from oned.model.host_share import HostShare, after_reservation
from onelib.template import Template
from onelib.template_xml import parse_root


def a_host(cpu: int = 800, memory: int = 2**20) -> Host:
    host = Host.new("h", "dummy", "dummy", 0, "default")
    share = host.share
    share.total_cpu = share.max_cpu = cpu
    share.total_mem = share.max_mem = memory
    return host


def again(host: Host) -> Host:
    """As the database gives it back."""
    return Host.from_xml(host.to_xml())


@pytest.mark.parametrize(
    ("total", "reserved", "left"),
    [
        (800, "", 800),
        (800, "100", 700),
        (800, "-100", 900),
        (800, "25%", 600),
        (801, "50%", 400),
        (800, "-50%", 1200),
        (800, " 100 ", 700),
        (800, "10 %", 800),
        (800, "1.5", 800),
        (800, "all", 800),
        (0, "100", -100),
    ],
)
def test_reservations(total: int, reserved: str, left: int) -> None:
    assert after_reservation(total, reserved) == left


@pytest.mark.parametrize(
    ("cpu", "units"), [(1, 100), (0.1, 10), (0.29, 29), (0.57, 57), (0.001, 0), (1.005, 100), (2.5, 250)]
)
def test_cpu_counts_in_single_precision(cpu: float, units: int) -> None:
    assert cpu_units(cpu) == units


@pytest.mark.parametrize(("number", "state"), [(0, 0), (1, 2), (2, 2), (5, 3), (6, 0), (7, 4), (8, 8), (99, 0)])
def test_states_of_older_releases(number: int, state: int) -> None:
    assert state_of(number) is HostState(state)


def test_a_machine_comes_once_and_goes_once() -> None:
    host = a_host()
    request = Request.of(7, 1.5, 512)
    for _ in range(2):
        add(host, request)
        share = host.share
        assert (host.vms, share.cpu_usage, share.mem_usage, share.running_vms) == ({7}, 150, 512 * 1024, 1)
    host = again(host)
    for _ in range(2):
        remove(host, request)
        assert (host.vms, host.share.cpu_usage, host.share.mem_usage, host.share.running_vms) == (set(), 0, 0, 0)


def test_what_is_missing() -> None:
    host = a_host(cpu=100, memory=1024)
    assert shortage(host, Request.of(1, 1, 1)) == ""
    assert shortage(host, Request.of(1, 1.01, 1)) == "Not enough CPU: 101/100"
    assert shortage(host, Request.of(1, 1, 2)) == "Not enough memory: 2048/1024"
    template = Template([("PCI", {"VENDOR": "10de"})])
    assert shortage(host, Request.of(1, 1, 1, template)) == "Unavailable PCI device."
    template = Template([("TOPOLOGY", {"PIN_POLICY": "CORE"}), ("NUMA_NODE", {"TOTAL_CPUS": "1", "MEMORY": "1"})])
    assert shortage(host, Request.of(1, 1, 1, template)) == "Cannot allocate NUMA topology"


def test_a_share_survives_the_database() -> None:
    host = a_host()
    report = Template.from_text(
        "DS_LOCATION_TOTAL_MB = 100\nDS_LOCATION_FREE_MB = 60\nDS_LOCATION_USED_MB = 40\nDS = [ ID = 0, FREE_MB = 5 ]\n"
        'PCI = [ ADDRESS = "0000:02:00:0", VENDOR = "10de", DEVICE = "0863", CLASS = "0300" ]\n'
        'CORE = [ NODE_ID = 0, ID = 0, CPUS = "0,4" ]\nMEMORY_NODE = [ NODE_ID = 0, TOTAL = 1000, DISTANCE = "0" ]\n'
        "HUGEPAGE = [ NODE_ID = 0, SIZE = 2048, PAGES = 10, FREE = 9 ]\nKEPT = 1"
    )
    host.share.monitored(report)
    assert list(report) == [("KEPT", "1")]
    assert again(host) == host
    disks = host.share.datastores
    assert [disks.get(name) for name in ("MAX_DISK", "FREE_DISK", "USED_DISK", "DISK_USAGE")] == [
        "100",
        "60",
        "40",
        "0",
    ]
    assert disks.vectors("DS") == [{"ID": "0", "FREE_MB": "5"}]
    host.share.monitored(Template())
    assert host.share.datastores.vectors("DS") == []
    assert host.share.devices == []
    assert len(host.share.nodes) == 1


def test_a_share_without_disks_gets_them() -> None:
    share = HostShare.of(parse_root("<HOST><HOST_SHARE><VMS_THREAD>0</VMS_THREAD></HOST_SHARE></HOST>", 100))
    assert share == HostShare()


STORED = """<HOST>
  <ID>3</ID><NAME>node3</NAME><STATE>2</STATE><PREV_STATE>2</PREV_STATE><IM_MAD>kvm</IM_MAD><VM_MAD>kvm</VM_MAD>
  <CLUSTER_ID>100</CLUSTER_ID><CLUSTER>edge</CLUSTER>
  <HOST_SHARE><MEM_USAGE>1048576</MEM_USAGE><CPU_USAGE>50</CPU_USAGE><TOTAL_MEM>16318480</TOTAL_MEM>
    <TOTAL_CPU>800</TOTAL_CPU><MAX_MEM>16318480</MAX_MEM><MAX_CPU>800</MAX_CPU><RUNNING_VMS>2</RUNNING_VMS>
    <VMS_THREAD>1</VMS_THREAD>
    <DATASTORES><DISK_USAGE><![CDATA[0]]></DISK_USAGE><DS><FREE_MB><![CDATA[9]]></FREE_MB><ID><![CDATA[0]]></ID></DS>
      <FREE_DISK><![CDATA[25]]></FREE_DISK><MAX_DISK><![CDATA[46]]></MAX_DISK><USED_DISK><![CDATA[21]]></USED_DISK>
    </DATASTORES>
    <PCI_DEVICES><PCI><ADDRESS><![CDATA[0000:00:02:0]]></ADDRESS><VMID><![CDATA[-1]]></VMID></PCI></PCI_DEVICES>
    <NUMA_NODES><NODE>
      <CORE><CPUS><![CDATA[0:-1,4:12]]></CPUS><DEDICATED><![CDATA[NO]]></DEDICATED><FREE><![CDATA[1]]></FREE>
        <ID><![CDATA[0]]></ID></CORE>
      <MEMORY><DISTANCE><![CDATA[0]]></DISTANCE><FREE><![CDATA[1]]></FREE><TOTAL><![CDATA[2]]></TOTAL>
        <USAGE><![CDATA[0]]></USAGE><USED><![CDATA[1]]></USED></MEMORY>
      <NODE_ID><![CDATA[0]]></NODE_ID></NODE></NUMA_NODES>
  </HOST_SHARE>
  <VMS><ID>12</ID><ID>15</ID></VMS>
  <TEMPLATE><ARCH><![CDATA[x86_64]]></ARCH><RESERVED_CPU><![CDATA[]]></RESERVED_CPU></TEMPLATE>
  <MONITORING/>
</HOST>"""


def test_a_body_of_upstream_is_written_back_as_it_was() -> None:
    host = Host.from_xml(STORED)
    assert host.vms == {12, 15}
    assert host.to_xml() == "".join(line.strip() for line in STORED.splitlines())


DEVICES = [
    {
        "ADDRESS": "0000:02:00:0",
        "VENDOR": "10de",
        "DEVICE": "0863",
        "CLASS": "0300",
        "VMID": "-1",
        "NUMA_NODE": "1",
    },
    {
        "ADDRESS": "0000:01:00:0",
        "VENDOR": "10de",
        "DEVICE": "0863",
        "CLASS": "0300",
        "VMID": "-1",
        "NUMA_NODE": "-1",
    },
    {"ADDRESS": "0000:03:00:0", "VENDOR": "8086", "DEVICE": "1533", "CLASS": "0200", "VMID": "3"},
]


def devices() -> list[pci.Device]:
    return [dict(device) for device in DEVICES]


@pytest.mark.parametrize(
    ("asked", "fit"),
    [
        ([], True),
        ([{"VENDOR": "10DE"}], True),
        ([{"VENDOR": "0x10de", "DEVICE": "863"}] * 2, True),
        ([{"CLASS": "0300"}] * 3, False),
        ([{"VENDOR": "8086"}], False),
        ([{"VENDOR": "10de", "CLASS": "zz"}], False),
        ([{}], False),
        ([{"VENDOR": "zz"}], False),
    ],
)
def test_devices_that_are_there(asked: list[pci.Device], fit: bool) -> None:
    assert pci.fits(devices(), [dict(request) for request in asked]) is fit


def test_devices_come_and_go() -> None:
    there, asked = devices(), [{"VENDOR": "10de"}, {"VENDOR": "10de"}, {"VENDOR": "10de"}]
    pci.assign(there, asked, 9)
    assert [request.get("ADDRESS") for request in asked] == ["0000:01:00:0", "0000:02:00:0", None]
    assert [request.get("NUMA_NODE") for request in asked] == [None, "1", None]
    assert [device["VMID"] for device in there] == ["9", "9", "3"]
    pci.release(there, asked, 8)
    assert [device["VMID"] for device in there] == ["9", "9", "3"]
    pci.release(there, asked, 9)
    assert [device["VMID"] for device in there] == ["-1", "-1", "3"]
    assert all("ADDRESS" not in request for request in asked)


def test_devices_of_a_machine_that_migrates() -> None:
    old, new, asked = devices(), devices()[:1], [{"VENDOR": "10de"}]
    pci.assign(old, asked, 9)
    pci.assign(new, asked, 9)
    assert (asked[0]["ADDRESS"], asked[0]["PREV_ADDRESS"]) == ("0000:02:00:0", "0000:01:00:0")
    back = [dict(request) for request in asked]
    pci.release(old, asked, 9)
    assert asked[0]["ADDRESS"] == "0000:02:00:0"
    assert [device["VMID"] for device in old] == ["-1", "-1", "3"]
    pci.revert(old, back)
    assert back[0]["ADDRESS"] == "0000:01:00:0"
    assert "PREV_ADDRESS" not in back[0]


def test_devices_that_disappear() -> None:
    there = devices()
    after = pci.monitored(there, [{"ADDRESS": "0000:09:00:0", "VENDOR": "1"}, {"ADDRESS": ""}, {"VENDOR": "2"}])
    assert {device["ADDRESS"]: device["VMID"] for device in after} == {"0000:03:00:0": "3", "0000:09:00:0": "-1"}
    assert pci.monitored(after, [dict(device) for device in after]) == after


def nodes(count: int = 2, cores: int = 2, threads: int = 2, memory: int = 1000) -> list[Template]:
    """Nodes with cores of so many threads each; thread n of core c has the number c + n * all cores."""
    report = Template()
    for node in range(count):
        for core in range(node * cores, (node + 1) * cores):
            cpus = ",".join(str(core + thread * count * cores) for thread in range(threads))
            report.add("CORE", {"NODE_ID": str(node), "ID": str(core), "CPUS": cpus})
        distance = " ".join(str((node + hop) % count) for hop in range(count))
        report.add("MEMORY_NODE", {"NODE_ID": str(node), "TOTAL": str(memory), "DISTANCE": distance})
        report.add("HUGEPAGE", {"NODE_ID": str(node), "SIZE": "2048", "PAGES": "2", "FREE": "2"})
    return numa.monitored([], report, 1)


def pin(vm: int, *wanted: tuple[int, int], near: set[int] | None = None, **topology: str) -> pinning.Request:
    asked = [{"TOTAL_CPUS": str(cpus), "MEMORY": str(memory)} for cpus, memory in wanted]
    vcpu = sum(cpus for cpus, _ in wanted)
    return pinning.Request(vm, vcpu, asked, {"PIN_POLICY": "THREAD", "SOCKETS": "1"} | topology, near or set())


def cpus_of(there: list[Template]) -> list[str]:
    return [core["CPUS"] for node in there for core in node.vectors("CORE")]


def used_memory(there: list[Template]) -> list[str]:
    return [node.vector("MEMORY")["USAGE"] for node in there]


def test_threads_of_one_core() -> None:
    there, request = nodes(), pin(5, (2, 300))
    assert pinning.fits(there, 1, request)
    there = pinning.add(there, 1, request)
    assert request.nodes[0] | {"NODE_ID": "1", "CPUS": "2,6", "MEMORY_NODE_ID": "1"} == request.nodes[0]
    assert (request.topology["THREADS"], request.topology["CORES"]) == ("2", "1")
    assert cpus_of(there) == ["0:-1,4:-1", "1:-1,5:-1", "2:5,6:5", "3:-1,7:-1"]
    assert used_memory(there) == ["0", "300"]
    assert cpus_of(pinning.remove(there, 1, request)) == cpus_of(nodes())
    assert used_memory(pinning.remove(there, 1, request)) == ["0", "0"]


def test_an_odd_number_takes_one_thread_of_each_core() -> None:
    request = pin(5, (3, 1))
    there = pinning.add(nodes(), 1, request)
    assert request.topology["THREADS"] == "1"
    assert request.nodes[0]["CPUS"] == "2,6,3"
    assert cpus_of(there)[2:] == ["2:5,6:5", "3:5,7:-1"]


def test_dedicated_cores() -> None:
    request = pin(5, (2, 1), PIN_POLICY="CORE")
    there = pinning.add(nodes(), 1, request)
    assert request.nodes[0]["CPUS"] == "2,3"
    cores = there[1].vectors("CORE")
    assert [(core["DEDICATED"], core["FREE"]) for core in cores] == [("YES", "0"), ("YES", "0")]
    assert not pinning.fits(there, 1, pin(6, (3, 1), PIN_POLICY="CORE"))
    there = pinning.remove(there, 1, request)
    assert [core["DEDICATED"] for core in there[1].vectors("CORE")] == ["NO", "NO"]


def test_two_virtual_nodes_do_not_take_the_same() -> None:
    request = pin(5, (4, 600), (4, 600))
    there = pinning.add(nodes(), 1, request)
    assert {wanted["NODE_ID"] for wanted in request.nodes} == {"0", "1"}
    assert used_memory(there) == ["600", "600"]
    assert not pinning.fits(there, 1, pin(6, (2, 1)))
    assert not pinning.fits(nodes(), 1, pin(6, (2, 1001)))
    assert not pinning.fits(nodes(), 1, pin(6, (2, 1), THREADS="4"))


def test_memory_of_the_next_node() -> None:
    there = pinning.add(nodes(), 1, pin(4, (0, 900)))
    request = pin(5, (4, 900))
    there = pinning.add(there, 1, request)
    assert request.nodes[0]["MEMORY_NODE_ID"] == request.nodes[0]["NODE_ID"] == "0"
    assert used_memory(there) == ["900", "900"]


def test_near_a_device() -> None:
    request = pin(5, (2, 1), near={0})
    pinning.add(nodes(), 1, request)
    assert request.nodes[0]["NODE_ID"] == "0"


def test_huge_pages() -> None:
    there, request = nodes(memory=10**6), pin(5, (2, 2 * 2048), HUGEPAGE_SIZE="2")
    there = pinning.add(there, 1, request)
    assert [node.vector("HUGEPAGE")["USAGE"] for node in there] == ["0", "2"]
    assert not pinning.fits(there, 1, pin(6, (2, 3 * 2048), HUGEPAGE_SIZE="2"))
    assert not pinning.fits(there, 1, pin(6, (2, 1), HUGEPAGE_SIZE="1024"))
    there = pinning.remove(there, 1, request)
    assert [node.vector("HUGEPAGE")["USAGE"] for node in there] == ["0", "0"]


def test_several_machines_on_a_thread() -> None:
    there = numa.recount(nodes(count=1, cores=1), 2)
    assert there[0].vectors("CORE")[0]["FREE"] == "4"
    for vm in (1, 2):
        there = pinning.add(there, 2, pin(vm, (2, 1)))
    assert cpus_of(there) == ["0:1,0:2,1:1,1:2"]
    assert not pinning.fits(there, 2, pin(3, (1, 1)))
    assert numa.recount(there, 1)[0].vectors("CORE")[0]["FREE"] == "0"


def test_threads_that_are_kept_free() -> None:
    there = pinning.add(nodes(count=1), 1, pin(1, (1, 1)))
    isolated = numa.isolate(there, "0,1,x", 1)
    assert cpus_of(isolated) == ["0:1,2:-1", "1:-2,3:-1"]
    assert [core["FREE"] for core in isolated[0].vectors("CORE")] == ["1", "1"]
    assert cpus_of(numa.isolate(isolated, "", 1)) == cpus_of(there)


def test_reports_keep_who_has_what() -> None:
    there = pinning.add(nodes(), 1, pin(5, (2, 300)))
    report = Template([("MEMORY_NODE", {"NODE_ID": "1", "TOTAL": "2000", "FREE": "7", "DISTANCE": "1 0"})])
    report.add("CORE", {"NODE_ID": "1", "ID": "2", "CPUS": "2,6"})
    report.add("HUGEPAGE", {"NODE_ID": "x", "SIZE": "1"})
    after = numa.monitored(there, report, 1)
    assert cpus_of(after) == cpus_of(there)
    assert after[1].vector("MEMORY")["TOTAL"] == "2000"
    assert used_memory(after) == ["0", "300"]


def test_what_is_not_pinned_changes_nothing() -> None:
    request = pinning.Request(1, 1, [{"TOTAL_CPUS": "1"}], {}, set())
    there = nodes()
    assert pinning.fits(there, 1, request)
    assert pinning.add(there, 1, request) is there
    assert pinning.remove(there, 1, request) is there
