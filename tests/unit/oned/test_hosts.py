"""What monitoring reports of hosts, on a database of its own."""

import base64
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import insert, select

from oned.access.acl import Kind
from oned.config import Settings, read_settings
from oned.database.db import Database, Transaction
from oned.database.pools import create, load, save
from oned.database.schema import event, host_monitoring, metadata, task, vm_import
from oned.errors import ActionError, NoExistsError
from oned.infrastructure import capacity, hosts
from oned.infrastructure.machine_reports import set_zombies
from oned.model.cluster import Cluster, new_template
from oned.model.host import Host, HostState
from onelib.driver import DriverError
from onelib.locations import Locations
from onelib.template import Template

REPORT = """
HYPERVISOR = dummy
TOTALCPU = 400
TOTALMEMORY = 1048576
DS_LOCATION_TOTAL_MB = 50
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "var/lib/one").mkdir(parents=True)
    return read_settings(tmp_path / "none", Locations(tmp_path))


@pytest.fixture
def transaction(settings: Settings) -> Iterator[Transaction]:
    database = Database(settings.database)
    metadata.create_all(database.engine)
    with database.transaction() as transaction:
        cluster = Cluster(-1, "c", template=new_template())
        cluster.template.set("RESERVED_CPU", "100")
        create(transaction, cluster)
        create(transaction, Host.new("h", "dummy", "dummy", 0, "c"))
        yield transaction
    database.close()


def host(transaction: Transaction) -> Host:
    return load(transaction, Host, 0)


def put(transaction: Transaction, state: HostState, **changes: object) -> None:
    found = host(transaction)
    found.state = found.prev_state = state
    for name, value in changes.items():
        setattr(found, name, value)
    save(transaction, found)


def told(transaction: Transaction) -> list[str]:
    """The first key of each event."""
    return [
        str(row[0]).split("\n", maxsplit=1)[0]
        for row in transaction.rows(select(event.c.topics).order_by(event.c.id))
    ]


def test_a_report_makes_a_host_usable(transaction: Transaction) -> None:
    hosts.system_info(transaction, 0, Template.from_text(REPORT))
    found = host(transaction)
    share = found.share
    assert (found.state, found.prev_state) == (HostState.MONITORED, HostState.MONITORED)
    assert (share.total_cpu, share.max_cpu, share.total_mem, share.max_mem) == (400, 300, 1048576, 1048576)
    assert share.datastores.get("MAX_DISK") == "50"
    assert (found.template.get("HYPERVISOR"), "TOTALCPU" in found.template) == ("dummy", False)
    assert told(transaction) == ["EVENT HOST 0/MONITORED/ "]
    hosts.system_info(transaction, 0, Template.from_text("HYPERVISOR = kvm"))
    assert host(transaction).share.max_cpu == 300
    assert len(told(transaction)) == 1


@pytest.mark.parametrize("state", [HostState.DISABLED, HostState.OFFLINE])
def test_reports_of_hosts_that_are_not_wanted(transaction: Transaction, state: HostState) -> None:
    put(transaction, state)
    hosts.system_info(transaction, 0, Template.from_text(REPORT))
    assert host(transaction).state is state
    assert bool(host(transaction).share.total_cpu) is (state is HostState.DISABLED)
    for wanted in (HostState.MONITORED, HostState.ERROR):
        hosts.set_state(transaction, 0, wanted, "broken")
        assert host(transaction).state is state
    assert ("broken" in host(transaction).template.get("ERROR")) is (state is HostState.DISABLED)
    assert told(transaction) == []


def test_errors_come_and_go(transaction: Transaction) -> None:
    put(transaction, HostState.MONITORED, vms={4, 7})
    assert hosts.set_state(transaction, 0, HostState.MONITORED) == set()
    assert hosts.set_state(transaction, 0, HostState.ERROR, "no route") == {4, 7}
    assert hosts.set_state(transaction, 0, HostState.ERROR, "again") == set()
    assert host(transaction).template.get("ERROR").endswith(" : Error monitoring Host h (0): no route")
    assert told(transaction) == ["EVENT HOST 0/ERROR/ "]
    hosts.system_info(transaction, 0, Template())
    assert host(transaction).state is HostState.MONITORED
    assert "ERROR" not in host(transaction).template


def test_event_of_a_state(transaction: Transaction) -> None:
    hosts.set_state(transaction, 0, HostState.MONITORED)
    topics, body = transaction.rows(select(event.c.topics, event.c.body))[0]
    assert topics == "EVENT HOST 0/MONITORED/ \nEVENT STATE HOST/MONITORED//0 "
    assert body.startswith(
        "<HOOK_MESSAGE><HOOK_TYPE>STATE</HOOK_TYPE><HOOK_OBJECT>HOST</HOOK_OBJECT><STATE>MONITORED</STATE>"
        "<REMOTE_HOST>h</REMOTE_HOST><RESOURCE_ID>0</RESOURCE_ID><HOST><ID>0</ID>"
    )
    assert "<STATE>2</STATE><PREV_STATE>0</PREV_STATE>" in body


def test_machines_that_are_not_ours(transaction: Transaction) -> None:
    transaction.write(insert(vm_import), {"deploy_id": "imported", "vmid": 9})
    report = Template()
    for oid, deploy_id, name in (
        ("-1", "wild-1", "web"),
        ("-1", "imported", ""),
        ("5", "one-5", ""),
        ("-1", "w2", ""),
    ):
        report.add("VM", {"ID": oid, "DEPLOY_ID": deploy_id} | ({"VM_NAME": name} if name else {}))
    hosts.system_info(transaction, 0, report)
    template = host(transaction).template
    assert (template.get("TOTAL_WILDS"), template.get("WILDS")) == ("2", "web, w2")
    assert [machine["DEPLOY_ID"] for machine in template.vectors("VM")] == ["wild-1", "w2"]
    hosts.system_info(transaction, 0, Template())
    assert {"VM", "WILDS", "TOTAL_WILDS"}.isdisjoint(host(transaction).template.names())


def test_machines_that_should_not_be_there(transaction: Transaction) -> None:
    set_zombies(transaction, 0, {12, 3})
    template = host(transaction).template
    assert (template.get("TOTAL_ZOMBIES"), template.get("ZOMBIES")) == ("2", "3, 12")
    set_zombies(transaction, 0, set())
    assert "ZOMBIES" not in host(transaction).template


def records(transaction: Transaction) -> list[int]:
    return [
        int(row[0]) for row in transaction.rows(select(host_monitoring.c.last_mon_time).order_by("last_mon_time"))
    ]


def test_records_are_kept_for_a_while(transaction: Transaction) -> None:
    now = int(time.time())
    for age in (5000, 600, 0, 0):
        report = Template.from_text(f'FREECPU = {age}\nUSEDMEMORY = "1.5"\nNETTX = 9\nOTHER = 1')
        hosts.add_monitoring(transaction, 0, report, timestamp=now - age, retention=1000)
    assert records(transaction) == [now - 600, now]
    assert hosts.last_monitoring(transaction, 0) == (
        f"<MONITORING><TIMESTAMP>{now}</TIMESTAMP><ID>0</ID><CAPACITY><FREE_CPU><![CDATA[0]]></FREE_CPU>"
        "<USED_MEMORY><![CDATA[0]]></USED_MEMORY></CAPACITY><SYSTEM><NETTX><![CDATA[9]]></NETTX></SYSTEM></MONITORING>"
    )
    assert hosts.last_monitoring(transaction, 1) == ""


def test_only_the_last_question_counts(transaction: Transaction) -> None:
    hosts.ask_monitor(transaction, host(transaction), hosts.START)
    hosts.ask_monitor(transaction, host(transaction), hosts.STOP)
    rows = transaction.rows(select(task.c.kind, task.c.object, task.c.oid, task.c.lane))
    assert [tuple(row) for row in rows] == [("host.unmonitor", Kind.HOST.name, 0, "im:dummy")]


def answer(**sections: str) -> str:
    parts = (f"<{name}>{base64.b64encode(text.encode()).decode()}</{name}>" for name, text in sections.items())
    return f"<MONITOR_MESSAGES>{''.join(parts)}</MONITOR_MESSAGES>"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no xml",
        "<MONITOR_MESSAGES/>",
        "<MONITOR_MESSAGES><SYSTEM_HOST>?</SYSTEM_HOST><MONITOR_HOST/></MONITOR_MESSAGES>",
        answer(SYSTEM_HOST="A = ["),
        answer(SYSTEM_HOST="", MONITOR_HOST=" "),
    ],
)
def test_first_reports_that_say_nothing(transaction: Transaction, settings: Settings, text: str) -> None:
    hosts.RESULTS[hosts.START](transaction, {"oid": 0, "settings": settings}, text)
    assert (host(transaction).share.total_cpu, records(transaction)) == (0, [])


def test_first_reports(transaction: Transaction, settings: Settings) -> None:
    apply = hosts.RESULTS[hosts.START]
    payload = {"oid": 0, "settings": settings}
    apply(transaction, payload, answer(SYSTEM_HOST=REPORT, MONITOR_HOST="FREECPU = 4"))
    assert host(transaction).share.total_cpu == 400
    assert len(records(transaction)) == 1
    apply(transaction, payload, DriverError("probes failed"))
    assert host(transaction).state is HostState.ERROR
    apply(transaction, {"oid": 77, "settings": settings}, DriverError("gone"))
    hosts.RESULTS[hosts.STOP](transaction, payload, DriverError("gone"))
    with pytest.raises(NoExistsError):
        hosts.set_state(transaction, 77, HostState.ERROR)


def test_capacity_is_taken_once(transaction: Transaction) -> None:
    hosts.system_info(transaction, 0, Template.from_text(REPORT))
    for _ in range(2):
        capacity.reserve(transaction, 0, 5, 2.5, 512, enforce=True)
    assert (host(transaction).share.cpu_usage, host(transaction).share.mem_usage) == (250, 524288)
    wanted = r"virtual machine \[6\] does not fit in host \[0\]\. Not enough CPU: 60/50"
    with pytest.raises(ActionError, match=wanted):
        capacity.reserve(transaction, 0, 6, 0.6, 1, enforce=True)
    with pytest.raises(ActionError, match="Not enough memory: 525312/524288"):
        capacity.reserve(transaction, 0, 6, 0.5, 513, enforce=True)
    capacity.reserve(transaction, 0, 6, 9, 1)
    assert (host(transaction).vms, host(transaction).share.running_vms) == ({5, 6}, 2)
    for _ in range(2):
        capacity.release(transaction, 0, 6, 9, 1)
        capacity.release(transaction, 0, 5, 2.5, 512)
    share = host(transaction).share
    assert (host(transaction).vms, share.cpu_usage, share.mem_usage, share.running_vms) == (set(), 0, 0, 0)


def test_capacity_changes(transaction: Transaction) -> None:
    hosts.system_info(transaction, 0, Template.from_text(REPORT))
    small, large = capacity.Request.of(5, 1, 1), capacity.Request.of(5, 3.1, 1)
    capacity.resize(transaction, 0, small, large, enforce=True)
    assert host(transaction).vms == set()
    capacity.reserve(transaction, 0, 5, 1, 1)
    with pytest.raises(ActionError, match=r"^Not enough CPU: 310/300$"):
        capacity.resize(transaction, 0, small, large, enforce=True)
    assert host(transaction).share.cpu_usage == 100
    capacity.resize(transaction, 0, small, large, enforce=False)
    assert (host(transaction).share.cpu_usage, host(transaction).share.running_vms) == (310, 1)
