"""New rules of a security group on their way to machines in every state."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from oned.access.acl import Kind
from oned.database.db import Database, Transaction
from oned.database.pools import insert_row, load, save
from oned.database.schema import task
from oned.model.secgroup import SecurityGroup
from oned.model.vm import Vm
from oned.model.vm_states import LcmState, VmState
from oned.network.updates import ASK, BATCH, RESULTS, UPDATE, update_some
from oned.vm.store import insert_vm
from onelib.driver import DriverError
from onelib.template import Template
from tests.unit.oned.vm_objects import machine, record

GROUP = 100
OLD = (
    "SECURITY_GROUP_RULE = [ SECURITY_GROUP_ID = 100, RANGE = 1 ]\nSECURITY_GROUP_RULE = [ SECURITY_GROUP_ID = 0 ]"
)


def run(database: Database, job: Callable[[Transaction], Any]) -> Any:  # noqa: ANN401 (whatever the job returns)
    return database.submit(job).result(10)


def lay(database: Database, *states: tuple[VmState, LcmState]) -> None:
    """A group and a machine (1, 2 ...) for each state that is out of date."""
    template = Template.parse("RULE = [ PROTOCOL = TCP, RULE_TYPE = inbound, RANGE = 22 ]")
    outdated = set(range(1, len(states) + 1))
    group = SecurityGroup(
        GROUP, 0, 0, "oneadmin", "oneadmin", "ssh", [1, 1] + [0] * 7, template, None, outdated=outdated
    )

    def fill(transaction: Transaction) -> None:
        insert_row(transaction, group)
        for oid, (state, lcm_state) in enumerate(states, 1):
            history = [record(oid=oid)]
            vm = machine(
                oid=oid, template=OLD, state=state, lcm_state=lcm_state, history=history, deploy_id="one-1"
            )
            insert_vm(transaction, vm)

    run(database, fill)


def group_of(database: Database) -> SecurityGroup:
    found: SecurityGroup = run(database, lambda transaction: load(transaction, SecurityGroup, GROUP))
    return found


def rules_of(database: Database, oid: int) -> list[tuple[str, str]]:
    vm: Vm = run(database, lambda transaction: load(transaction, Vm, oid))
    rules = vm.template.vectors("SECURITY_GROUP_RULE")
    return [(rule["SECURITY_GROUP_ID"], rule.get("RANGE", "")) for rule in rules]


def asked(database: Database) -> list[Any]:
    rows = run(database, lambda transaction: transaction.rows(select(task).order_by(task.c.id)))
    return [row for row in rows if row.kind in {UPDATE, ASK}]


NEW_RULES = [("0", ""), ("100", "22")]


@pytest.mark.parametrize(
    ("state", "lcm_state"),
    [(VmState.POWEROFF, LcmState.LCM_INIT), (VmState.ACTIVE, LcmState.PROLOG), (VmState.HOLD, LcmState.LCM_INIT)],
)
def test_where_nothing_runs(database: Database, state: VmState, lcm_state: LcmState) -> None:
    lay(database, (state, lcm_state))
    run(database, lambda transaction: update_some(transaction, GROUP))
    assert (group_of(database).updated, group_of(database).outdated) == ({1}, set())
    assert rules_of(database, 1) == NEW_RULES
    assert asked(database) == []


@pytest.mark.parametrize("lcm_state", [LcmState.BOOT, LcmState.MIGRATE, LcmState.UNKNOWN])
def test_between_two_states(database: Database, lcm_state: LcmState) -> None:
    lay(database, (VmState.ACTIVE, lcm_state))
    run(database, lambda transaction: update_some(transaction, GROUP))
    assert (group_of(database).failed, group_of(database).outdated) == ({1}, set())
    assert rules_of(database, 1) == [("100", "1"), ("0", "")]


def test_machines_that_are_gone(database: Database) -> None:
    lay(database, (VmState.DONE, LcmState.LCM_INIT))
    run(database, lambda transaction: update_some(transaction, GROUP))
    assert not group_of(database).in_use
    run(database, lambda transaction: update_some(transaction, 9999))


@pytest.mark.parametrize("answer", ["", DriverError("no such rule")])
def test_where_a_machine_runs(database: Database, answer: str | DriverError) -> None:
    lay(database, (VmState.ACTIVE, LcmState.RUNNING))
    run(database, lambda transaction: update_some(transaction, GROUP))
    assert (group_of(database).updating, group_of(database).outdated) == ({1}, set())
    assert rules_of(database, 1) == NEW_RULES
    (row,) = asked(database)
    assert (row.kind, row.object, row.oid, row.lane, row.place) == (ASK, "VM", 1, "vmm:kvm", "vmm:kvm h1")
    payload = json.loads(row.payload) | {"oid": 1, "object": "VM", "task": row.id}
    assert payload["action"] == "UPDATESG"
    assert "<DEPLOY_ID>one-1</DEPLOY_ID>" in payload["message"]
    assert f"<SECURITY_GROUP_ID>{GROUP}</SECURITY_GROUP_ID><VM><ID>1</ID>" in payload["message"]
    for _ in range(2):
        run(database, lambda transaction: RESULTS[ASK](transaction, payload, answer))
    group = group_of(database)
    assert group.updating == set()
    assert (group.failed if isinstance(answer, DriverError) else group.updated) == {1}


def test_a_few_at_a_time(database: Database) -> None:
    lay(database, *[(VmState.POWEROFF, LcmState.LCM_INIT)] * (BATCH + 3))
    run(database, lambda transaction: update_some(transaction, GROUP))
    assert len(group_of(database).updated) == BATCH
    assert [(row.kind, row.object, row.oid) for row in asked(database)] == [(UPDATE, Kind.SECGROUP.name, GROUP)]
    run(database, lambda transaction: update_some(transaction, GROUP))
    assert len(group_of(database).updated) == BATCH + 3
    assert len(asked(database)) == 1


def renew(transaction: Transaction) -> None:
    group = load(transaction, SecurityGroup, GROUP)
    group.renew(recover=False)
    save(transaction, group)


def test_a_newer_change_is_not_taken_for_an_older_answer(database: Database) -> None:
    """A machine that is out of date again, or asked again, is not called up to date by the first answer."""
    lay(database, (VmState.ACTIVE, LcmState.RUNNING))
    run(database, lambda transaction: update_some(transaction, GROUP))
    run(database, renew)
    first = asked(database)[0]
    payload = json.loads(first.payload) | {"oid": 1, "task": first.id}
    run(database, lambda transaction: RESULTS[ASK](transaction, payload, ""))
    assert (group_of(database).outdated, group_of(database).updated) == ({1}, set())
    run(database, lambda transaction: update_some(transaction, GROUP))
    run(database, lambda transaction: RESULTS[ASK](transaction, payload, ""))
    assert (group_of(database).updating, group_of(database).updated) == ({1}, set())
    second = asked(database)[-1]
    later = payload | {"task": second.id}
    run(database, lambda transaction: RESULTS[ASK](transaction, later, ""))
    assert (group_of(database).updating, group_of(database).updated) == (set(), {1})


def test_lists_of_a_body() -> None:
    template = Template.parse('DESCRIPTION = "<UPDATED_VMS><ID>9</ID></UPDATED_VMS>"')
    group = SecurityGroup(
        GROUP, 0, 0, "oneadmin", "oneadmin", "ssh", [1, 1] + [0] * 7, template, None, {3, 1}, set(), {2}, {4}
    )
    body = group.to_xml()
    assert "<UPDATED_VMS><ID>1</ID><ID>3</ID></UPDATED_VMS><OUTDATED_VMS></OUTDATED_VMS>" in body
    assert SecurityGroup.from_xml(body) == group
    for spaced in (body.replace("><", ">\n<"), body.replace("<OUTDATED_VMS></OUTDATED_VMS>", "<OUTDATED_VMS/>")):
        found = SecurityGroup.from_xml(spaced)
        assert (found.updated, found.outdated, found.updating, found.failed) == ({1, 3}, set(), {2}, {4})
    group.template = Template()
    bare = group.to_xml().partition("<UPDATED_VMS>")[0] + "<TEMPLATE></TEMPLATE></SECURITY_GROUP>"
    assert not SecurityGroup.from_xml(bare).in_use
