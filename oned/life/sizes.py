"""Growing and shrinking: processors and memory of a machine, the size of a disk, and disks saved as images."""

import re

from oned.access.acl import Op
from oned.errors import ActionError, InternalError
from oned.infrastructure import capacity
from oned.infrastructure.capacity import Request
from oned.life.asking import allowed, must_be, question_for, refuse_restricted
from oned.life.driver_conf import can
from oned.life.ends import count_for_image, image_owner_pays
from oned.life.machine import Life, life_of
from oned.life.marks import find_disk, mark_resized, mark_saved
from oned.life.places import POWEROFF, RUNNING, UNDEPLOYED, WAITING
from oned.life.release import image_of, snapshots_of
from oned.life.steps import Event
from oned.methods.call import Call
from oned.methods.shared import parse_template
from oned.model.image import Image
from oned.model.vm import Vm
from oned.model.vm_states import Action
from oned.storage.reading import peek
from oned.storage.saveas import saveas_image
from oned.vm import topology
from oned.vm.usage import decimal, number
from onelib.template import Template

_WHOLE = re.compile(r"\s*[+-]?[0-9]{1,18}")
_NAMES = (("CPU", "float or integer"), ("MEMORY", "integer"), ("VCPU", "integer"))


def _wanted(call: Call, template: Template, old: Template) -> dict[str, str]:
    """The capacity that is asked for; what is not asked for stays. Raises :class:`InternalError`."""
    _ = call
    values = {"CPU": decimal(template.get("CPU")), "MEMORY": number(template.get("MEMORY"))}
    values["VCPU"] = number(template.get("VCPU"))
    for name, kind in _NAMES:
        if values[name] < 0:
            raise InternalError(f"{name} must be a positive {kind} value.")
    if topology.is_pinned(old):
        values["CPU"] = values["VCPU"]
    return {name: f"{value:g}" if name == "CPU" else str(int(value)) for name, value in values.items() if value}


def _request(vm: Vm) -> Request:
    return Request.of(vm.oid, decimal(vm.template.get("CPU")), number(vm.template.get("MEMORY")), vm.template)


def _set(vm: Vm, values: dict[str, str]) -> None:
    """Write the capacity into the template, and the topology that follows. Raises :class:`ActionError`."""
    for name, value in values.items():
        vm.template.set(name, value)
    sections = vm.template.vector("TOPOLOGY")
    if not sections:
        return
    counts = [number(sections.get(name)) for name in ("SOCKETS", "CORES", "THREADS")]
    vcpu = number(vm.template.get("VCPU"))
    if all(counts) and counts[0] * counts[1] * counts[2] != vcpu:
        threads = counts[0] * counts[2]
        if vcpu % threads:
            raise ActionError("new VCPU is not multiple of the total number of threads")
        sections["CORES"] = str(vcpu // threads)
    vm.template.erase("NUMA_NODE")
    try:
        topology.complete(vm.template)
    except InternalError as error:
        raise ActionError(error.detail) from None


def resize(call: Call, vm_id: int, text: str, _enforce: bool = False) -> int:
    """Give a machine other CPU, VCPU and MEMORY; its host has to have them."""
    template = parse_template(text)
    question_for(call, vm_id, Action.RESIZE).check()
    refuse_restricted(call, template, "Template")
    life = life_of(call, vm_id)
    vm = life.vm
    values = _wanted(call, template, vm.template)
    if life.place in {*WAITING, UNDEPLOYED}:
        _set(vm, values)
        life.save()
    elif life.place == POWEROFF:
        _on_host(life, values)
        life.save()
    elif life.place == RUNNING:
        _hot(life, values)
    else:
        raise ActionError(f"Cannot resize a VM in state {vm.state_name}")
    return vm_id


def _on_host(life: Life, values: dict[str, str]) -> None:
    before = _request(life.vm)
    _set(life.vm, values)
    capacity.resize(life.transaction, life.vm.history[-1].hid, before, _request(life.vm), enforce=True)


def _hot(life: Life, values: dict[str, str]) -> None:
    vm, driver = life.vm, life.vm.history[-1].vm_mad
    if topology.is_pinned(vm.template):
        raise ActionError("Cannot resize a pinned VM")
    if not can(life.settings, driver, "LIVE_RESIZE"):
        raise ActionError(f"Hotplug resize not supported by driver {driver}")
    old = {name: vm.template.get(name) for name, _ in _NAMES}
    if all(old[name] == value for name, value in values.items()):
        return
    _on_host(life, values)
    vm.template.set("RESIZE", {name: value or "0" for name, value in old.items()})
    life.take(Event.RESIZE)


def resize_disk(call: Call, vm_id: int, disk_id: int, size: str) -> int:
    """Grow a disk to ``size`` megabytes."""
    if not _WHOLE.fullmatch(size):
        raise ActionError("Disk SIZE is not a valid integer")
    seen = find_disk(peek(call.transaction, Vm, vm_id), disk_id)
    if not seen:
        raise ActionError("VM disk does not exist")
    question = question_for(call, vm_id, Action.DISK_RESIZE)
    if image_owner_pays(seen) and image_of(seen) != -1:
        question.add(Op.MANAGE, peek(call.transaction, Image, image_of(seen)).target())
    question.check()
    life = life_of(call, vm_id)
    disk = find_disk(life.vm, disk_id)
    more = int(size) - number(disk.get("SIZE"))
    if more <= 0:
        raise ActionError("New disk size has to be greater than current one")
    if snapshots_of(life.vm, disk) is not None:
        raise ActionError("Cannot resize a disk with snapshots")
    must_be(life, (RUNNING, POWEROFF, UNDEPLOYED), f"Could not resize disk for VM {vm_id}")
    mark_resized(disk, int(size))
    count_for_image(life, disk, more)
    life.take(Event.DISK_RESIZE)
    return disk_id


def save_as(  # noqa: PLR0917 (6.0's)
    call: Call, vm_id: int, disk_id: int, name: str, kind: str, snapshot_id: int = -1
) -> int:
    """Save a disk, or a snapshot of it, as a new image ``name`` of the type ``kind``; the image's id."""
    life = allowed(call, vm_id, Action.DISK_SAVEAS)
    if life.step(Event.SAVE_AS) is None:
        raise InternalError("VM has to be RUNNING, POWEROFF or SUSPENDED to save disks.")
    disk = find_disk(life.vm, disk_id)
    reason = _unsavable(life.vm, disk, snapshot_id)
    if reason:
        raise InternalError(f"Cannot use DISK. {reason}")
    size = number(disk.get("SIZE"))
    image = saveas_image(call, image_of(disk), (vm_id, disk_id), name, kind=kind, size=size)
    mark_saved(disk, image, "", snapshot_id)
    life.take(Event.SAVE_AS)
    return image


def _unsavable(vm: Vm, disk: dict[str, str], snapshot_id: int) -> str:
    """Why the disk cannot be saved; empty when it can."""
    if not disk:
        return "DISK does not exist."
    if image_of(disk) == -1:
        return "DISK does not have a valid IMAGE_ID."
    snapshots = snapshots_of(vm, disk)
    if snapshot_id != -1 and (snapshots is None or not snapshots.get(snapshot_id)):
        return "Snapshot does not exist."
    return ""
