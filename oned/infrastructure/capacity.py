"""The capacity of hosts that virtual machines take and give back.

Source: OpenNebula 6.0, "Host share". CPU of a machine counts in hundredths of a core, its memory, given in MB, in KB.
PCI devices and pinned NUMA nodes are chosen here too, and written into the machine's template.
"""

import struct
from dataclasses import dataclass, field

from oned.access.acl import Kind
from oned.database.db import Transaction
from oned.database.pools import load
from oned.errors import ActionError
from oned.infrastructure.host_store import save_host
from oned.model import pci, pinning
from oned.model.host import Host
from oned.model.host_share import integer
from onelib.template import Template

KB_OF_MB = 1024


def _single(value: float) -> float:
    """``value`` in the single precision in which upstream counts CPU."""
    return float(struct.unpack("f", struct.pack("f", value))[0])


def cpu_units(cpu: float) -> int:
    """Hundredths of a core: 0.29 is 29, where double precision would give 28."""
    return int(_single(_single(cpu) * 100))


@dataclass
class Request:
    """What a virtual machine asks of a host, in the host's units. The mappings belong to the machine's template."""

    vm_id: int
    cpu: int
    memory: int
    vcpu: int = 0
    devices: list[pci.Device] = field(default_factory=list)
    nodes: list[dict[str, str]] = field(default_factory=list)
    topology: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, vm_id: int, cpu: float, memory: int, template: Template | None = None) -> "Request":
        """For a machine with ``cpu`` cores and ``memory`` MB; PCI, NUMA_NODE, TOPOLOGY and VCPU of its template."""
        request = cls(vm_id, cpu_units(cpu), memory * KB_OF_MB)
        if template is not None:
            request.vcpu = integer(template.get("VCPU"))
            request.devices = template.vectors("PCI")
            request.nodes = template.vectors("NUMA_NODE")
            request.topology = template.vector("TOPOLOGY")
        return request


def shortage(host: Host, request: Request) -> str:
    """Why the machine does not fit, empty when it does."""
    share = host.share
    cpu, memory = share.max_cpu - share.cpu_usage, share.max_mem - share.mem_usage
    if cpu < request.cpu:
        return f"Not enough CPU: {request.cpu}/{cpu}"
    if memory < request.memory:
        return f"Not enough memory: {request.memory}/{memory}"
    if not pci.fits(share.devices, request.devices):
        return "Unavailable PCI device."
    if not pinning.fits(share.nodes, share.vms_thread, _pin(request)):
        return "Cannot allocate NUMA topology"
    return ""


def check(host: Host, request: Request) -> None:
    """Raise :class:`ActionError` when the machine does not fit."""
    reason = shortage(host, request)
    if reason:
        where = f"{Kind.VM.label} [{request.vm_id}] does not fit in {Kind.HOST.label} [{host.oid}]"
        raise ActionError(f"{where}. {reason}")


def add(host: Host, request: Request) -> None:
    """Count the machine; nothing for one that is counted already."""
    if request.vm_id in host.vms:
        return
    host.vms.add(request.vm_id)
    share = host.share
    share.cpu_usage += request.cpu
    share.mem_usage += request.memory
    share.running_vms += 1
    pci.assign(share.devices, request.devices, request.vm_id)
    share.nodes = pinning.add(share.nodes, share.vms_thread, _pin(request))


def remove(host: Host, request: Request) -> None:
    """Count the machine no longer; nothing for one that is not counted."""
    if request.vm_id not in host.vms:
        return
    host.vms.remove(request.vm_id)
    share = host.share
    share.cpu_usage -= request.cpu
    share.mem_usage -= request.memory
    share.running_vms -= 1
    pci.release(share.devices, request.devices, request.vm_id)
    share.nodes = pinning.remove(share.nodes, share.vms_thread, _pin(request))


def _pin(request: Request) -> pinning.Request:
    near = {device["NUMA_NODE"] for device in request.devices if device.get("NUMA_NODE", "").isdigit()}
    return pinning.Request(
        request.vm_id, request.vcpu, request.nodes, request.topology, {int(node) for node in near}
    )


def reserve(
    transaction: Transaction,
    host_id: int,
    vm_id: int,
    cpu: float,
    memory: int,
    *,
    enforce: bool = False,
    template: Template | None = None,
) -> None:
    """Take ``cpu`` cores and ``memory`` MB of a host for a machine; once, however often it is asked.

    With ``enforce`` raises :class:`ActionError` when the machine does not fit; without it the host may be
    overcommitted. ``template`` is the machine's: it gets the addresses of its PCI devices and the CPUs of its NUMA
    nodes. Raises :class:`oned.errors.NoExistsError` for the host.
    """
    host = load(transaction, Host, host_id)
    request = Request.of(vm_id, cpu, memory, template)
    if vm_id in host.vms:
        return
    if enforce:
        check(host, request)
    add(host, request)
    save_host(transaction, host)


def release(
    transaction: Transaction,
    host_id: int,
    vm_id: int,
    cpu: float,
    memory: int,
    *,
    template: Template | None = None,
) -> None:
    """Give back what :func:`reserve` took. Raises :class:`oned.errors.NoExistsError` for the host."""
    host = load(transaction, Host, host_id)
    if vm_id in host.vms:
        remove(host, Request.of(vm_id, cpu, memory, template))
        save_host(transaction, host)


def resize(transaction: Transaction, host_id: int, before: Request, after: Request, *, enforce: bool) -> None:
    """Let a machine have another capacity on its host. With ``enforce`` raises :class:`ActionError` if it is not there.

    Nothing for a machine that the host does not count.
    """
    host = load(transaction, Host, host_id)
    if before.vm_id not in host.vms:
        return
    remove(host, before)
    if enforce:
        reason = shortage(host, after)
        if reason:
            raise ActionError(reason)
    add(host, after)
    save_host(transaction, host)


def revert_devices(transaction: Transaction, host_id: int, template: Template) -> None:
    """Point a machine's PCI devices to the host it stays on, after a migration that failed."""
    pci.revert(load(transaction, Host, host_id).share.devices, template.vectors("PCI"))
