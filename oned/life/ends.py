"""How work on disks, interfaces, snapshots and sizes ends: what was marked is kept, dropped or put back."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from oned.access import quota
from oned.access.quota import Usage
from oned.infrastructure import capacity
from oned.infrastructure.capacity import Request
from oned.life import marks
from oned.life.release import give_back_disk, image_of, keep_in_image, snapshots_of
from oned.life.steps import Do
from oned.model.image import Image
from oned.model.snapshots import Snapshots
from oned.model.vm import Vm
from oned.model.vm_short import nics_of
from oned.model.vm_states import Action
from oned.network import nics
from oned.network.groups import groups_of, leave
from oned.storage.reading import glance
from oned.storage.saveas import finish
from oned.vm.context import drop_network, is_yes
from oned.vm.usage import decimal, is_volatile, number, tm_target

if TYPE_CHECKING:
    from oned.life.machine import Life

Vector = dict[str, str]
_DETACHES = {Action.DISK_DETACH, Action.NIC_DETACH, Action.ALIAS_DETACH}
_CAPACITY = ("CPU", "VCPU", "MEMORY")


def _detaching(vm: Vm) -> bool:
    """Whether what is marked is on its way out: the record before ended with that."""
    return len(vm.history) > 1 and vm.history[-2].action in _DETACHES


def _disk_kept(life: "Life") -> None:
    marks.unmark_attached(marks.attached(life.vm))


def _disk_dropped(life: "Life") -> None:
    vm, disk = life.vm, marks.attached(life.vm)
    if not disk:
        return
    marks.remove_vector(vm, disk)
    others = {image_of(other) for other in vm.template.vectors("DISK")}
    if image_of(disk) in others:
        keep_in_image(life.transaction, vm, disk)
    else:
        give_back_disk(life.transaction, vm, disk)
    vm.snapshots.pop(number(disk.get("DISK_ID")), None)


def _hotplug(life: "Life", *, success: bool) -> None:
    """The end of attaching, of detaching, or of an update of the configuration, which marks nothing."""
    if success is _detaching(life.vm):
        _disk_dropped(life)
    else:
        _disk_kept(life)


def _nic(life: "Life", *, success: bool) -> None:
    if success is _detaching(life.vm):
        drop_nic(life)
    else:
        marks.unmark_attached(marks.attached_nic(life.vm))


def _kind_of(nic: Vector) -> str:
    return "NIC_ALIAS" if nic.get("PARENT_ID") else "NIC"


def _ids(text: str) -> list[str]:
    return [part for part in text.split(",") if part]


def drop_nic(life: "Life") -> None:
    """Take the marked interface away, with its aliases, its addresses, and the rules that no other one needs."""
    vm, nic = life.vm, marks.attached_nic(life.vm)
    if not nic:
        return
    before = groups_of(nics_of(vm.template))
    aliases = [marks.find_nic(vm, int(alias)) for alias in _ids(nic.get("ALIAS_IDS", "")) if alias.isdecimal()]
    gone = [*(alias for alias in aliases if alias), nic]
    numbers = {each.get("NIC_ID") for each in gone}
    for each in gone:
        drop_network(vm, _kind_of(each), each)
    for number_ in sorted(filter(None, numbers), key=int):
        marks.remove_vector(vm, marks.find_nic(vm, int(number_)))
    for parent in nics_of(vm.template):
        kept = [alias for alias in _ids(parent.get("ALIAS_IDS", "")) if alias not in numbers]
        if parent.get("ALIAS_IDS"):
            parent["ALIAS_IDS"] = ",".join(kept)
    for each in gone:
        nics.release(life.transaction, vm.oid, each)
    _leave_groups(life, before - groups_of(nics_of(vm.template)))


def _leave_groups(life: "Life", group_ids: set[int]) -> None:
    rules = life.vm.template.vectors("SECURITY_GROUP_RULE")
    life.vm.template.erase("SECURITY_GROUP_RULE")
    for rule in rules:
        if number(rule.get("SECURITY_GROUP_ID")) not in group_ids:
            life.vm.template.add("SECURITY_GROUP_RULE", rule)
    leave(life.transaction, life.vm.oid, group_ids)


def _snapshot(life: "Life", *, success: bool) -> None:
    vector = marks.snapshot(life.vm)
    action = vector.get("ACTION", "")
    if action == "CREATE" and success:
        words = life.answer.split()
        vector["HYPERVISOR_ID"] = words[0] if words else vector.get("SNAPSHOT_ID", "")
    if success is (action == "DELETE") and action in {"CREATE", "DELETE"}:
        marks.remove_vector(life.vm, vector)
    else:
        marks.unmark_snapshot(vector)


def image_owner_pays(disk: Vector) -> bool:
    """Whether what a disk grows by counts for the owner of its image."""
    return not is_volatile(disk) and (is_yes(disk.get("PERSISTENT")) or tm_target(disk) == "NONE")


def count_for_image(life: "Life", disk: Vector, size: int) -> None:
    """Count ``size`` more megabytes for the owner of the disk's image; negative ones are given back.

    Raises :class:`oned.errors.AuthorizationError`.
    """
    image = glance(life.transaction, Image, image_of(disk)) if image_owner_pays(disk) else None
    if image is not None:
        usage = Usage(datastores={number(disk.get("DATASTORE_ID")): (0, size)})
        quota.charge(life.transaction, image.uid, image.gid, usage)


def set_snapshots(vm: Vm, disk: Vector, snapshots: Snapshots) -> None:
    """Let a disk have these snapshots."""
    oid = number(disk.get("DISK_ID"))
    disk["DISK_SNAPSHOT_TOTAL_SIZE"] = str(snapshots.total_size)
    if len(snapshots):
        vm.snapshots[oid] = snapshots.to_xml()
    else:
        vm.snapshots.pop(oid, None)


def _disk_snapshot(life: "Life", *, success: bool) -> None:
    vm, disk = life.vm, marks.snapshotted(life.vm)
    snapshots, oid = snapshots_of(vm, disk), number(disk.get("DISK_SNAPSHOT_ID"))
    marks.unmark_snapshotted(disk)
    if not disk or snapshots is None:
        return
    what = vm.lcm_state.name
    if "DELETE" in what or "REVERT" in what:
        dropped = success and "DELETE" in what
        if success and "REVERT" in what:
            snapshots.activate(oid, revert=True)
    else:
        dropped = not success
        if success:
            snapshots.activate(oid, revert=False)
    if dropped:
        count_for_image(life, disk, -snapshots.size(oid))
        snapshots.delete(oid)
    set_snapshots(vm, disk, snapshots)
    if image_owner_pays(disk) and tm_target(disk) == "NONE":
        keep_in_image(life.transaction, vm, disk)


def _resize(life: "Life", *, success: bool) -> None:
    vm = life.vm
    old = vm.template.vector("RESIZE")
    vm.template.erase("RESIZE")
    if success or not old:
        return
    before = _request(vm)
    for name in _CAPACITY:
        if old.get(name):
            vm.template.set(name, old[name])
    capacity.resize(life.transaction, vm.history[-1].hid, before, _request(vm), enforce=False)


def _request(vm: Vm) -> Request:
    cores, memory = decimal(vm.template.get("CPU")), number(vm.template.get("MEMORY"))
    return Request.of(vm.oid, cores, memory, vm.template)


def _disk_resize(life: "Life", *, success: bool) -> None:
    vm, disk = life.vm, marks.resized(life.vm)
    if not disk:
        return
    if not success:
        count_for_image(life, disk, number(disk.get("SIZE_PREV")) - number(disk.get("SIZE")))
    marks.unmark_resized(disk, restore=not success)
    if success and image_owner_pays(disk) and tm_target(disk) == "NONE":
        keep_in_image(life.transaction, vm, disk)


def _save_as(life: "Life", *, success: bool) -> None:
    disk = marks.saved(life.vm)
    if disk:
        finish(life.transaction, marks.unmark_saved(disk), ready=success)


def _abandon(life: "Life") -> None:
    """The machine is deleted in the middle of something: its disks go or are made again as they were."""
    vm = life.vm
    for vector in (marks.attached(vm), marks.attached_nic(vm)):
        marks.unmark_attached(vector)
    marks.unmark_snapshotted(marks.snapshotted(vm))
    marks.unmark_snapshot(marks.snapshot(vm))
    _disk_resize(life, success=False)
    vm.template.erase("RESIZE")
    _save_as(life, success=False)


def _disk_snapshots_out(life: "Life") -> None:
    """Disks that will be copied again lose their snapshots."""
    for disk in life.vm.template.vectors("DISK"):
        snapshots = snapshots_of(life.vm, disk)
        if snapshots is None or tm_target(disk) == "NONE":
            continue
        count_for_image(life, disk, -snapshots.total_size)
        marks.unmark_snapshotted(disk)
        disk.pop("DISK_SNAPSHOT_TOTAL_SIZE", None)
        life.vm.snapshots.pop(number(disk.get("DISK_ID")), None)


_Function = Callable[["Life"], None]


def _both(function: Callable[..., None]) -> tuple[_Function, _Function]:
    return (lambda life: function(life, success=True)), (lambda life: function(life, success=False))


_PAIRS: tuple[tuple[Do, Do, Callable[..., None]], ...] = (
    (Do.HOTPLUG_SUCCESS, Do.HOTPLUG_FAILURE, _hotplug),
    (Do.NIC_SUCCESS, Do.NIC_FAILURE, _nic),
    (Do.SNAPSHOT_SUCCESS, Do.SNAPSHOT_FAILURE, _snapshot),
    (Do.DISK_SNAPSHOT_SUCCESS, Do.DISK_SNAPSHOT_FAILURE, _disk_snapshot),
    (Do.RESIZE_SUCCESS, Do.RESIZE_FAILURE, _resize),
    (Do.DISK_RESIZE_SUCCESS, Do.DISK_RESIZE_FAILURE, _disk_resize),
    (Do.SAVE_AS_SUCCESS, Do.SAVE_AS_FAILURE, _save_as),
)


def _functions() -> dict[Do, _Function]:
    functions: dict[Do, _Function] = {
        Do.DISK_KEPT: _disk_kept,
        Do.DISK_DROPPED: _disk_dropped,
        Do.ABANDON: _abandon,
        Do.DISK_SNAPSHOTS_OUT: _disk_snapshots_out,
    }
    for yes, no, function in _PAIRS:
        functions[yes], functions[no] = _both(function)
    return functions


FUNCTIONS = _functions()
"""A function for each end."""
