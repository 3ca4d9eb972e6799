"""Lists of what was seen of machines and of their history, from rows that are known."""

from collections.abc import Callable

import pytest
from sqlalchemy import insert

from oned.access.acl import Caller
from oned.config import Settings
from oned.database.db import Database, Transaction
from oned.database.listing import Listing
from oned.database.schema import vm_monitoring
from oned.methods import vm as methods
from oned.methods import vmpool
from oned.methods.call import Call
from oned.model.vm import Vm
from oned.model.vm_states import LcmState, VmState
from oned.vm import monitoring
from oned.vm.store import insert_vm, save_vm
from onelib.template import Template
from onelib.template_xml import parse_root
from tests.unit.oned.vm_objects import machine, record

ADMIN = Caller(0, 0, "oneadmin", "oneadmin", frozenset({0}), 0o177)
JOE = Caller(2, 1, "joe", "users", frozenset({1}), 0o177)

Ask = Callable[..., str]


@pytest.fixture
def ask(database: Database, settings: Settings) -> Ask:
    """Machine 7 of joe with two records, 8 of another; both seen at 10 and at 20."""

    def fill(transaction: Transaction) -> None:
        insert_vm(transaction, machine())
        insert_vm(transaction, machine(oid=8, uid=3, gid=4))
        vm = machine(state=VmState.ACTIVE, lcm_state=LcmState.RUNNING)
        vm.history = [record(0, stime=5, etime=9), record(1, stime=9)]
        save_vm(transaction, vm)
        rows = [
            monitoring.record(oid, when, Template([("CPU", f"{when}.5")])) for oid in (7, 8) for when in (10, 20)
        ]
        monitoring.store(transaction, rows)

    database.submit(fill).result()

    def asked(method: Callable[..., object], *params: object, caller: Caller = ADMIN) -> str:
        def job(transaction: Transaction) -> str:
            answer = method(Call(caller, settings, 1, "k" * 32, transaction), *params)
            pieces = [] if isinstance(answer, Listing) else [str(answer)]
            while isinstance(answer, Listing) and not answer.ended:
                pieces.append(answer.next(transaction).decode())
            return "".join(pieces)

        return database.read(job)

    return asked


def seen(xml: str) -> list[tuple[str, str]]:
    found = parse_root(xml, 999).findall("MONITORING")
    return [(each.findtext("ID") or "", each.findtext("TIMESTAMP") or "") for each in found]


def test_all_the_last_and_the_newest_are_different_questions(ask: Ask, database: Database) -> None:
    assert seen(ask(vmpool.monitoring, -2)) == [("7", "10"), ("7", "20"), ("8", "10"), ("8", "20")]
    assert seen(ask(vmpool.monitoring, -2, 0)) == [("7", "20"), ("8", "20")]
    assert seen(ask(vmpool.monitoring, -2, 60)) == []
    now = monitoring.record(8, 2**31 - 1, Template())
    database.submit(lambda transaction: monitoring.store(transaction, [now])).result()
    assert seen(ask(vmpool.monitoring, -2, 60)) == [("8", str(2**31 - 1))]
    assert seen(ask(vmpool.monitoring, -2, -7, caller=JOE)) == [("7", "10"), ("7", "20")]
    assert seen(ask(methods.monitoring, 7, caller=JOE)) == [("7", "10"), ("7", "20")]


def test_a_machine_is_shown_with_all_of_it(ask: Ask) -> None:
    vm = Vm.from_xml(ask(methods.POOL.info, 7))
    assert ([one.seq for one in vm.history], vm.last_poll, vm.monitoring.get("CPU")) == ([0, 1], 20, "20.5")
    listed = parse_root(ask(vmpool.info_extended, -2, 7, 7, -1), 999)
    assert [each.findtext("SEQ") for each in listed.iter("HISTORY")] == ["1"]


def test_a_machine_that_was_never_seen_has_no_monitoring(ask: Ask, database: Database) -> None:
    database.submit(lambda transaction: monitoring.forget(transaction, 7)).result()
    vm = Vm.from_xml(ask(methods.POOL.info, 7))
    assert (vm.last_poll, len(vm.monitoring), len(vm.history)) == (0, 0, 2)


def test_history_is_accounted_between_times(ask: Ask) -> None:
    def counted(*times: int, caller: Caller = ADMIN) -> list[str]:
        root = parse_root(ask(vmpool.accounting, -2, *times, caller=caller), 9999)
        return [each.findtext("SEQ") or "" for each in root.findall("HISTORY")]

    assert counted(-1, -1) == ["0", "1"]
    assert counted(9, -1) == ["1"]
    assert counted(8, -1) == ["0", "1"]
    assert counted(-1, 9) == ["0"]
    assert counted(-1, 5) == []
    assert counted(-1, -1, caller=JOE) == ["0", "1"]


def test_other_rows_do_not_disturb(ask: Ask, database: Database) -> None:
    stray = {"vmid": 99, "last_poll": 30, "body": "<MONITORING><ID>99</ID></MONITORING>"}
    database.submit(lambda transaction: transaction.write(insert(vm_monitoring), stray)).result()
    assert seen(ask(vmpool.monitoring, -2, 0)) == [("7", "20"), ("8", "20")]
