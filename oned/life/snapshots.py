"""Snapshots: of a whole machine, by its hypervisor, and of one disk, by the drivers of its storage."""

import time

from oned.access.acl import Op
from oned.errors import ActionError
from oned.life.asking import allowed, must_be, question_for
from oned.life.driver_conf import can
from oned.life.ends import count_for_image, image_owner_pays, set_snapshots
from oned.life.machine import Life, life_of
from oned.life.marks import find_disk, mark_snapshot, mark_snapshotted
from oned.life.places import POWEROFF, RUNNING, SUSPENDED
from oned.life.release import image_of, snapshots_of
from oned.life.steps import Event
from oned.methods.call import Call
from oned.model.image import Image
from oned.model.snapshots import Snapshots
from oned.model.vm import Vm
from oned.model.vm_states import Action
from oned.storage.reading import peek
from oned.vm.context import is_yes
from oned.vm.usage import is_volatile, number

_NO_DISK = "VM disk does not exist"
_NO_SNAPSHOT = "Snapshot does not exist"


def create(call: Call, vm_id: int, name: str) -> int:
    """Take a snapshot of the machine; its number."""
    life = allowed(call, vm_id, Action.SNAPSHOT_CREATE)
    must_be(life, (RUNNING,), f"Could not create a new snapshot for VM {vm_id}")
    known = life.vm.template.vectors("SNAPSHOT")
    oid = max((number(each.get("SNAPSHOT_ID")) for each in known), default=-1) + 1
    fresh = {
        "SNAPSHOT_ID": str(oid),
        "NAME": name or f"snapshot-{oid}",
        "TIME": str(int(time.time())),
        "HYPERVISOR_ID": "",
    }
    mark_snapshot(fresh, "CREATE")
    life.vm.template.add("SNAPSHOT", fresh)
    life.take(Event.SNAPSHOT)
    return oid


def _mark(vm: Vm, snapshot_id: int, action: str) -> bool:
    for each in vm.template.vectors("SNAPSHOT"):
        if each.get("SNAPSHOT_ID") == str(snapshot_id):
            mark_snapshot(each, action)
            return True
    return False


def revert(call: Call, vm_id: int, snapshot_id: int) -> int:
    """Go back to a snapshot of the machine."""
    life = allowed(call, vm_id, Action.SNAPSHOT_REVERT)
    what = f"Could not revert VM {vm_id} to snapshot {snapshot_id}"
    must_be(life, (RUNNING,), what)
    if not _mark(life.vm, snapshot_id, "REVERT"):
        raise ActionError(f"{what}, it does not exist.")
    life.take(Event.SNAPSHOT)
    return vm_id


def delete(call: Call, vm_id: int, snapshot_id: int) -> int:
    """Delete a snapshot of the machine; where drivers keep snapshots, also while it is off."""
    life = allowed(call, vm_id, Action.SNAPSHOT_DELETE)
    records = life.vm.history
    keeps = bool(records) and can(life.settings, records[-1].vm_mad, "KEEP_SNAPSHOTS")
    what = f"Could not delete snapshot {snapshot_id} for VM {vm_id}"
    must_be(life, (RUNNING, POWEROFF) if keeps else (RUNNING,), what)
    if not _mark(life.vm, snapshot_id, "DELETE"):
        raise ActionError(f"{what}, it does not exist.")
    life.take(Event.SNAPSHOT if life.place == RUNNING else Event.SNAPSHOT_OFF)
    return vm_id


def _disk_of(call: Call, vm_id: int, disk_id: int) -> dict[str, str]:
    """The disk, of a machine that is not locked. Raises :class:`ActionError`."""
    disk = find_disk(peek(call.transaction, Vm, vm_id), disk_id)
    if not disk:
        raise ActionError(_NO_DISK)
    return disk


