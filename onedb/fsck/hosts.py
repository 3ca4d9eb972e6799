"""Hosts: the machines they list, the capacity and the PCI devices these have."""

from collections.abc import Iterator

from oned.database.schema import vm_pool
from oned.model.host import Host
from oned.model.pci import FREE
from onedb.fsck.finding import Finding, differences
from onedb.fsck.held import Held
from onedb.fsck.records import Records

Machines = dict[int, tuple[int, int]]
"""CPU units and KB by machine."""


def check(records: Records, held: Held) -> Iterator[Finding]:
    """Every host."""
    unread = records.unread(vm_pool)
    for host, _ in records.objects(Host):
        found = [Finding(text) for text in _mend(host, held.hosts.get(host.oid, {}), unread)]
        yield from found
        if found:
            records.save(host)


def _mend(host: Host, machines: Machines, unread: set[int]) -> Iterator[str]:
    """Repair a host in memory; the sentences of what was wrong. What ``unread`` machines take nobody knows."""
    share, unknown = host.share, host.vms & unread
    right = set(machines) | unknown
    if share.running_vms != len(right):
        yield f"Host {host.oid} RUNNING_VMS has {share.running_vms} \tis\t{len(right)}"
    yield from differences("VM", f"Host {host.oid} VM", host.vms, right)
    host.vms, share.running_vms = right, len(right)
    yield from _devices(host, unread)
    if not unknown:
        yield from _usage(host, machines)


def _devices(host: Host, unread: set[int]) -> Iterator[str]:
    for device in host.share.devices:
        user = device.get("VMID", FREE)
        if user != FREE and not (user.isdecimal() and int(user) in host.vms | unread):
            yield (
                f"VM {user} has a PCI device assigned in host {host.oid}, but it should not. "
                f"Device: {device.get('DEVICE_NAME', '')}"
            )
            device["VMID"] = FREE


def _usage(host: Host, machines: Machines) -> Iterator[str]:
    share = host.share
    cpu = sum(units for units, _ in machines.values())
    memory = sum(amount for _, amount in machines.values())
    if share.cpu_usage != cpu:
        yield f"Host {host.oid} CPU_USAGE has {share.cpu_usage} \tis\t{cpu}"
    if share.mem_usage != memory:
        yield f"Host {host.oid} MEM_USAGE has {share.mem_usage} \tis\t{memory}"
    share.cpu_usage, share.mem_usage = cpu, memory
