"""Disks of virtual machines: the image behind each, taken when one is made and given back when it ends.

A disk is the mapping DISK of a template; what comes from the image and from its datastore is written into it.
Source: OpenNebula 6.0, "Virtual Machine Template", "Disks Section", and INHERIT_*_ATTR, TM_MAD_CONF of ``oned.conf``.
"""

from dataclasses import dataclass

from oned.access.acl import Authorization, Op
from oned.config import Settings
from oned.database.db import Transaction
from oned.database.pools import find
from oned.defaults import CDROM_PREFIX, DISK_PREFIX
from oned.errors import InternalError
from oned.methods.call import Call
from oned.model.datastore import Datastore, DiskType
from oned.model.image import Image, ImageState, ImageType
from oned.model.snapshots import Snapshots
from oned.model.user import User
from oned.storage.images import store
from oned.storage.inherit import inherit
from oned.storage.reading import glance, held, named
from oned.storage.targets import Disk, datastore_attributes, is_volatile
from onelib.template import Template

_CDROMS = {
    DiskType.RBD: DiskType.RBD_CDROM,
    DiskType.GLUSTER: DiskType.GLUSTER_CDROM,
    DiskType.SHEEPDOG: DiskType.SHEEPDOG_CDROM,
}
_RELEASED = {
    ImageState.USED: ImageState.READY,
    ImageState.USED_PERS: ImageState.READY,
    ImageState.LOCKED_USED: ImageState.LOCKED,
    ImageState.LOCKED_USED_PERS: ImageState.LOCKED,
}
"""Where a state goes when the last virtual machine gives the image back."""


@dataclass(frozen=True)
class Acquired:
    """What a disk has become: what decides about its device name, and the snapshots that its image keeps."""

    type: ImageType
    dev_prefix: str
    snapshots: Snapshots | None = None


def names_image(disk: Disk) -> bool:
    """Whether the disk is made of an image."""
    return bool(disk.get("IMAGE") or disk.get("IMAGE_ID"))


def resolve_disk(call: Call, disk: Disk, question: Authorization | None = None, *, heed_lock: bool = True) -> int:
    """The id of the image a disk names, written to its IMAGE_ID; -1 for a volatile disk.

    Its owner is IMAGE_UID or IMAGE_UNAME, else the caller. The caller has to be allowed to use it; with ``question``
    that is only added to it, so that one answer names all that is refused. Raises :class:`InternalError` when there
    is no such image, and :class:`oned.errors.AuthorizationError`.
    """
    if not names_image(disk):
        return -1
    image = _image_of(call, disk)
    disk["IMAGE_ID"] = str(image.oid)
    heed = heed_lock and not image.state.is_locked
    asked = (call.authorization() if question is None else question).add(Op.USE, image.target(), heed_lock=heed)
    if question is None:
        asked.check()
    return image.oid


def _image_of(call: Call, disk: Disk) -> Image:
    """The image that the disk names: IMAGE counts before IMAGE_ID."""
    name, number = disk.get("IMAGE", ""), disk.get("IMAGE_ID", "")
    owner = _owner(call, disk)
    found = glance(call.transaction, Image, named(call.transaction, Image.table, name, owner)) if name else None
    if found is not None:
        return found
    if not number:
        raise InternalError(
            f"User {owner if owner != -1 else call.caller.uid} does not own an image with name: {name} . "
            "Set IMAGE_UNAME or IMAGE_UID of owner in DISK."
        )
    found = glance(call.transaction, Image, int(number)) if number.isdecimal() else None
    if found is None:
        raise InternalError(f"Image with ID: {number} does not exist")
    return found


def _owner(call: Call, disk: Disk) -> int:
    """The user whose image a name is, -1 for one who does not exist."""
    if disk.get("IMAGE_UID"):
        return int(disk["IMAGE_UID"]) if disk["IMAGE_UID"].isdecimal() else -1
    if not disk.get("IMAGE_UNAME"):
        return call.caller.uid
    user = find(call.transaction, User, disk["IMAGE_UNAME"])
    return -1 if user is None else user.oid


