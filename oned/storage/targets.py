"""What a disk gets from a datastore: where its data goes (CLONE_TARGET, LN_TARGET) and in which form.

Source: OpenNebula 6.0, "Storage Driver", TM_MAD_CONF. ``NONE``: the disk stays where the image is, ``SELF``: it is
copied within the image's datastore, ``SYSTEM``: it goes to the system datastore. TM_MAD_SYSTEM of a virtual machine
picks another column of the same table (``CLONE_TARGET_SSH``).
"""

from oned.config import Settings
from oned.infrastructure.datastores import driver_conf
from oned.model.datastore import Datastore
from oned.storage.inherit import inherit

Disk = dict[str, str]


def is_volatile(disk: Disk) -> bool:
    """Whether the disk has no image: an empty file system, or swap space."""
    return disk.get("TYPE", "").upper() in {"FS", "SWAP"}


def datastore_driver(datastore: Datastore, settings: Settings) -> str:
    """The format that a datastore forces on its images, empty when it leaves that to them."""
    conf = driver_conf(settings, "TM_MAD_CONF", datastore.tm_mad) or {}
    return conf.get("DRIVER") or datastore.template.get("DRIVER")


def persistent_only(datastore: Datastore, settings: Settings) -> bool:
    """Whether the datastore takes only persistent images (DS_MAD_CONF)."""
    conf = driver_conf(settings, "DS_MAD_CONF", datastore.ds_mad) or {}
    return conf.get("PERSISTENT_ONLY", "").upper() == "YES"


def checked_capacity(datastore: Datastore, settings: Settings) -> int | None:
    """The megabytes that a new image may have, None where the configuration does not ask for a check."""
    asked = datastore.template.get("DATASTORE_CAPACITY_CHECK") or settings.raw.get(
        "DATASTORE_CAPACITY_CHECK", "yes"
    )
    return available(datastore) if asked.upper() == "YES" else None


def available(datastore: Datastore) -> int:
    """The megabytes left in a datastore, its LIMIT_MB counted."""
    free = datastore.free_mb
    limit = datastore.template.get("LIMIT_MB")
    if limit.isdecimal():
        free = min(free, int(limit) - datastore.used_mb)
    return max(free, 0)


def tm_target(disk: Disk) -> str:
    """``SYSTEM``, ``SELF`` or ``NONE``: where the data of a disk is; empty for a disk without an image."""
    clone = disk.get("CLONE", "").upper()
    return disk.get("CLONE_TARGET" if clone == "YES" else "LN_TARGET", "").upper() if clone else ""


def datastore_attributes(datastore: Datastore, disk: Disk, settings: Settings) -> None:
    """Write what comes from ``datastore`` into ``disk``; for a disk without an image it is a system datastore."""
    volatile = is_volatile(disk)
    disk |= {
        "DATASTORE": datastore.name,
        "DATASTORE_ID": str(datastore.oid),
        "TM_MAD": datastore.tm_mad,
        "CLUSTER_ID": ",".join(str(oid) for oid in sorted(datastore.clusters)),
    }
    system = disk.get("TM_MAD_SYSTEM", "").strip().upper()
    for name in ("CLONE_TARGET", "LN_TARGET"):
        own = datastore.template.get(f"{name}_{system}") if system else ""
        target = own or datastore.template.get(name)
        if target and not disk.get(name):
            disk[name] = target
    inherit(disk, datastore.template, settings.names("INHERIT_DATASTORE_ATTR"))
    if system:
        _set_types(disk, datastore.template.get(f"DISK_TYPE_{system}"))
    elif volatile and not disk.get("DISK_TYPE"):
        disk["DISK_TYPE"] = datastore.disk_type.name
    if volatile:
        _volatile_format(datastore, disk, settings)


def _set_types(disk: Disk, kind: str) -> None:
    """The type of a disk that the drivers of another system datastore handle."""
    if not kind:
        return
    disk["DISK_TYPE"] = kind
    if disk.get("TYPE", "").endswith("CDROM"):
        disk["TYPE"] = "CDROM" if kind in {"FILE", "ISCSI", "NONE"} else f"{kind}_CDROM"
    else:
        disk["TYPE"] = kind


def _volatile_format(datastore: Datastore, disk: Disk, settings: Settings) -> None:
    """The format: swap is raw, else the datastore's, the disk's own, or raw."""
    own = "" if disk["TYPE"].upper() == "SWAP" else datastore_driver(datastore, settings) or disk.get("FORMAT", "")
    disk["DRIVER"] = disk["FORMAT"] = own or "raw"
