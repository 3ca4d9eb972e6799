"""Hosts: the machines they list, the capacity and the PCI devices these have."""

from collections.abc import Iterator

from oned.model.host import Host
from oned.model.pci import FREE
from onedb.fsck.finding import Finding
from onedb.fsck.held import Held
from onedb.fsck.records import Records


def check(records: Records, held: Held) -> Iterator[Finding]:
    """Every host."""
    for host, _ in records.objects(Host):
        found = [Finding(text) for text in _mend(host, held.hosts.get(host.oid, {}))]
        yield from found
        if found:
            records.save(host)


def _mend(host: Host, machines: dict[int, tuple[int, int]]) -> Iterator[str]:
    """Repair a host in memory; the sentences of what was wrong."""
    share, right = host.share, set(machines)
    if share.running_vms != len(right):
        yield f"Host {host.oid} RUNNING_VMS has {share.running_vms} \tis\t{len(right)}"
    for oid in sorted(right - host.vms):
        yield f"VM {oid} is missing from Host {host.oid} VM id list"
    for oid in sorted(host.vms - right):
        yield f"VM {oid} is in Host {host.oid} VM id list, but it should not"
    for device in share.devices:
        user = device.get("VMID", FREE)
        if user != FREE and not (user.isdecimal() and int(user) in right):
            yield (
                f"VM {user} has a PCI device assigned in host {host.oid}, but it should not. "
                f"Device: {device.get('DEVICE_NAME', '')}"
            )
            device["VMID"] = FREE
    cpu = sum(units for units, _ in machines.values())
    memory = sum(amount for _, amount in machines.values())
    if share.cpu_usage != cpu:
        yield f"Host {host.oid} CPU_USAGE has {share.cpu_usage} \tis\t{cpu}"
    if share.mem_usage != memory:
        yield f"Host {host.oid} MEM_USAGE has {share.mem_usage} \tis\t{memory}"
    host.vms, share.running_vms, share.cpu_usage, share.mem_usage = right, len(right), cpu, memory