def volatile(disk: Disk, settings: Settings) -> Acquired:
    """Check a disk without an image and complete it. Raises :class:`InternalError`."""
    kind = disk.get("TYPE", "").upper()
    if not is_volatile(disk):
        raise InternalError(f"Unknown disk type {kind}")
    if not disk.get("SIZE", "").isdecimal() or int(disk["SIZE"]) == 0:
        raise InternalError("SIZE attribute must be a positive integer value.")
    if not disk.get("DEV_PREFIX"):
        disk["DEV_PREFIX"] = settings.raw.get("DEFAULT_DEVICE_PREFIX", DISK_PREFIX)
    return Acquired(ImageType.DATABLOCK, disk["DEV_PREFIX"])


def acquire(
    transaction: Transaction,
    image_id: int,
    vm_id: int,
    disk: Disk,
    *,
    settings: Settings,
    attach: bool = False,
) -> Acquired:
    """Take an image for a virtual machine and write what comes from it into ``disk``.

    An image that a driver still works on may be taken too: the disk then says ``CLONING``, and
    ``oned.life.cloning.image_changed`` tells when it is done; not with ``attach``, for a disk of a running machine.
    Raises :class:`InternalError`.
    """
    image = held(transaction, Image, image_id)
    if image is None:
        raise InternalError(f"Image with ID: {image_id} does not exist")
    datastore = glance(transaction, Datastore, image.datastore_id)
    if datastore is None:
        raise InternalError("Associated datastore for the image does not exist")
    _check_size(image, disk)
    _take(image, vm_id, attach=attach)
    store(transaction, image)
    image_attributes(image, disk, settings)
    datastore_attributes(datastore, disk, settings)
    keeps = len(image.snapshots) > 0 and image.type in {ImageType.OS, ImageType.DATABLOCK}
    return Acquired(image.type, disk["DEV_PREFIX"], image.snapshots.copy() if keeps else None)


def _take(image: Image, vm_id: int, *, attach: bool) -> None:
    """Add a virtual machine to the users of an image. Raises :class:`InternalError`."""
    if image.type.is_file:
        raise InternalError(f"Image {image.oid} ({image.name}) of type {image.type.name} cannot be used as DISK.")
    state = image.state
    shared = image.template.get("PERSISTENT_TYPE").upper() == "SHAREABLE"
    if state in {ImageState.USED_PERS, ImageState.LOCKED_USED_PERS} and not shared:
        raise InternalError(f"Cannot acquire image {image.oid}, it is persistent and already in use")
    if attach and state.is_locked:
        raise InternalError(f"Cannot acquire image {image.oid}, it is locked")
    if state is ImageState.READY:
        image.state = ImageState.USED_PERS if image.persistent else ImageState.USED
    elif state is ImageState.LOCKED:
        image.state = ImageState.LOCKED_USED_PERS if image.persistent else ImageState.LOCKED_USED
    elif state not in _RELEASED:
        raise InternalError(f"Cannot acquire image {image.oid}, it is in state: {state.label}")
    image.vms.add(vm_id)


def _check_size(image: Image, disk: Disk) -> None:
    """Refuse a SIZE that a disk of this image cannot have. Raises :class:`InternalError`."""
    if not disk.get("SIZE", "").isdecimal():
        return
    size = int(disk["SIZE"])
    if size == image.size:
        return
    if image.persistent:
        raise InternalError(f"SIZE attribute is not supported for persistent image [{image.oid}].")
    if image.type is ImageType.CDROM:
        raise InternalError(f"SIZE attribute is not supported for CDROM image [{image.oid}].")
    if size < image.size:
        raise InternalError(f"SIZE of {size}MB is less than the image [{image.oid}] size of {image.size}MB.")


