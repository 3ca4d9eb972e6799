"""Rows about machines: what they were seen to use, and what they cost."""

import time
from itertools import pairwise

import pytest
from sqlalchemy import insert, select

from oned.database.db import Database, Transaction
from oned.database.schema import history, vm_monitoring, vm_showback
from oned.model.history import History
from oned.vm import monitoring
from oned.vm.showback import Prices, calculate, months, window
from onelib.template import Template
from onelib.template_xml import parse_xml
from tests.unit.oned.vm_objects import machine, record


def seen(transaction: Transaction) -> list[tuple[int, int, str]]:
    columns = vm_monitoring.c
    rows = transaction.rows(
        select(columns.vmid, columns.last_poll, columns.body).order_by(*vm_monitoring.primary_key)
    )
    return [(int(row[0]), int(row[1]), Template(parse_xml(str(row[2]), 99)).get("CPU")) for row in rows]


def test_what_was_seen_is_kept_once_for_a_time_and_ends(database: Database) -> None:
    def steps(transaction: Transaction) -> None:
        monitoring.store(transaction, [])
        rows = [
            monitoring.record(vm, when, Template([("CPU", f"{vm}.{when}")])) for vm in (1, 2) for when in (10, 20)
        ]
        monitoring.store(transaction, rows)
        monitoring.store(transaction, [monitoring.record(1, 20, Template([("CPU", "new")])), rows[0]])
        assert seen(transaction) == [(1, 10, "1.10"), (1, 20, "new"), (2, 10, "2.10"), (2, 20, "2.20")]
        assert sorted(tuple(row) for row in transaction.rows(monitoring.newest())) == [(1, 20), (2, 20)]
        monitoring.expire(transaction, 1000, -1)
        monitoring.expire(transaction, 115, 100)
        monitoring.forget(transaction, 2)
        assert seen(transaction) == [(1, 20, "new")]
        monitoring.expire(transaction, 21, 0)
        assert seen(transaction) == []

    database.submit(steps).result()


def test_a_record_says_machine_and_time() -> None:
    _, _, body = monitoring.record(3, 50, Template([("MEMORY", "7"), ("ID", "9")]))
    assert dict(parse_xml(body, 99)) == {"ID": "3", "MEMORY": "7", "TIMESTAMP": "50"}


def test_the_last_record_goes_into_the_body_and_nowhere_else() -> None:
    vm = machine(user='NOTE = "<MONITORING/><LAST_POLL>0</LAST_POLL>"')
    _, _, body = monitoring.record(7, 50, Template([("NOTE", r"\1 \g<0>")]))
    changed = monitoring.insert_last(vm.to_xml(), body, 50)
    again = type(vm).from_xml(changed)
    assert (again.last_poll, again.monitoring.get("NOTE")) == (50, r"\1 \g<0>")
    assert again.user_template == vm.user_template


HOUR = 3600.0
COSTS = ("CPU_COST", "MEMORY_COST", "DISK_COST", "HOURS")


@pytest.fixture
def may() -> float:
    return time.mktime((2020, 5, 1, 0, 0, 0, 0, 0, -1))


def test_months_end_where_the_next_begin(may: float) -> None:
    december = time.mktime((2019, 12, 31, 23, 0, 0, 0, 0, -1))
    slots = months(december, may + 5)
    assert [(slot.year, slot.month) for slot in slots] == [(2019, 12), *((2020, month) for month in range(1, 6))]
    assert all(one.end == two.start for one, two in pairwise(slots))
    assert slots[-1].end == may + 5
    assert months(may, may) == []


def stay(transaction: Transaction, one: History, template: str) -> None:
    vm_xml = machine(template=template).to_xml(slice(0))
    row = {"vid": one.oid, "seq": one.seq, "stime": one.stime, "etime": one.etime, "body": one.to_xml(vm_xml)}
    transaction.write(insert(history), row)


def costs(transaction: Transaction) -> dict[tuple[int, int], dict[str, object]]:
    columns = vm_showback.c
    rows = transaction.rows(select(columns.vmid, columns.month, columns.body))
    return {(int(row[0]), int(row[1])): dict(parse_xml(str(row[2]), 99)) for row in rows}


def test_stays_cost_what_they_use_in_each_month(database: Database, may: float) -> None:
    template = "CPU = 2\nMEMORY = 10\nDISK = [ SIZE = 100, DISK_SNAPSHOT_TOTAL_SIZE = 20 ]\nCPU_COST = 0.5"
    start, end = int(may - HOUR), int(may + 3 * HOUR)

    def steps(transaction: Transaction) -> None:
        stay(transaction, record(0, stime=start, etime=end, rstime=start, retime=int(may)), template)
        stay(transaction, record(1, stime=end, rstime=end), template)
        slots = window(transaction, (-1, -1), (5, 2020), may + 5 * HOUR)
        calculate(transaction, slots, Prices(cpu=9.0, memory=0.1, disk=0.001))
        first = costs(transaction)
        assert first[7, 4] == {
            "VMID": "7",
            "VMNAME": "web",
            "UID": "2",
            "GID": "1",
            "UNAME": "joe",
            "GNAME": "users",
            "YEAR": "2020",
            "MONTH": "4",
            "CPU_COST": "1",
            "MEMORY_COST": "1",
            "DISK_COST": "0.12",
            "TOTAL_COST": "2.12",
            "HOURS": "1",
        }
        assert [first[7, 5][key] for key in ("CPU_COST", "MEMORY_COST", "DISK_COST", "HOURS")] == [
            "5",
            "5",
            "0.60",
            "5",
        ]
        calculate(transaction, slots, Prices(memory=0.1, only_running=True))
        running = costs(transaction)
        assert [running[7, 5][key] for key in ("CPU_COST", "MEMORY_COST", "DISK_COST", "HOURS")] == [
            "2",
            "2",
            "0",
            "5",
        ]
        assert len(running) == 2

    database.submit(steps).result()


def test_nothing_costs_nothing(database: Database, may: float) -> None:
    def steps(transaction: Transaction) -> None:
        calculate(transaction, window(transaction, (-1, -1), (-1, -1), may), Prices())
        calculate(transaction, window(transaction, (4, 2020), (5, 2020), may), Prices())
        assert costs(transaction) == {}

    database.submit(steps).result()
