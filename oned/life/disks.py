"""Disks that come to a virtual machine, or go, while it exists."""

from oned.errors import ActionError, InternalError
from oned.life.asking import allowed, must_be, question_for, refuse_restricted, refuse_router
from oned.life.machine import Life, life_of
from oned.life.marks import find_disk, mark_attached
from oned.life.places import POWEROFF, RUNNING
from oned.life.release import image_of
from oned.life.steps import Event
from oned.methods.call import Call
from oned.methods.shared import parse_template
from oned.model.datastore import Datastore
from oned.model.vm_states import Action
from oned.storage.reading import glance
from oned.storage.targets import datastore_attributes
from oned.vm import disks
from oned.vm.usage import is_volatile, number

_PLACES = (RUNNING, POWEROFF)


def attach(call: Call, vm_id: int, text: str) -> int:
    """Attach the disk that the template ``text`` has."""
    vm = refuse_router(call, vm_id)
    if not vm.history:
        raise ActionError("VM is not running in any host")
    template = parse_template(text)
    question = question_for(call, vm_id, Action.DISK_ATTACH)
    disks.resolve(call, template, question)
    question.check()
    refuse_restricted(call, template, "DISK")
    life = life_of(call, vm_id)
    must_be(life, _PLACES, f"Could not attach a new disk to VM {vm_id}")
    wanted = template.vectors("DISK")
    if not wanted:
        raise ActionError("Internal error parsing DISK attribute")
    try:
        _add(call, life, wanted[0])
    except InternalError as error:
        raise ActionError(error.detail) from None
    life.take(Event.ATTACH_DISK)
    return vm_id


def _add(call: Call, life: Life, disk: dict[str, str]) -> None:
    """Give the disk a number, its image and a device name. Raises :class:`InternalError`."""
    vm = life.vm
    others = [*vm.template.vectors("DISK"), *vm.template.vectors("CONTEXT")[:1]]
    oid = max((number(other.get("DISK_ID")) for other in others), default=-1) + 1
    if is_volatile(disk):
        datastore = glance(call.transaction, Datastore, vm.history[-1].ds_id)
        if datastore is not None:
            datastore_attributes(datastore, disk, call.settings)
    used = disks.used_targets(vm.template)
    try:
        found = disks.take_one(call, vm, disk, oid, attach=True)
    except InternalError as error:
        raise InternalError(error.detail.removeprefix(f"DISK {oid}: ")) from None
    if not disk.get("TARGET"):
        disk["TARGET"] = disks.free_target(found.dev_prefix, used)
    elif disk["TARGET"] in used:
        raise InternalError(f"Target {disk['TARGET']} is already in use.")
    cluster = str(vm.history[-1].cid)
    if disk.get("CLUSTER_ID") and cluster not in disk["CLUSTER_ID"].split(","):
        raise InternalError(f"Image [{image_of(disk)}] is not part of cluster [{cluster}]")
    mark_attached(disk)
    vm.template.add("DISK", disk)


def detach(call: Call, vm_id: int, disk_id: int) -> int:
    """Detach a disk; what is in it goes to its image, if that is persistent."""
    life = allowed(call, vm_id, Action.DISK_DETACH)
    refuse_router(call, vm_id)
    must_be(life, _PLACES, f"Could not detach disk from VM {vm_id}")
    disk = find_disk(life.vm, disk_id)
    if not disk:
        raise ActionError(f"Could not detach disk with DISK_ID {disk_id}, it does not exist.")
    mark_attached(disk)
    life.take(Event.DETACH_DISK)
    return vm_id
