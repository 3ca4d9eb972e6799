"""The end of an image: first its data, by the driver, then its row."""

from oned.access.acl import Kind
from oned.access.quota import Usage, refund
from oned.database.db import Transaction
from oned.database.pools import remove, save
from oned.errors import ActionError
from oned.model.datastore import Datastore
from oned.model.image import Image, ImageState
from oned.model.vm import Vm
from oned.storage.images import end_cloning, load_image, store
from oned.storage.reading import held, lock_rows, peek
from oned.storage.requests import ask_datastore
from oned.storage.settle import saving_ended

_IN_USE = {
    ImageState.USED,
    ImageState.USED_PERS,
    ImageState.LOCKED_USED,
    ImageState.LOCKED_USED_PERS,
}


def _refuse(reason: str) -> ActionError:
    return ActionError(f"Cannot delete image. {reason}")


def _check(image: Image) -> None:
    """Raise :class:`ActionError` when something uses the image."""
    if image.state is ImageState.CLONE:
        raise _refuse(f"There are {image.cloning_ops} active clone operations.")
    if image.state in _IN_USE or (image.state is ImageState.READY and image.vms):
        raise _refuse(f"There are {len(image.vms)} VMs using it.")


def delete_image(transaction: Transaction, oid: int) -> None:
    """Delete the image ``oid``; asked again while the driver is at it, ask the driver again.

    Raises :class:`oned.errors.NoExistsError` and :class:`ActionError`.
    """
    before = peek(transaction, Image, oid)
    _check(before)
    counted = before.state is not ImageState.DELETE
    saved_disk_of = before.template.get("SAVED_VM_ID") if before.is_saving else ""
    usage = Usage(datastores={before.datastore_id: (1, before.quota_size)})
    if counted:
        refund(transaction, before.uid, before.gid, usage)
    if saved_disk_of.isdecimal():
        lock_rows(transaction, Vm.table, {int(saved_disk_of)})
    datastore = held(transaction, Datastore, before.datastore_id)
    if datastore is None:
        raise _refuse("Datastore no longer exists cannot remove image")
    image = load_image(transaction, oid)
    _check(image)
    if _account(image) != _account(before):
        raise _refuse("It is being changed, try again.")
    if oid in datastore.images:
        datastore.images.remove(oid)
        save(transaction, datastore)
    _begin(transaction, image, datastore)


def _account(image: Image) -> tuple[int, int, int, int, bool]:
    """What the refund depended on."""
    return image.uid, image.gid, image.datastore_id, image.quota_size, image.state is ImageState.DELETE


def _begin(transaction: Transaction, image: Image, datastore: Datastore) -> None:
    """Ask the driver to remove the data; an image without any is gone at once."""
    source, saving = image.cloning_id, image.is_saving and image.state.is_locked
    if image.source:
        ask_datastore(transaction, "image.rm", image, datastore)
        image.state = ImageState.DELETE
        image.cloning_id = -1
        store(transaction, image)
    else:
        remove(transaction, image)
    if source != -1:
        end_cloning(transaction, source, Kind.IMAGE, image.oid)
    if saving:
        saving_ended(transaction, image, source="")
