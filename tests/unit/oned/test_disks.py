"""Disks: taking and giving back images, and what comes from image and datastore into a disk."""

from dataclasses import replace
from typing import Any

import pytest

from oned.config import Settings
from oned.database.db import Database
from oned.errors import InternalError
from oned.model.datastore import DatastoreType, DiskType
from oned.model.image import Image, ImageState, ImageType
from oned.model.snapshots import Snapshots
from oned.storage import disks
from oned.storage.targets import (
    available,
    checked_capacity,
    datastore_attributes,
    datastore_driver,
    persistent_only,
    tm_target,
)
from onelib.template import Template
from tests.unit.oned.storage_objects import datastore, get, image, put, run, topics

S = ImageState


def take(database: Database, settings: Settings, disk: dict[str, str], **how: Any) -> disks.Acquired:  # noqa: ANN401
    oid = how.pop("oid", 0)
    vm_id = how.pop("vm_id", 7)
    return run(database, lambda t: disks.acquire(t, oid, vm_id, disk, settings=settings, **how))


def give(database: Database, vm_id: int = 7, *, failed: bool = False) -> ImageState:
    run(database, lambda t: disks.release(t, 0, vm_id, failed=failed))
    return get(database, Image).state


@pytest.mark.parametrize(
    ("states", "persistent"),
    [
        ((S.READY, S.USED, S.READY), False),
        ((S.READY, S.USED_PERS, S.READY), True),
        ((S.LOCKED, S.LOCKED_USED, S.LOCKED), False),
        ((S.LOCKED, S.LOCKED_USED_PERS, S.LOCKED), True),
        ((S.USED, S.USED, S.READY), False),
        ((S.LOCKED_USED, S.LOCKED_USED, S.LOCKED), False),
    ],
)
def test_taking_and_giving_back(
    database: Database, settings: Settings, states: tuple[S, S, S], persistent: bool
) -> None:
    state, then, back = states
    put(database, datastore(), image(state=state, persistent=persistent))
    disk: dict[str, str] = {}
    take(database, settings, disk)
    taken = get(database, Image)
    assert (taken.state, taken.vms) == (then, {7})
    assert disk["IMAGE_STATE"] == str(then.value)
    assert (disk.get("CLONING") == "YES") is then.is_locked
    assert give(database) is back
    assert give(database) is back
    assert get(database, Image).vms == set()


@pytest.mark.parametrize("state", [S.INIT, S.DISABLED, S.ERROR, S.DELETE, S.CLONE])
def test_images_that_cannot_be_taken(database: Database, settings: Settings, state: S) -> None:
    put(database, datastore(), image(state=state))
    with pytest.raises(InternalError, match=rf"Cannot acquire image 0, it is in state: {state.label}"):
        take(database, settings, {})
    assert get(database, Image).vms == set()


def test_persistent_images_are_for_one(database: Database, settings: Settings) -> None:
    put(database, datastore(), image(persistent=True, template=Template([("PERSISTENT_TYPE", "SHAREABLE")])))
    disk: dict[str, str] = {}
    take(database, settings, disk)
    take(database, settings, {}, vm_id=8)
    assert give(database) is S.USED_PERS
    assert give(database, 8) is S.READY
    put(database, image("own", persistent=True, state=S.USED_PERS, vms={3}))
    with pytest.raises(InternalError, match="Cannot acquire image 1, it is persistent and already in use"):
        take(database, settings, {}, oid=1)


def test_a_running_machine_takes_no_locked_image(database: Database, settings: Settings) -> None:
    put(database, datastore(), image(state=S.LOCKED))
    with pytest.raises(InternalError, match="Cannot acquire image 0, it is locked"):
        take(database, settings, {}, attach=True)


def test_a_failure_leaves_only_a_persistent_image_in_error(database: Database, settings: Settings) -> None:
    put(database, datastore(), image(persistent=True))
    take(database, settings, {})
    assert give(database, failed=True) is S.ERROR
    put(database, image("b"))
    take(database, settings, {}, oid=1)
    run(database, lambda t: disks.release(t, 1, 7, failed=True))
    assert get(database, Image, 1).state is S.READY


def test_an_image_that_is_copied_stays_used(database: Database, settings: Settings) -> None:
    put(database, datastore(), image(state=S.USED, clones={9}))
    take(database, settings, {})
    assert give(database) is S.USED


def test_events_name_the_new_state_once(database: Database, settings: Settings) -> None:
    put(database, datastore(), image())
    take(database, settings, {})
    take(database, settings, {}, vm_id=8)
    give(database)
    give(database, 8)
    assert topics(database) == ["EVENT IMAGE 0/USED/ ", "EVENT IMAGE 0/READY/ "]


