"""What a change of a virtual machine costs its owner: the difference of what it takes before and after.

So whatever is attached, grown, put away or given back is counted exactly once, wherever it happens.
"""

from collections.abc import Mapping

from sqlalchemy import bindparam, select

from oned.access import quota
from oned.access.quota import Usage
from oned.database.db import Transaction
from oned.database.schema import group_quotas, user_quotas, vm_pool
from oned.model.vm import Vm
from oned.model.vm_states import VmState
from oned.vm.usage import total_usage

_OWNER = select(vm_pool.c.uid, vm_pool.c.gid).where(vm_pool.c.oid == bindparam("key"))
_LOCKS = tuple(
    select(table.primary_key.columns[0]).where(table.primary_key.columns[0] == bindparam("key"))
    for table in (user_quotas, group_quotas)
)


def usage_of(vm: Vm) -> Usage:
    """All that ``vm`` takes where it is; nothing when it is done."""
    return Usage() if vm.state is VmState.DONE else total_usage(vm)


def difference(after: Usage, before: Usage) -> Usage:
    """What ``after`` takes more than ``before``; negative where it takes less."""

    def minus(one: Mapping[int, int], other: Mapping[int, int]) -> dict[int, int]:
        counted = {key: one.get(key, 0) - other.get(key, 0) for key in one.keys() | other.keys()}
        return {key: value for key, value in counted.items() if value}

    sizes = minus(
        {key: size for key, (_, size) in after.datastores.items()},
        {key: size for key, (_, size) in before.datastores.items()},
    )
    return Usage(
        vms=after.vms - before.vms,
        cpu=after.cpu - before.cpu,
        memory=after.memory - before.memory,
        running_vms=after.running_vms - before.running_vms,
        running_cpu=after.running_cpu - before.running_cpu,
        running_memory=after.running_memory - before.running_memory,
        system_disk=after.system_disk - before.system_disk,
        datastores={key: (0, size) for key, size in sizes.items()},
        networks=minus(after.networks, before.networks),
        images=minus(after.images, before.images),
    )


def negative(usage: Usage) -> Usage:
    """What ``usage`` gives back."""
    return difference(Usage(), usage)


def settle(transaction: Transaction, vm: Vm, before: Usage, *, forced: bool) -> None:
    """Count what ``vm`` takes more or less than ``before``.

    ``forced``: also beyond a limit, for what nobody asked for. Raises :class:`oned.errors.AuthorizationError`.
    """
    change = difference(usage_of(vm), before)
    if forced:
        quota.refund(transaction, vm.uid, vm.gid, negative(change))
    else:
        quota.charge(transaction, vm.uid, vm.gid, change)


def lock_owner(transaction: Transaction, vm_id: int) -> None:
    """Lock the quotas of a machine's owner: they come before the machine in the order of locks."""
    if not transaction.mysql:
        return
    rows = transaction.rows(_OWNER, {"key": vm_id})
    for statement, oid in zip(_LOCKS, rows[0] if rows else (), strict=False):
        if oid > 0:
            transaction.one(statement, {"key": oid})
