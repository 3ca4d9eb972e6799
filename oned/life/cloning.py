"""What the storage tells virtual machines: their images are there, or a new image has a place for their disk."""

from oned.access.acl import Kind
from oned.database.db import Transaction
from oned.errors import NoExistsError
from oned.life.marks import find_disk, mark_saved, saved, unmark_saved
from oned.life.places import CLONING, CLONING_FAILURE, SAVE_AS_OFF, L, Place, active
from oned.life.steps import Event, Work
from oned.life.table import TABLE
from oned.model.image import Image, ImageState
from oned.model.vm import Vm
from oned.model.vm_states import VmState
from oned.storage.reading import glance
from oned.storage.saveas import finish
from oned.tasks import enqueue
from oned.vm.context import is_yes
from oned.vm.store import load_vm, save_vm
from oned.vm.usage import number

_SAVING = {active(lcm) for lcm in (L.HOTPLUG_SAVEAS, *SAVE_AS_OFF)}


def image_changed(transaction: Transaction, image_id: int, ready: bool) -> None:
    """The driver is done with an image: machines that wait for it go on, or say that they cannot.

    ``ready`` only says which of the two it mostly is; what counts is the state of all images of a machine.
    """
    _ = ready
    image = glance(transaction, Image, image_id)
    for vm_id in sorted(image.vms if image else ()):
        _update(transaction, vm_id)


def _update(transaction: Transaction, vm_id: int) -> None:
    try:
        vm = load_vm(transaction, vm_id)
    except NoExistsError:
        return
    place = Place(vm.state, vm.lcm_state)
    if place not in {CLONING, CLONING_FAILURE}:
        return
    step = TABLE[place, settle_disks(transaction, vm)]
    vm.state, vm.lcm_state = step.to
    save_vm(transaction, vm)


def settle_disks(transaction: Transaction, vm: Vm) -> Event:
    """Write what came of the images into the disks that wait for them; what that means for the machine."""
    waiting, failed = False, False
    for disk in vm.template.vectors("DISK"):
        if not is_yes(disk.get("CLONING")):
            continue
        image = glance(transaction, Image, number(disk.get("IMAGE_ID")))
        if image is not None and image.state in {ImageState.USED, ImageState.USED_PERS}:
            disk.pop("CLONING")
            disk["SOURCE"] = image.source
            if image.format:
                disk["DRIVER"] = disk["FORMAT"] = image.format.lower()
        elif image is None or image.state is ImageState.ERROR:
            failed = True
        else:
            waiting = True
    if failed:
        return Event.IMAGES_FAILED
    if waiting:
        return Event.IMAGES_WAIT
    return Event.IMAGES_READY_HOLD if is_yes(_held(vm)) else Event.IMAGES_READY


def _held(vm: Vm) -> str:
    return vm.template.get("SUBMIT_ON_HOLD") or vm.user_template.get("SUBMIT_ON_HOLD")


def disk_target(transaction: Transaction, vm_id: int, disk_id: int, image_id: int, source: str) -> None:
    """The image that a disk is being saved as has its place ``source``; empty: that came to nothing."""
    vm = _saving(transaction, vm_id)
    disk = saved(vm) if vm is not None else {}
    if vm is None or disk is not find_disk(vm, disk_id):
        finish(transaction, image_id, ready=False)
        return
    if source:
        mark_saved(disk, image_id, source, number(disk.get("HOTPLUG_SAVE_AS_SNAPSHOT_ID", "-1")))
        save_vm(transaction, vm)
        expects = [int(vm.state), int(vm.lcm_state)]
        enqueue(transaction, "vm.continue", (Kind.VM, vm_id), {"expects": expects, "work": Work.SAVE_AS.name})
        return
    unmark_saved(disk)
    vm.state, vm.lcm_state = SAVE_AS_OFF.get(vm.lcm_state, active(L.RUNNING))
    save_vm(transaction, vm)
    finish(transaction, image_id, ready=False)


def _saving(transaction: Transaction, vm_id: int) -> Vm | None:
    try:
        vm = load_vm(transaction, vm_id)
    except NoExistsError:
        return None
    return vm if vm.state is VmState.ACTIVE and active(vm.lcm_state) in _SAVING else None
