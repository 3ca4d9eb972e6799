"""What follows when a datastore's driver has answered: one function per kind of task.

Each acts only on an image that still waits for that answer. Data that was made for an image which is gone by then is
removed again. Messages are 6.0's; users find them in the attribute ERROR.
"""

from collections.abc import Mapping
from typing import Any

from oned.access.acl import Kind
from oned.access.quota import Usage, charge, refund
from oned.database.db import Transaction
from oned.database.pools import remove, save
from oned.errors import AuthorizationError
from oned.model.datastore import Datastore
from oned.model.image import Image, ImageState
from oned.model.snapshots import Snapshots
from oned.storage.images import end_cloning, set_error, store, unlock
from oned.storage.reading import glance, held, lock_rows
from oned.storage.requests import ask_datastore, discard, monitor_datastore
from oned.storage.settle import lock_with_users, saving_ended, settle
from oned.storage.targets import available
from onelib.driver import DriverError

Payload = Mapping[str, Any]
Answer = str | DriverError


def told(what: str, answer: Answer) -> str:
    """``what`` went wrong, and what the driver said about it."""
    info = str(answer).strip()
    return f"{what}: {info}" if info and not info.startswith("-") else what


def _fail(transaction: Transaction, image: Image, message: str) -> None:
    set_error(image.template, message)
    settle(transaction, image, ready=False)
    _measure(transaction, image)


def _measure(transaction: Transaction, image: Image) -> None:
    """Have the datastore measured, as its content has changed."""
    datastore = glance(transaction, Datastore, image.datastore_id)
    if datastore is not None:
        monitor_datastore(transaction, datastore)


def _waiting(transaction: Transaction, payload: Payload) -> Image | None:
    """The image whose data the driver was to make, locked; None when it does not wait for that any more."""
    image = lock_with_users(transaction, payload["oid"])
    return image if image is not None and image.state.is_locked and not image.source else None


def stat(transaction: Transaction, payload: Payload, answer: Answer) -> None:
    """The size of what an image is to be copied from: count it, and have it copied."""
    before = glance(transaction, Image, payload["oid"])
    if before is None:
        return
    size, problem = _size(transaction, before, payload, answer)
    if not problem:
        problem = _charge(transaction, before, size)
    image = _waiting(transaction, payload)
    if image is None or (image.uid, image.gid) != (before.uid, before.gid):
        if not problem:
            refund(transaction, before.uid, before.gid, _space(before, size))
        if image is not None:
            _fail(transaction, image, "Its owner changed while its size was looked for")
        return
    if problem:
        _fail(transaction, image, problem)
        return
    image.size = size
    save(transaction, image)
    datastore = glance(transaction, Datastore, image.datastore_id)
    if datastore is not None:
        ask_datastore(transaction, "image.cp", image, datastore)


def _size(transaction: Transaction, image: Image, payload: Payload, answer: Answer) -> tuple[int, str]:
    """The size, and why the image cannot be made."""
    text = str(answer).strip()
    if isinstance(answer, DriverError) or not text.isdecimal():
        return 0, f"Cannot parse image SIZE: {text or 'Cannot get size from STAT'}"
    datastore = glance(transaction, Datastore, image.datastore_id)
    if datastore is None:
        return 0, "Datastore no longer exists"
    if payload.get("check") and int(text) > available(datastore):
        return 0, "Not enough space in datastore"
    return int(text), ""


def _space(image: Image, size: int) -> Usage:
    return Usage(datastores={image.datastore_id: (0, size)})


def _charge(transaction: Transaction, image: Image, size: int) -> str:
    """Why the owner may not have that much; empty when it is counted."""
    try:
        charge(transaction, image.uid, image.gid, _space(image, size))
    except AuthorizationError as error:
        return error.detail
    return ""


def cp(transaction: Transaction, payload: Payload, answer: Answer) -> None:
    """The data of an image was copied: the driver says where it is and in which format."""
    words = [] if isinstance(answer, DriverError) else answer.split()
    image = _waiting(transaction, payload)
    if image is None:
        discard(transaction, payload, words[0] if words else "")
    elif not words:
        _fail(transaction, image, told("Error copying image in the datastore", answer))
    elif len(words) == 1:
        _fail(transaction, image, "CP operation succeeded but image FORMAT was not returned.")
        discard(transaction, payload, words[0])
    else:
        image.source, image.format = words[:2]
        settle(transaction, image, ready=True)
        _measure(transaction, image)


