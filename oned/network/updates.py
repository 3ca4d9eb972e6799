"""New rules of a security group on their way to its machines.

A task takes some machines that are out of date: where nothing runs, only their templates change; where one runs, its
hypervisor is asked; one that is between two states has failed, until somebody commits the group again.
"""

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import bindparam, select

from oned import tasks
from oned.access.acl import Kind
from oned.database.db import Transaction
from oned.database.pools import save
from oned.database.schema import datastore_pool, task
from oned.model.base import escape
from oned.model.secgroup import SecurityGroup
from oned.model.vm import Vm
from oned.model.vm_states import LcmState, VmState
from oned.network.groups import Rule, expand
from oned.storage.reading import glance, held
from oned.vm.store import save_vm
from oned.work.context import Context, Job
from onelib.driver import DriverError

UPDATE = "secgroup.update"
ASK = "secgroup.ask"
BATCH = 20
"""Machines of one task: their rows are locked until its end."""

_AT_HOST = frozenset(
    {
        LcmState.RUNNING,
        LcmState.HOTPLUG,
        LcmState.HOTPLUG_SNAPSHOT,
        LcmState.HOTPLUG_SAVEAS,
        LcmState.HOTPLUG_RESIZE,
        LcmState.DISK_SNAPSHOT,
        LcmState.DISK_SNAPSHOT_DELETE,
        LcmState.DISK_RESIZE,
    }
)
_BETWEEN = frozenset(
    {
        LcmState.BOOT,
        LcmState.BOOT_MIGRATE,
        LcmState.BOOT_SUSPENDED,
        LcmState.BOOT_STOPPED,
        LcmState.BOOT_UNDEPLOY,
        LcmState.BOOT_POWEROFF,
        LcmState.BOOT_UNKNOWN,
        LcmState.BOOT_FAILURE,
        LcmState.BOOT_MIGRATE_FAILURE,
        LcmState.BOOT_UNDEPLOY_FAILURE,
        LcmState.BOOT_STOPPED_FAILURE,
        LcmState.MIGRATE,
        LcmState.HOTPLUG_NIC,
        LcmState.HOTPLUG_NIC_POWEROFF,
        LcmState.UNKNOWN,
    }
)
"""Where rules are just being made on the host, or nobody knows."""

_DATASTORE = select(datastore_pool.c.body).where(datastore_pool.c.oid == bindparam("key"))
_LATER = select(task.c.payload).where(
    task.c.kind == ASK, task.c.oid == bindparam("vm"), task.c.id > bindparam("than")
)


def enqueue(transaction: Transaction, group: SecurityGroup) -> None:
    """Ask for the update of the machines of ``group`` that are out of date."""
    if group.outdated:
        tasks.enqueue(transaction, UPDATE, (Kind.SECGROUP, group.oid), {})


async def update(context: Context) -> Job:
    """The handler of :data:`UPDATE`."""
    group_id = context.task.oid
    return lambda transaction: update_some(transaction, group_id)


def update_some(transaction: Transaction, group_id: int) -> None:
    """Bring the rules of a group to some machines, and ask for the next ones. Machines are locked before the group."""
    seen = glance(transaction, SecurityGroup, group_id)
    if seen is None:
        return
    chosen = sorted(seen.outdated)[:BATCH]
    machines = {vm_id: held(transaction, Vm, vm_id) for vm_id in chosen}
    group = held(transaction, SecurityGroup, group_id)
    if group is None:
        return
    rules = expand(transaction, group)
    for vm_id in chosen:
        if vm_id in group.outdated:
            group.outdated.discard(vm_id)
            _update_one(transaction, group, machines[vm_id], rules)
    save(transaction, group)
    enqueue(transaction, group)


def _update_one(transaction: Transaction, group: SecurityGroup, vm: Vm | None, rules: list[Rule]) -> None:
    """Bring ``rules`` to one machine; one that is gone has none."""
    if vm is None or vm.state is VmState.DONE:
        return
    if vm.state is VmState.ACTIVE and vm.lcm_state in _BETWEEN:
        group.failed.add(vm.oid)
        return
    _replace(vm, group.oid, rules)
    save_vm(transaction, vm)
    if vm.state is not VmState.ACTIVE or vm.lcm_state not in _AT_HOST or not vm.history:
        group.updated.add(vm.oid)
        return
    group.updating.add(vm.oid)
    record = vm.history[-1]
    payload = {
        "driver": f"vmm:{record.vm_mad}",
        "action": "UPDATESG",
        "host": record.hostname,
        "group": group.oid,
        "message": _message(transaction, vm, group.oid),
    }
    tasks.enqueue(transaction, ASK, (Kind.VM, vm.oid), payload)


def _replace(vm: Vm, group_id: int, rules: list[Rule]) -> None:
    """Put ``rules`` in the place of the ones that the machine has of the group."""
    kept = [
        rule
        for rule in vm.template.vectors("SECURITY_GROUP_RULE")
        if rule.get("SECURITY_GROUP_ID") != str(group_id)
    ]
    vm.template.erase("SECURITY_GROUP_RULE")
    for rule in (*kept, *rules):
        vm.template.add("SECURITY_GROUP_RULE", rule)


def _message(transaction: Transaction, vm: Vm, group_id: int) -> str:
    """What the hypervisor's driver gets; empty elements are those that this action has no use for."""
    record = vm.history[-1]
    rows = transaction.rows(_DATASTORE, {"key": record.ds_id})
    unused = (
        "<LOCAL_DEPLOYMENT_FILE/><REMOTE_DEPLOYMENT_FILE/><CHECKPOINT_FILE/><TM_COMMAND/><TM_COMMAND_ROLLBACK/>"
        "<DISK_TARGET_PATH/>"
    )
    return (
        f"<VMM_DRIVER_ACTION_DATA><HOST>{escape(record.hostname)}</HOST><MIGR_HOST/>"
        f"<DEPLOY_ID>{escape(vm.deploy_id)}</DEPLOY_ID>{unused}<SECURITY_GROUP_ID>{group_id}</SECURITY_GROUP_ID>"
        f"{vm.to_xml()}{rows[0][0] if rows else ''}</VMM_DRIVER_ACTION_DATA>"
    )


def _take_answer(transaction: Transaction, payload: Mapping[str, Any], answer: str | DriverError) -> None:
    """Note whether the host has the rules; a machine that has left, or has newer rules to come, is let be."""
    group = held(transaction, SecurityGroup, int(payload["group"]))
    vm_id = int(payload["oid"])
    if group is None or vm_id not in group.updating or _is_asked_again(transaction, payload):
        return
    group.updating.discard(vm_id)
    (group.failed if isinstance(answer, DriverError) else group.updated).add(vm_id)
    save(transaction, group)


def _is_asked_again(transaction: Transaction, payload: Mapping[str, Any]) -> bool:
    """Whether a later task brings rules of the same group to the same machine."""
    rows = transaction.rows(_LATER, {"vm": payload["oid"], "than": payload["task"]})
    return any(json.loads(row[0])["group"] == payload["group"] for row in rows)


RESULTS = {ASK: _take_answer}
"""What is done with the answers of drivers."""