def _allowed_disk(call: Call, vm_id: int, action: Action, disk: dict[str, str], *, image: bool) -> Life:
    """The machine, for a caller with the right; with ``image`` also to manage the image of the disk."""
    question = question_for(call, vm_id, action)
    if image:
        question.add(Op.MANAGE, peek(call.transaction, Image, image_of(disk)).target())
    question.check()
    return life_of(call, vm_id)


def create_of_disk(call: Call, vm_id: int, disk_id: int, name: str) -> int:
    """Take a snapshot of a disk; its number."""
    seen = _disk_of(call, vm_id, disk_id)
    if is_volatile(seen):
        raise ActionError("Cannot make snapshots on volatile disks")
    image = image_owner_pays(seen)
    life = _allowed_disk(call, vm_id, Action.DISK_SNAPSHOT_CREATE, seen, image=image)
    must_be(life, (RUNNING, POWEROFF, SUSPENDED), f"Could not create a new snapshot for VM {vm_id}")
    disk = find_disk(life.vm, disk_id)
    if not disk.get("SIZE", "").isdecimal():
        raise ActionError("Wrong size in disk")
    if is_yes(disk.get("READONLY")):
        raise ActionError("Cannot make snapshots on readonly disks")
    size = number(disk["SIZE"])
    orphans = disk.get("ALLOW_ORPHANS", "NO").upper()
    snapshots = snapshots_of(life.vm, disk) or Snapshots(disk_id=disk_id, orphans=orphans)
    oid = snapshots.add(name, size)
    set_snapshots(life.vm, disk, snapshots)
    mark_snapshotted(disk, oid)
    count_for_image(life, disk, size)
    life.take(Event.DISK_SNAPSHOT_CREATE)
    return oid


def _snapshots_for(life: Life, disk_id: int) -> tuple[dict[str, str], Snapshots]:
    disk = find_disk(life.vm, disk_id)
    if not disk:
        raise ActionError(_NO_DISK)
    snapshots = snapshots_of(life.vm, disk)
    if snapshots is None:
        raise ActionError(_NO_SNAPSHOT)
    return disk, snapshots


def revert_disk(call: Call, vm_id: int, disk_id: int, snapshot_id: int) -> int:
    """Go back to a snapshot of a disk."""
    life = allowed(call, vm_id, Action.DISK_SNAPSHOT_REVERT)
    must_be(life, (POWEROFF, SUSPENDED), f"Could not revert to disk snapshot for VM {vm_id}")
    disk, snapshots = _snapshots_for(life, disk_id)
    if not snapshots.get(snapshot_id):
        raise ActionError(f"Disk id ({disk_id}) or snapshot id ({snapshot_id}) is not invalid.")
    mark_snapshotted(disk, snapshot_id)
    life.take(Event.DISK_SNAPSHOT_REVERT)
    return vm_id


def delete_of_disk(call: Call, vm_id: int, disk_id: int, snapshot_id: int) -> int:
    """Delete a snapshot of a disk."""
    seen = _disk_of(call, vm_id, disk_id)
    persistent = is_yes(seen.get("PERSISTENT"))
    life = _allowed_disk(call, vm_id, Action.DISK_SNAPSHOT_DELETE, seen, image=persistent)
    must_be(life, (RUNNING, POWEROFF, SUSPENDED), f"Could not delete disk snapshot from VM {vm_id}")
    disk, snapshots = _snapshots_for(life, disk_id)
    reason = snapshots.refusal(snapshot_id)
    if reason:
        raise ActionError(reason)
    mark_snapshotted(disk, snapshot_id)
    life.take(Event.DISK_SNAPSHOT_DELETE)
    return vm_id


def rename_of_disk(call: Call, vm_id: int, disk_id: int, snapshot_id: int, name: str) -> int:
    """Give a snapshot of a disk another name."""
    life = allowed(call, vm_id, Action.DISK_SNAPSHOT_RENAME)
    disk, snapshots = _snapshots_for(life, disk_id)
    if not snapshots.rename(snapshot_id, name):
        raise ActionError(_NO_SNAPSHOT)
    set_snapshots(life.vm, disk, snapshots)
    life.save()
    return vm_id