@pytest.mark.parametrize(
    ("made", "size", "text"),
    [
        ({"persistent": True, "size": 5}, 6, "SIZE attribute is not supported for persistent image [0]."),
        ({"type": ImageType.CDROM, "size": 5}, 6, "SIZE attribute is not supported for CDROM image [0]."),
        ({"size": 5}, 4, "SIZE of 4MB is less than the image [0] size of 5MB."),
    ],
)
def test_sizes_that_no_disk_can_have(
    database: Database, settings: Settings, made: dict[str, Any], size: int, text: str
) -> None:
    put(database, datastore(), image(**made))
    with pytest.raises(InternalError) as caught:
        take(database, settings, {"SIZE": str(size)})
    assert caught.value.detail == text
    assert get(database, Image).state is S.READY


def test_what_is_no_disk(database: Database, settings: Settings) -> None:
    put(database, datastore(), image(type=ImageType.KERNEL), image("lost", datastore_id=5))
    for oid, text in (
        (0, "Image 0 (image) of type KERNEL cannot be used as DISK."),
        (1, "Associated datastore for the image does not exist"),
        (5, "Image with ID: 5 does not exist"),
    ):
        with pytest.raises(InternalError) as caught:
            take(database, settings, {}, oid=oid)
        assert caught.value.detail == text


def test_a_disk_gets_all_that_6_0_writes(database: Database, settings: Settings) -> None:
    made = image(
        size=10,
        format="QCOW2",
        disk_type=DiskType.RBD,
        template=Template([("DEV_PREFIX", "vd"), ("TARGET", "vdx"), ("READONLY", "yes")]),
    )
    store = datastore(clusters={3, 1}, template=Template([("CLONE_TARGET", "SYSTEM"), ("LN_TARGET", "NONE")]))
    put(database, store, made)
    disk = {"IMAGE_ID": "0", "SIZE": "20", "DRIVER": "raw", "CLONING": "YES"}
    found = take(database, settings, disk)
    assert (found.type, found.dev_prefix, found.snapshots) == (ImageType.OS, "vd", None)
    assert disk == {
        "CLONE": "YES",
        "CLONE_TARGET": "SYSTEM",
        "CLUSTER_ID": "1,3",
        "DATASTORE": "store",
        "DATASTORE_ID": "0",
        "DEV_PREFIX": "vd",
        "DISK_SNAPSHOT_TOTAL_SIZE": "0",
        "DRIVER": "qcow2",
        "FORMAT": "qcow2",
        "IMAGE": "image",
        "IMAGE_ID": "0",
        "IMAGE_STATE": "2",
        "LN_TARGET": "NONE",
        "ORIGINAL_SIZE": "10",
        "READONLY": "YES",
        "SAVE": "NO",
        "SIZE": "20",
        "SOURCE": "/ds/image",
        "TARGET": "vdx",
        "TM_MAD": "dummy",
        "TYPE": "RBD",
    }
    assert tm_target(disk) == "SYSTEM"


@pytest.mark.parametrize(
    ("made", "wanted"),
    [
        ({"persistent": True}, {"CLONE": "NO", "SAVE": "YES", "READONLY": "NO", "PERSISTENT": "YES"}),
        ({"type": ImageType.CDROM}, {"CLONE": "NO", "SAVE": "NO", "READONLY": "YES", "TYPE": "CDROM"}),
        ({"type": ImageType.CDROM, "disk_type": DiskType.GLUSTER}, {"TYPE": "GLUSTER_CDROM"}),
        ({"template": Template([("PERSISTENT_TYPE", "immutable")])}, {"CLONE": "NO", "READONLY": "YES"}),
        (
            {"persistent": True, "format": "raw", "template": Template([("PERSISTENT_TYPE", "SHAREABLE")])},
            {"SHAREABLE": "YES"},
        ),
    ],
)
def test_modes(settings: Settings, made: dict[str, Any], wanted: dict[str, str]) -> None:
    disk: dict[str, str] = {}
    disks.image_attributes(image(**made), disk, settings)
    assert wanted.items() <= disk.items()


def test_what_disks_inherit(settings: Settings) -> None:
    raw = Template(
        [("INHERIT_IMAGE_ATTR", "ONE"), ("INHERIT_IMAGE_ATTR", "VEC"), ("INHERIT_DATASTORE_ATTR", "POOL_NAME")]
    )
    configured = replace(settings, raw=raw)
    disk = {"A": "mine"}
    template = Template([("ONE", "1"), ("VEC", {"A": "2", "B": "3"}), ("OTHER", "4")])
    disks.image_attributes(image(template=template), disk, configured)
    datastore_attributes(datastore(template=Template([("POOL_NAME", "p")])), disk, configured)
    assert (disk["ONE"], disk["A"], disk["B"], disk["POOL_NAME"]) == ("1", "mine", "3", "p")
    assert "OTHER" not in disk