def mkfs(transaction: Transaction, payload: Payload, answer: Answer) -> None:
    """An empty image was made, or the place for the disk of a virtual machine."""
    source = "" if isinstance(answer, DriverError) else answer.strip()
    image = _waiting(transaction, payload)
    if image is None:
        discard(transaction, payload, source)
    elif not source:
        _fail(transaction, image, told("Error creating datablock", answer))
        if image.is_saving:
            saving_ended(transaction, image, source="")
    elif image.is_saving:
        image.source = source
        store(transaction, image)
        saving_ended(transaction, image, source=source)
    else:
        image.source = source
        settle(transaction, image, ready=True)
        _measure(transaction, image)


def clone(transaction: Transaction, payload: Payload, answer: Answer) -> None:
    """A copy was made of another image, which can be let go."""
    source = "" if isinstance(answer, DriverError) else answer.strip()
    before = glance(transaction, Image, payload["oid"])
    if before is not None:
        lock_rows(transaction, Image.table, {before.cloning_id, before.oid})
    image = _waiting(transaction, payload)
    if image is None:
        discard(transaction, payload, source)
        return
    original, image.cloning_id = image.cloning_id, -1
    if source:
        image.source = source
        settle(transaction, image, ready=True)
        _measure(transaction, image)
    else:
        _fail(transaction, image, told(f"Error cloning from Image {original}", answer))
    end_cloning(transaction, original, Kind.IMAGE, image.oid)


def rm(transaction: Transaction, payload: Payload, answer: Answer) -> None:
    """The data of an image is gone, or the driver gave it up (which its log has): the image goes too."""
    _ = answer
    image = held(transaction, Image, payload["oid"])
    if image is not None and image.state is ImageState.DELETE:
        remove(transaction, image)
        _measure(transaction, image)


def _after_snapshot(transaction: Transaction, payload: Payload, answer: Answer, what: str) -> None:
    """End an operation on a snapshot; what it freed counts no more. The image can be used again in any case."""
    oid, kind = payload["oid"], payload["action"]
    before = glance(transaction, Image, oid)
    if before is None or before.target_snapshot == -1:
        return
    target = before.target_snapshot
    done = not isinstance(answer, DriverError)
    freed = _freed(before, kind) if done else 0
    if freed:
        refund(transaction, before.uid, before.gid, _space(before, freed))
    image = held(transaction, Image, oid)
    if image is None or image.target_snapshot != target or not image.state.is_locked:
        if freed:
            charge(transaction, before.uid, before.gid, _space(before, freed))
        return
    if not done:
        set_error(image.template, told(what.format(image=oid, snapshot=target), answer))
    elif kind == "SNAP_DELETE":
        image.snapshots.delete(target)
    elif kind == "SNAP_REVERT":
        image.snapshots.activate(target, revert=True)
    else:
        image.snapshots = Snapshots()
    image.target_snapshot = -1
    unlock(image)
    store(transaction, image)


def _freed(image: Image, action: str) -> int:
    """The megabytes that an operation on the target snapshot gives back."""
    sizes = {
        "SNAP_DELETE": image.snapshots.size(image.target_snapshot),
        "SNAP_FLATTEN": image.snapshots.total_size,
    }
    return sizes.get(action, 0)


def snap_delete(transaction: Transaction, payload: Payload, answer: Answer) -> None:
    """A snapshot was deleted."""
    _after_snapshot(transaction, payload, answer, "Error removing snapshot {snapshot} from image {image}")


def snap_revert(transaction: Transaction, payload: Payload, answer: Answer) -> None:
    """An image went back to a snapshot."""
    _after_snapshot(transaction, payload, answer, "Error reverting image {image} to snapshot {snapshot}")


def snap_flatten(transaction: Transaction, payload: Payload, answer: Answer) -> None:
    """An image was made of one of its snapshots, and has none any more."""
    _after_snapshot(transaction, payload, answer, "Error flattening image snapshot")
