"""What the API does with images that only virtual machines can bring about: snapshots, saved disks, users."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select, update

from oned.access.acl import Caller
from oned.config import Settings
from oned.database.db import Database, Transaction
from oned.database.schema import task
from oned.drivers.manager import Drivers
from oned.errors import ActionError, ApiError, AuthorizationError, InternalError, NoExistsError
from oned.methods import image as methods
from oned.methods.call import Call
from oned.model.datastore import Datastore, DatastoreType
from oned.model.image import Image, ImageState, ImageType
from oned.model.market import Market, MarketState
from oned.model.snapshots import Snapshots
from oned.model.user import User
from oned.storage import periodic
from oned.storage.disks import resolve_disk
from oned.storage.remove import delete_image
from oned.storage.saveas import finish, saveas_image, set_format
from oned.work.context import Context, Task
from onelib.template import Template
from tests.unit.oned.storage_objects import (
    UID,
    Result,
    datastore,
    get,
    image,
    market,
    payloads,
    put,
    quotas,
    run,
    size_used,
    tasks,
    used,
)

S = ImageState
ADMIN = Caller(0, 0, "oneadmin", "oneadmin", frozenset({0}), 0o177)
OWNER = Caller(UID, 1, "joe", "users", frozenset({1}), 0o177)
STRANGER = Caller(9, 1, "ann", "users", frozenset({1}), 0o177)


def call(
    database: Database, settings: Settings, function: Callable[[Call], Result], caller: Caller = ADMIN
) -> Result:
    """What ``function`` returns for a call of ``caller``."""
    return run(database, lambda t: function(Call(caller, settings, 1, "key", t)))


def with_snapshots(**more: Any) -> Image:  # noqa: ANN401 (fields of many types)
    """Snapshot 0 is the parent of 1, which is active."""
    snapshots = Snapshots()
    for oid in range(2):
        snapshots.add("", 10)
        snapshots.activate(oid, revert=False)
    snapshots.add("", 10)
    return image(snapshots=snapshots, size=5, **more)


@pytest.mark.parametrize(
    ("handler", "snapshot", "action"),
    [
        (methods.snapshot_delete, 2, "SNAP_DELETE"),
        (methods.snapshot_revert, 0, "SNAP_REVERT"),
        (methods.snapshot_flatten, 1, "SNAP_FLATTEN"),
    ],
)
def test_the_driver_is_asked_about_a_snapshot(
    database: Database, settings: Settings, handler: Callable[..., int], snapshot: int, action: str
) -> None:
    put(database, datastore(), with_snapshots())
    assert call(database, settings, lambda c: handler(c, 0, snapshot)) == snapshot
    assert (get(database, Image).state, get(database, Image).target_snapshot) == (S.LOCKED, snapshot)
    payload = json.loads(payloads(database)[0])
    assert (payload["action"], tasks(database)) == (action, [f"image.{action.lower()}"])
    assert f"<TARGET_SNAPSHOT>{snapshot}</TARGET_SNAPSHOT>" in payload["message"]
    with pytest.raises(ActionError, match="in state LOCKED"):
        call(database, settings, lambda c: handler(c, 0, snapshot))


@pytest.mark.parametrize(
    ("handler", "snapshot", "text"),
    [
        (methods.snapshot_delete, 0, "Cannot delete snapshot with children"),
        (methods.snapshot_delete, 1, "Cannot delete the active snapshot"),
        (methods.snapshot_delete, 9, "Snapshot does not exist"),
        (methods.snapshot_revert, 1, "Snapshot is already the active one"),
        (methods.snapshot_revert, 9, "Snapshot does not exist"),
        (methods.snapshot_flatten, 9, "Snapshot does not exist"),
    ],
)
def test_snapshots_that_must_stay(
    database: Database, settings: Settings, handler: Callable[..., int], snapshot: int, text: str
) -> None:
    put(database, datastore(), with_snapshots())
    with pytest.raises(ActionError) as caught:
        call(database, settings, lambda c: handler(c, 0, snapshot))
    assert caught.value.detail == text
    assert get(database, Image).state is S.READY


@pytest.mark.parametrize(
    ("function", "text"),
    [
        (lambda c: methods.clone(c, 0, "x"), "Cannot clone images with snapshots"),
        (lambda c: methods.persistent(c, 0, False), "Could not make image non-persistent: Image has snapshots."),
        (
            lambda c: methods.chtype(c, 0, "CDROM"),
            "Image with snapshots can be only of type OS or DATABLOCK",
        ),
    ],
)
def test_what_images_with_snapshots_cannot_do(
    database: Database, settings: Settings, function: Callable[[Call], int], text: str
) -> None:
    put(database, datastore(), with_snapshots(persistent=True))
    with pytest.raises(ApiError) as caught:
        call(database, settings, function)
    assert caught.value.detail == text


def test_a_deleted_image_gives_back_its_snapshots_too(database: Database) -> None:
    quotas(database, used(50))
    put(database, datastore(images={0}), with_snapshots())
    for _ in range(2):
        run(database, lambda t: delete_image(t, 0))
        assert size_used(database) == "15"
    assert (get(database, Image).state, get(database, Datastore).images) == (S.DELETE, set())
    assert tasks(database) == ["image.rm", "image.rm"]


@pytest.mark.parametrize(
    ("made", "text"),
    [
        ({"state": S.USED, "vms": {4}}, "There are 1 VMs using it."),
        ({"state": S.USED_PERS, "vms": {4}}, "There are 1 VMs using it."),
        ({"state": S.LOCKED_USED, "vms": {4, 5}}, "There are 2 VMs using it."),
        ({"vms": {4}}, "There are 1 VMs using it."),
        ({"state": S.CLONE, "clones": {4}, "app_clones": {4}}, "There are 2 active clone operations."),
        ({"datastore_id": 9}, "Datastore no longer exists cannot remove image"),
    ],
)
def test_images_that_cannot_be_deleted(database: Database, made: dict[str, Any], text: str) -> None:
    put(database, datastore(), image(**made))
    with pytest.raises(ActionError) as caught:
        run(database, lambda t: delete_image(t, 0))
    assert caught.value.detail == f"Cannot delete image. {text}"


def test_an_image_without_a_datastore(database: Database, settings: Settings) -> None:
    put(database, image())
    for function in (
        lambda c: methods.persistent(c, 0, True),
        lambda c: methods.snapshot_flatten(c, 0, 0),
        lambda c: methods.clone(c, 0, "x"),
    ):
        with pytest.raises((InternalError, ActionError, NoExistsError)):
            call(database, settings, function)


def test_an_image_in_error_is_taken_up_with_its_users(database: Database, settings: Settings) -> None:
    put(database, image("a", state=S.ERROR, vms={4}), image("b", state=S.ERROR, vms={4}, persistent=True))
    call(database, settings, lambda c: methods.enable(c, 0, True))
    call(database, settings, lambda c: methods.enable(c, 1, True))
    assert [get(database, Image, oid).state for oid in range(2)] == [S.USED, S.USED_PERS]


def save_disk(database: Database, settings: Settings, caller: Caller = ADMIN, **more: Any) -> int:  # noqa: ANN401
    asked: dict[str, Any] = {"name": "saved", "kind": "", "size": 30} | more
    name = asked.pop("name")
    return call(database, settings, lambda c: saveas_image(c, 0, (7, 1), name, **asked), caller)


def test_a_disk_becomes_an_image(database: Database, settings: Settings) -> None:
    source = image(type=ImageType.DATABLOCK, template=Template([("DEV_PREFIX", "vd"), ("TARGET", "vdb")]))
    put(database, datastore(), source)
    assert save_disk(database, settings) == 1
    made = get(database, Image, 1)
    assert (made.state, made.type, made.size, made.format) == (S.LOCKED, ImageType.DATABLOCK, 30, "save_as")
    assert made.template == Template(
        [
            ("DEV_PREFIX", "vd"),
            ("TARGET", "vdb"),
            ("SAVED_IMAGE_ID", "0"),
            ("SAVED_VM_ID", "7"),
            ("SAVED_DISK_ID", "1"),
            ("SAVE_AS_HOT", "YES"),
        ]
    )
    assert (tasks(database), get(database, Datastore).images) == (["image.mkfs"], {1})
    run(database, lambda t: set_format(t, 1, "qcow2"))
    run(database, lambda t: finish(t, 1, ready=True))
    run(database, lambda t: finish(t, 1, ready=False))
    assert get(database, Image, 1).state is S.READY
    run(database, lambda t: finish(t, 99, ready=True))
    run(database, lambda t: set_format(t, 1, "raw"))
    assert get(database, Image, 1).format == "qcow2"


@pytest.mark.parametrize(
    ("made", "more", "text"),
    [
        ({"type": ImageType.KERNEL}, {}, "Cannot save_as image of type KERNEL"),
        ({}, {"size": 1001}, "Not enough space in datastore"),
        ({}, {"name": ""}, "Invalid NAME, it cannot be empty"),
        ({}, {"kind": "kernel"}, "IMAGES of type KERNEL, RAMDISK and CONTEXT cannot be registered in an IMAGE_DS"),
        (
            {},
            {"caller": STRANGER},
            "Not authorized to perform CREATE IMAGE; Not authorized to perform USE DATASTORE",
        ),
    ],
)
def test_disks_that_cannot_be_saved(
    database: Database, settings: Settings, made: dict[str, Any], more: dict[str, Any], text: str
) -> None:
    put(database, datastore(), image(**made))
    with pytest.raises(ApiError) as caught:
        save_disk(database, settings, **more)
    assert caught.value.detail.startswith(text)


def named_disk(database: Database, settings: Settings, disk: dict[str, str], caller: Caller = OWNER) -> int:
    return call(database, settings, lambda c: resolve_disk(c, disk), caller)


def owners(database: Database) -> None:
    """Users, and an image of the same name for two of them."""
    users = [
        User(-1, 1, "users", name, "x", "core", True, {1}, [], Template()) for name in ("oneadmin", "x", "joe")
    ]
    put(database, *users, image("disk"), image("disk", uid=0, uname="oneadmin"), image("free", bits=[1] * 9))


def test_disks_name_images_by_owner(database: Database, settings: Settings) -> None:
    owners(database)
    for disk, caller, wanted in (
        ({"IMAGE": "disk"}, OWNER, 0),
        ({"IMAGE": "disk"}, ADMIN, 1),
        ({"IMAGE": "disk", "IMAGE_UID": "2"}, ADMIN, 0),
        ({"IMAGE": "disk", "IMAGE_UNAME": "joe"}, ADMIN, 0),
        ({"IMAGE_ID": "2"}, STRANGER, 2),
        ({"IMAGE": "gone", "IMAGE_ID": "2"}, STRANGER, 2),
        ({"IMAGE": "disk", "IMAGE_ID": "2"}, OWNER, 0),
    ):
        assert named_disk(database, settings, disk, caller) == wanted
        assert disk["IMAGE_ID"] == str(wanted)
    volatile = {"TYPE": "fs"}
    assert named_disk(database, settings, volatile) == -1
    assert volatile == {"TYPE": "fs"}


@pytest.mark.parametrize(
    ("disk", "text"),
    [
        (
            {"IMAGE": "gone"},
            "User 2 does not own an image with name: gone . Set IMAGE_UNAME or IMAGE_UID of owner",
        ),
        ({"IMAGE": "disk", "IMAGE_UNAME": "nobody"}, "User 2 does not own an image with name: disk . Set"),
        ({"IMAGE": "disk", "IMAGE_UID": "x"}, "User 2 does not own an image with name: disk . Set"),
        ({"IMAGE": "disk", "IMAGE_UID": "77"}, "User 77 does not own an image with name: disk . Set"),
        ({"IMAGE_ID": "99"}, "Image with ID: 99 does not exist"),
        ({"IMAGE_ID": "x"}, "Image with ID: x does not exist"),
    ],
)
def test_disks_of_no_image(database: Database, settings: Settings, disk: dict[str, str], text: str) -> None:
    owners(database)
    with pytest.raises(InternalError) as caught:
        named_disk(database, settings, disk)
    assert caught.value.detail.startswith(text)


def test_disks_of_images_of_others(database: Database, settings: Settings) -> None:
    owners(database)
    for disk in ({"IMAGE_ID": "1"}, {"IMAGE": "disk", "IMAGE_UID": "0"}, {"IMAGE": "gone", "IMAGE_ID": "1"}):
        with pytest.raises(AuthorizationError, match=r"Not authorized to perform USE IMAGE \[1\]"):
            named_disk(database, settings, disk)


def look(database: Database, settings: Settings, kind: str) -> None:
    """Carry out the task ``kind`` as the runner does."""
    context = Context(Task(1, kind, "DATASTORE", -1, {}, 1, kind, ""), Drivers.__new__(Drivers), settings)
    job = asyncio.run(periodic.look(context))
    run(database, job)


def dues(database: Database) -> dict[str, int]:
    rows = database.read(lambda t: t.rows(select(task.c.kind, task.c.due, task.c.oid)))
    return {f"{row[0]} {row[2]}": round(row[1]) for row in rows}


def test_everything_is_looked_at_now_and_then(database: Database, settings: Settings) -> None:
    put(
        database,
        datastore(),
        datastore("shared", type=DatastoreType.SYSTEM_DS, ds_mad="-", template=Template([("SHARED", "YES")])),
        datastore("apart", type=DatastoreType.SYSTEM_DS, ds_mad="-", template=Template([("SHARED", "NO")])),
        market(),
        market("off", state=MarketState.DISABLED),
        market("elsewhere", zone_id=5),
        market("other", market_mad="unknown"),
    )
    for _ in range(2):
        run(database, periodic.begin)
    assert sorted(tasks(database)) == ["storage.datastores", "storage.markets"]
    raw = Template([("MONITORING_INTERVAL_DATASTORE", "50"), ("MONITORING_INTERVAL_MARKET", "x")])
    for _ in range(2):
        for kind in (periodic.DATASTORES, periodic.MARKETS):
            look(database, replace(settings, raw=raw), kind)
    found = dues(database)
    assert found.keys() == {
        "datastore.monitor 0",
        "datastore.monitor 1",
        "market.monitor 0",
        "storage.datastores -1",
        "storage.markets -1",
    }
    assert 545 <= found["storage.markets -1"] - found["storage.datastores -1"] <= 555
    assert len(tasks(database)) == 5
    shared = [text for text in payloads(database) if "<DATASTORE_LOCATION>" in text]
    assert len(shared) == 1


def test_a_look_that_is_under_way_is_left_alone(database: Database) -> None:
    run(database, periodic.begin)

    def claim(transaction: Transaction) -> None:
        transaction.write(update(task).values(owner="me"))

    run(database, claim)
    run(database, periodic.begin)
    assert len(tasks(database)) == 4


def test_marketplaces_keep_their_state(database: Database) -> None:
    put(database, market(state=MarketState.DISABLED), market("on"))
    assert get(database, Market).state is MarketState.DISABLED
    assert "<STATE>" not in get(database, Market, 1).to_xml()
