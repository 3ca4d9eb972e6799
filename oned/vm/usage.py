"""What a virtual machine takes of the quotas of its owner and group."""

from collections import Counter

from oned.access.quota import Usage
from oned.life.places import Place, counts_as_running
from oned.model.vm import Vm
from oned.model.vm_short import nics_of
from oned.storage.targets import is_volatile, tm_target
from onelib.template import Template

__all__ = [
    "capacity_usage",
    "decimal",
    "device_usage",
    "disk_sizes",
    "is_volatile",
    "number",
    "running_usage",
    "tm_target",
    "total_usage",
]


def number(text: str | None) -> int:
    """The integer that ``text`` is, 0 otherwise."""
    try:
        return int(text or 0)
    except ValueError:
        return 0


def decimal(text: str | None) -> float:
    """The number that ``text`` is, 0 otherwise."""
    try:
        return float(text or 0)
    except ValueError:
        return 0.0


def disk_sizes(disk: dict[str, str]) -> tuple[int, int]:
    """The megabytes of a disk and its snapshots: in the system datastore, and in its image's."""
    size = number(disk.get("SIZE")) + number(disk.get("DISK_SNAPSHOT_TOTAL_SIZE"))
    if is_volatile(disk):
        return size, 0
    target = tm_target(disk)
    return (size if target == "SYSTEM" else 0), (size if target == "SELF" else 0)


def capacity_usage(template: Template, *, running: bool) -> Usage:
    """The virtual machine itself: processors and memory, also as running ones."""
    cpu, memory = decimal(template.get("CPU")), number(template.get("MEMORY"))
    if not running:
        return Usage(vms=1, cpu=cpu, memory=memory)
    return Usage(vms=1, cpu=cpu, memory=memory, running_vms=1, running_cpu=cpu, running_memory=memory)


def running_usage(template: Template) -> Usage:
    """Only what counts while it runs."""
    cpu, memory = decimal(template.get("CPU")), number(template.get("MEMORY"))
    return Usage(running_vms=1, running_cpu=cpu, running_memory=memory)


def device_usage(template: Template) -> Usage:
    """The disks and the leases of a TEMPLATE, or of a template that has only those that come or go."""
    system = 0
    images: Counter[int] = Counter()
    datastores: Counter[int] = Counter()
    for disk in template.vectors("DISK"):
        in_system, in_image = disk_sizes(disk)
        system += in_system
        if disk.get("IMAGE_ID"):
            images[number(disk["IMAGE_ID"])] += 1
        if in_image:
            datastores[number(disk.get("DATASTORE_ID"))] += in_image
    networks = Counter(number(nic["NETWORK_ID"]) for nic in nics_of(template) if nic.get("NETWORK_ID"))
    return Usage(
        system_disk=system,
        datastores={oid: (0, size) for oid, size in datastores.items()},
        networks=dict(networks),
        images=dict(images),
    )


def total_usage(vm: Vm) -> Usage:
    """All that ``vm`` takes in its present state."""
    capacity = capacity_usage(vm.template, running=counts_as_running(Place(vm.state, vm.lcm_state)))
    devices = device_usage(vm.template)
    return Usage(
        vms=1,
        cpu=capacity.cpu,
        memory=capacity.memory,
        running_vms=capacity.running_vms,
        running_cpu=capacity.running_cpu,
        running_memory=capacity.running_memory,
        system_disk=devices.system_disk,
        datastores=devices.datastores,
        networks=devices.networks,
        images=devices.images,
    )