def image_attributes(image: Image, disk: Disk, settings: Settings) -> None:
    """Write what comes from the image into ``disk``."""
    template = image.template
    if not disk.get("DEV_PREFIX"):
        disk["DEV_PREFIX"] = template.get("DEV_PREFIX") or default_prefix(settings, image.type)
    disk |= {
        "IMAGE": image.name,
        "IMAGE_ID": str(image.oid),
        "SOURCE": image.source,
        "ORIGINAL_SIZE": str(image.size),
        "DISK_SNAPSHOT_TOTAL_SIZE": str(image.snapshots.total_size),
        "IMAGE_STATE": str(image.state.value),
    }
    if not disk.get("SIZE"):
        disk["SIZE"] = str(image.size)
    for name in ("DRIVER", "FORMAT", "CLONING"):
        disk.pop(name, None)
    if image.format:
        disk["DRIVER"] = disk["FORMAT"] = image.format.lower()
    if image.state.is_locked:
        disk["CLONING"] = "YES"
    _modes(image, disk, template)
    is_cdrom = image.type is ImageType.CDROM
    disk["TYPE"] = (_CDROMS.get(image.disk_type, DiskType.CDROM) if is_cdrom else image.disk_type).name
    if not disk.get("TARGET") and template.get("TARGET"):
        disk["TARGET"] = template.get("TARGET")
    inherit(disk, template, settings.names("INHERIT_IMAGE_ATTR"))


def _modes(image: Image, disk: Disk, template: Template) -> None:
    """Whether the disk is a copy, is saved to the image, and may be written."""
    how = template.get("PERSISTENT_TYPE").upper()
    if image.type is ImageType.CDROM or how == "IMMUTABLE":
        disk |= {"SAVE": "NO", "CLONE": "NO", "READONLY": "YES"}
        return
    if not disk.get("READONLY"):
        disk["READONLY"] = "YES" if template.get("READONLY").upper() == "YES" else "NO"
    if not image.persistent:
        disk |= {"CLONE": "YES", "SAVE": "NO"}
        return
    disk |= {"PERSISTENT": "YES", "CLONE": "NO", "SAVE": "YES"}
    if how == "SHAREABLE" and image.format == "raw":
        disk["SHAREABLE"] = "YES"


def default_prefix(settings: Settings, kind: ImageType) -> str:
    """The first letters of the device names of an image's disks."""
    if kind is ImageType.CDROM:
        return settings.raw.get("DEFAULT_CDROM_DEVICE_PREFIX", CDROM_PREFIX)
    return settings.raw.get("DEFAULT_DEVICE_PREFIX", DISK_PREFIX)


def put_back(
    transaction: Transaction, image_id: int, *, size: int = 0, snapshots: Snapshots | None = None
) -> None:
    """Keep what a virtual machine made of a persistent image: a larger ``size`` in megabytes, and its snapshots.

    To be called before :func:`release`.
    """
    image = held(transaction, Image, image_id)
    if image is None or image.state is not ImageState.USED_PERS:
        return
    if image.type not in {ImageType.OS, ImageType.DATABLOCK}:
        return
    image.size = max(size, image.size)
    image.snapshots = Snapshots() if snapshots is None or not len(snapshots) else snapshots.copy()
    store(transaction, image)


def release(transaction: Transaction, image_id: int, vm_id: int, *, failed: bool = False) -> None:
    """Give back an image, when no other disk of the virtual machine is made of it.

    ``failed``: nobody knows what is in a persistent one. Harmless when it was not taken.
    """
    image = held(transaction, Image, image_id)
    if image is None or vm_id not in image.vms:
        return
    image.vms.remove(vm_id)
    if image.state in {ImageState.USED_PERS, ImageState.LOCKED_USED_PERS} and failed:
        image.state = ImageState.ERROR
    elif not image.vms and (image.persistent or not image.cloning_ops):
        image.state = _RELEASED.get(image.state, image.state)
    store(transaction, image)