def test_another_system_datastore_has_targets_of_its_own(settings: Settings) -> None:
    template = Template(
        [
            ("CLONE_TARGET", "SELF"),
            ("CLONE_TARGET_SSH", "SYSTEM"),
            ("LN_TARGET", "NONE"),
            ("DISK_TYPE_SSH", "FILE"),
        ]
    )
    disk = {"TM_MAD_SYSTEM": " ssh", "CLONE": "YES", "TYPE": "RBD_CDROM"}
    datastore_attributes(datastore(template=template), disk, settings)
    assert (disk["CLONE_TARGET"], disk["LN_TARGET"], tm_target(disk)) == ("SYSTEM", "NONE", "SYSTEM")
    assert (disk["TYPE"], disk["DISK_TYPE"]) == ("CDROM", "FILE")
    disk = {"TM_MAD_SYSTEM": "ssh", "CLONE": "NO", "TYPE": "RBD", "LN_TARGET": "SELF"}
    datastore_attributes(datastore(template=template), disk, settings)
    assert (disk["TYPE"], tm_target(disk)) == ("FILE", "SELF")
    assert tm_target({"TYPE": "fs", "CLONE_TARGET": "SELF"}) == ""


@pytest.mark.parametrize(
    ("disk", "text"),
    [
        ({"TYPE": "ext4"}, "Unknown disk type EXT4"),
        ({"TYPE": "fs"}, "SIZE attribute must be a positive integer value."),
        ({"TYPE": "fs", "SIZE": "0"}, "SIZE attribute must be a positive integer value."),
        ({"TYPE": "swap", "SIZE": "-5"}, "SIZE attribute must be a positive integer value."),
    ],
)
def test_disks_without_an_image_that_are_refused(settings: Settings, disk: dict[str, str], text: str) -> None:
    with pytest.raises(InternalError) as caught:
        disks.volatile(disk, settings)
    assert caught.value.detail == text


def test_disks_without_an_image(settings: Settings) -> None:
    disk = {"TYPE": "fs", "SIZE": "5"}
    assert disks.volatile(disk, settings).type is ImageType.DATABLOCK
    assert disk["DEV_PREFIX"] == "sd"
    system = datastore("system", type=DatastoreType.SYSTEM_DS, disk_type=DiskType.RBD)
    datastore_attributes(system, disk, settings)
    assert (disk["FORMAT"], disk["DRIVER"], disk["DISK_TYPE"]) == ("raw", "raw", "RBD")
    for own, forced, wanted in (("qcow2", "", "qcow2"), ("qcow2", "raw", "raw"), ("", "vmdk", "vmdk")):
        disk = {"TYPE": "fs", "SIZE": "5", "FORMAT": own}
        datastore_attributes(datastore(template=Template([("DRIVER", forced)])), disk, settings)
        assert disk["DRIVER"] == disk["FORMAT"] == wanted
    disk = {"TYPE": "swap", "SIZE": "5", "FORMAT": "qcow2"}
    datastore_attributes(datastore(template=Template([("DRIVER", "qcow2")])), disk, settings)
    assert disk["FORMAT"] == "raw"


def test_what_the_configuration_says_of_datastores(settings: Settings) -> None:
    raw = Template(
        [
            ("TM_MAD_CONF", {"NAME": "dummy", "DRIVER": "qcow2"}),
            ("DS_MAD_CONF", {"NAME": "dummy", "PERSISTENT_ONLY": "yes"}),
            ("DATASTORE_CAPACITY_CHECK", "no"),
        ]
    )
    configured = replace(settings, raw=raw)
    own = Template([("DRIVER", "raw"), ("DATASTORE_CAPACITY_CHECK", "yes"), ("LIMIT_MB", "300")])
    store = datastore(template=own, free_mb=500, used_mb=100)
    assert (datastore_driver(store, configured), datastore_driver(store, settings)) == ("qcow2", "raw")
    assert (persistent_only(store, configured), persistent_only(store, settings)) == (True, False)
    assert (available(store), checked_capacity(store, configured)) == (200, 200)
    assert checked_capacity(datastore(), configured) is None
    assert available(datastore(template=Template([("LIMIT_MB", "50")]), used_mb=100)) == 0


def test_a_persistent_image_keeps_what_was_made_of_it(database: Database, settings: Settings) -> None:
    put(database, datastore(), image(persistent=True, size=5))
    taken = Snapshots(disk_id=1)
    taken.add("s", 5)
    take(database, settings, {})
    run(database, lambda t: disks.put_back(t, 0, size=9, snapshots=taken))
    give(database)
    kept = get(database, Image)
    assert (kept.size, kept.snapshots.total_size, kept.quota_size) == (9, 5, 14)
    assert "DISK_ID" not in kept.snapshots.to_xml()
    found = take(database, settings, {})
    assert found.snapshots is not None
    assert len(found.snapshots) == 1
    run(database, lambda t: disks.put_back(t, 0, size=2))
    again = get(database, Image)
    assert (again.size, len(again.snapshots)) == (9, 0)


def test_other_images_keep_nothing(database: Database, settings: Settings) -> None:
    put(database, datastore(), image(size=5))
    take(database, settings, {})
    run(database, lambda t: disks.put_back(t, 0, size=9))
    run(database, lambda t: disks.put_back(t, 5, size=9))
    assert get(database, Image).size == 5
