"""Marks in the template of a virtual machine: which disk, interface or snapshot is being worked on.

They are upstream's (``ATTACH``, ``RESIZE``, ``DISK_SNAPSHOT_ACTIVE``, ``HOTPLUG_SAVE_AS_ACTIVE``, ``ACTIVE``), so that
a machine is continued from its body alone.
"""

from oned.model.vm import Vm
from oned.model.vm_short import nics_of

Vector = dict[str, str]

_ATTACH = "ATTACH"
_RESIZE = "RESIZE"
_DISK_SNAPSHOT = ("DISK_SNAPSHOT_ACTIVE", "DISK_SNAPSHOT_ID")
_SAVE_AS = ("HOTPLUG_SAVE_AS_ACTIVE", "HOTPLUG_SAVE_AS", "HOTPLUG_SAVE_AS_SOURCE", "HOTPLUG_SAVE_AS_SNAPSHOT_ID")
_SNAPSHOT = ("ACTIVE", "ACTION")


def _marked(vectors: list[Vector], mark: str) -> Vector:
    return next((vector for vector in vectors if vector.get(mark, "").upper() == "YES"), {})


def _unmark(vector: Vector, *marks: str) -> None:
    for mark in marks:
        vector.pop(mark, None)


def find_disk(vm: Vm, disk_id: int) -> Vector:
    """The disk with that DISK_ID; empty without one."""
    return next((disk for disk in vm.template.vectors("DISK") if disk.get("DISK_ID") == str(disk_id)), {})


def find_nic(vm: Vm, nic_id: int) -> Vector:
    """The interface or alias with that NIC_ID; empty without one."""
    return next((nic for nic in nics_of(vm.template) if nic.get("NIC_ID") == str(nic_id)), {})


def remove_vector(vm: Vm, vector: Vector) -> None:
    """Take one vector attribute (the very mapping) out of the TEMPLATE; the others of its name are copied by that."""
    for name in vm.template.names():
        values = vm.template.all(name)
        if any(value is vector for value in values):
            vm.template.erase(name)
            for value in values:
                if value is not vector:
                    vm.template.add(name, value)
            return


def attached(vm: Vm) -> Vector:
    """The disk that is being attached or detached."""
    return _marked(vm.template.vectors("DISK"), _ATTACH)


def attached_nic(vm: Vm) -> Vector:
    """The interface that is being attached or detached."""
    return _marked(nics_of(vm.template), _ATTACH)


def mark_attached(vector: Vector) -> None:
    """This disk or interface is being attached or detached."""
    vector[_ATTACH] = "YES"


def unmark_attached(vector: Vector) -> None:
    """It is attached."""
    _unmark(vector, _ATTACH)


def resized(vm: Vm) -> Vector:
    """The disk that is being resized."""
    return _marked(vm.template.vectors("DISK"), _RESIZE)


def mark_resized(disk: Vector, size: int) -> None:
    """This disk is to become ``size`` megabytes large."""
    disk |= {"SIZE_PREV": disk.get("SIZE", ""), "SIZE": str(size), _RESIZE: "YES"}


def unmark_resized(disk: Vector, *, restore: bool) -> None:
    """The resize is over; with ``restore`` it has not changed the disk."""
    if restore and disk.get("SIZE_PREV"):
        disk["SIZE"] = disk["SIZE_PREV"]
    _unmark(disk, _RESIZE, "SIZE_PREV")


def snapshotted(vm: Vm) -> Vector:
    """The disk whose snapshots are being worked on."""
    return _marked(vm.template.vectors("DISK"), _DISK_SNAPSHOT[0])


def mark_snapshotted(disk: Vector, snapshot_id: int) -> None:
    """This snapshot of the disk is being made, gone back to or deleted."""
    disk |= {_DISK_SNAPSHOT[0]: "YES", _DISK_SNAPSHOT[1]: str(snapshot_id)}


def unmark_snapshotted(disk: Vector) -> None:
    """Work on the snapshots of the disk is over."""
    _unmark(disk, *_DISK_SNAPSHOT)


def saved(vm: Vm) -> Vector:
    """The disk that is being saved as an image."""
    return _marked(vm.template.vectors("DISK"), _SAVE_AS[0])


def mark_saved(disk: Vector, image_id: int, source: str, snapshot_id: int) -> None:
    """This disk, or one of its snapshots, is being copied to an image."""
    values = ("YES", str(image_id), source, str(snapshot_id))
    disk |= dict(zip(_SAVE_AS, values, strict=True))


def unmark_saved(disk: Vector) -> int:
    """The copy is over; the id of its image, -1 when that is not known."""
    text = disk.get(_SAVE_AS[1], "")
    _unmark(disk, *_SAVE_AS)
    return int(text) if text.isdecimal() else -1


def snapshot(vm: Vm) -> Vector:
    """The snapshot of the whole machine that is being made, gone back to or deleted."""
    return _marked(vm.template.vectors("SNAPSHOT"), _SNAPSHOT[0])


def mark_snapshot(vector: Vector, action: str) -> None:
    """``action`` is ``CREATE``, ``REVERT`` or ``DELETE``."""
    vector |= {_SNAPSHOT[0]: "YES", _SNAPSHOT[1]: action}


def unmark_snapshot(vector: Vector) -> None:
    """Work on the snapshot is over."""
    _unmark(vector, *_SNAPSHOT)
