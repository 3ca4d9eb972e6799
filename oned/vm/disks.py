"""The disks of a machine: their numbers, images and device names. Source: OpenNebula 6.0, "Disks Section"."""

from collections.abc import Iterable

from oned.access.acl import Authorization
from oned.errors import InternalError
from oned.methods.call import Call
from oned.model.image import Image, ImageType
from oned.model.vm import Vm
from oned.storage.disks import Acquired, acquire, default_prefix, names_image, resolve_disk, volatile
from oned.storage.reading import lock_rows
from onelib.template import Template

MOST = 20
"""Disks of a new machine."""
Disk = dict[str, str]
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def resolve(call: Call, template: Template, question: Authorization) -> None:
    """Write the image of each disk into it, and add its use to ``question``. Raises :class:`InternalError`."""
    for number, disk in enumerate(template.vectors("DISK")):
        try:
            resolve_disk(call, disk, question)
        except InternalError as error:
            raise InternalError(f"DISK {number}: {error.detail}") from None


def take(call: Call, vm: Vm) -> None:
    """Move the disks and the context of a new machine to its template, and take the images.

    Raises :class:`InternalError` with upstream's text.
    """
    for name in ("CONTEXT", "DISK"):
        for vector in vm.user_template.vectors(name):
            vm.template.add(name, vector)
        vm.user_template.erase(name)
    disks = vm.template.vectors("DISK")
    if len(disks) > MOST:
        raise InternalError(f"Exceeded the maximum number of disks ({MOST})")
    system = vm.user_template.get("TM_MAD_SYSTEM")
    if system:
        vm.user_template.erase("TM_MAD_SYSTEM")
        vm.template.set("TM_MAD_SYSTEM", system)
    lock_rows(call.transaction, Image.table, {int(disk["IMAGE_ID"]) for disk in disks if names_image(disk)})
    acquired = [take_one(call, vm, disk, number) for number, disk in enumerate(disks)]
    _assign_targets(call, vm, list(zip(disks, acquired, strict=True)))


def take_one(call: Call, vm: Vm, disk: Disk, number: int, *, attach: bool = False) -> Acquired:
    """Take the image of the disk ``number``, already resolved, or complete it as one without an image.

    ``attach``: for a machine that exists. Raises :class:`InternalError`.
    """
    system = vm.template.get("TM_MAD_SYSTEM")
    if system:
        disk["TM_MAD_SYSTEM"] = system
    else:
        disk.pop("TM_MAD_SYSTEM", None)
    disk["DISK_ID"] = str(number)
    try:
        if not names_image(disk):
            disk.pop("DISK_SNAPSHOT_TOTAL_SIZE", None)  # counts against quotas: not a user's to say
            return volatile(disk, call.settings)
        found = acquire(
            call.transaction, int(disk["IMAGE_ID"]), vm.oid, disk, settings=call.settings, attach=attach
        )
    except InternalError as error:
        raise InternalError(f"DISK {number}: {error.detail}") from None
    if found.snapshots is not None:
        vm.snapshots[number] = found.snapshots.copy(number).to_xml()
    return found


def used_targets(template: Template) -> set[str]:
    """The device names of the disks and the context."""
    vectors = [*template.vectors("DISK"), *template.vectors("CONTEXT")[:1]]
    return {vector["TARGET"] for vector in vectors if vector.get("TARGET")}


def free_target(prefix: str, used: set[str]) -> str:
    """The first device name with ``prefix`` that is not in ``used``. Raises :class:`InternalError` without one."""
    for letter in _LETTERS:
        if prefix + letter not in used:
            return prefix + letter
    raise InternalError(f"Too many disks with the prefix {prefix}")


def _check_unique(vectors: Iterable[Disk]) -> None:
    seen: set[str] = set()
    for vector in vectors:
        target = vector.get("TARGET")
        if target and target in seen:
            raise InternalError(f"Two disks have defined the same target {target}")
        seen.add(target or "")


def _assign_targets(call: Call, vm: Vm, disks: list[tuple[Disk, Acquired]]) -> None:
    """Name the devices: the first system disk, then CDs and the context, then the others."""
    context = vm.template.vectors("CONTEXT")[:1]
    _check_unique([*(disk for disk, _ in disks), *context])
    open_disks = [(disk, found) for disk, found in disks if not disk.get("TARGET")]
    first = next((disk for disk, found in open_disks if found.type is ImageType.OS), None)
    system = [(disk, found.dev_prefix) for disk, found in open_disks if disk is first]
    cdroms = [(disk, found.dev_prefix) for disk, found in open_disks if found.type is ImageType.CDROM]
    others = [
        (disk, found.dev_prefix)
        for disk, found in open_disks
        if disk is not first and found.type in {ImageType.OS, ImageType.DATABLOCK}
    ]
    for vector in context:
        vector["DISK_ID"] = str(len(disks))
        if not vector.get("TARGET"):
            cdroms.append((vector, vector.get("DEV_PREFIX") or default_prefix(call.settings, ImageType.CDROM)))
    used = used_targets(vm.template)
    for vector, prefix in [*system, *cdroms, *others]:
        vector["TARGET"] = free_target(prefix, used)
        used.add(vector["TARGET"])
