"""Who waits for an image, and is told when a driver is done with it.

That is ``oned.life``, which looks after virtual machines and uses this package; so it is imported only when there is
something to tell.
"""

from oned.database.db import Transaction
from oned.model.image import Image, ImageState
from oned.model.vm import Vm
from oned.storage.images import store, unlock
from oned.storage.reading import glance, held, lock_rows


def wake(transaction: Transaction, oid: int, *, ready: bool) -> None:
    """Tell the virtual machines that wait for the image ``oid`` what has become of it."""
    from oned.life.cloning import image_changed

    image_changed(transaction, oid, ready)


def lock_with_users(transaction: Transaction, oid: int) -> Image | None:
    """The image ``oid`` with its row locked, after the rows of the virtual machines that use it; None without one."""
    before = glance(transaction, Image, oid)
    if before is not None and before.vms:
        lock_rows(transaction, Vm.table, before.vms)
    return held(transaction, Image, oid)


def settle(transaction: Transaction, image: Image, *, ready: bool) -> None:
    """Write an image that a driver is done with: free to be used, or in error; then tell who waits for it."""
    waited = image.state in {ImageState.LOCKED_USED, ImageState.LOCKED_USED_PERS}
    if ready:
        unlock(image)
    else:
        image.state = ImageState.ERROR
    store(transaction, image)
    if waited:
        wake(transaction, image.oid, ready=ready)


def saving_ended(transaction: Transaction, image: Image, *, source: str) -> None:
    """Tell the virtual machine whose disk becomes ``image`` where its data is to go; empty: that came to nothing."""
    vm_id, disk_id = image.template.get("SAVED_VM_ID"), image.template.get("SAVED_DISK_ID")
    if vm_id.isdecimal() and disk_id.isdecimal():
        from oned.life.cloning import disk_target

        disk_target(transaction, int(vm_id), int(disk_id), image.oid, source)
