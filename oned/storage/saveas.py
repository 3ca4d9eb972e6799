"""Images made of the disk of a virtual machine (``one.vm.disksaveas``).

The image is created LOCKED. A driver says where its data goes (``image.mkfs``), ``oned.life`` has it copied there, and
:func:`finish` ends that.
"""

from oned.access.acl import Kind, Op, Target
from oned.access.quota import Usage, charge
from oned.database.db import Transaction
from oned.database.pools import save
from oned.errors import ActionError, InternalError
from oned.methods.call import Call
from oned.model.datastore import Datastore
from oned.model.image import Image
from oned.storage.create import create_image, set_persistent
from oned.storage.reading import held, peek
from oned.storage.requests import ask_datastore
from oned.storage.settle import settle
from oned.storage.targets import checked_capacity
from onelib.template import Template


def saveas_image(
    call: Call, source_id: int, disk: tuple[int, int], name: str, *, kind: str = "", size: int
) -> int:
    """Create the image for a disk that was made of the image ``source_id``; its id.

    ``disk`` is the virtual machine and the number of its disk. ``kind`` is the type of the image, empty for that of
    the source; ``size`` in megabytes. The caller has to be allowed to create images and to use the datastore. Raises
    :class:`oned.errors.ApiError`.
    """
    source = peek(call.transaction, Image, source_id)
    if source.type.is_file:
        raise InternalError(f"Cannot save_as image of type {source.type.name}")
    datastore = peek(call.transaction, Datastore, source.datastore_id)
    space = checked_capacity(datastore, call.settings)
    if space is not None and size > space:
        raise ActionError("Not enough space in datastore")
    new = Target(Kind.IMAGE, uid=call.caller.uid, gid=call.caller.gid)
    call.authorization().add(Op.CREATE, new).add(Op.USE, datastore.target()).check()
    template = Template(
        [
            ("NAME", name),
            ("TYPE", (kind or source.type.name).upper()),
            ("SAVED_IMAGE_ID", str(source_id)),
            ("SAVED_VM_ID", str(disk[0])),
            ("SAVED_DISK_ID", str(disk[1])),
            ("SAVE_AS_HOT", "YES"),
        ]
    )
    for attribute in ("TARGET", "DEV_PREFIX"):
        if source.template.get(attribute):
            template.set(attribute, source.template.get(attribute))
    set_persistent(call, template, new=False)
    usage = Usage(datastores={datastore.oid: (1, size)})
    charge(call.transaction, call.caller.uid, call.caller.gid, usage)
    image = create_image(call, template, datastore, size=size)
    ask_datastore(call.transaction, "image.mkfs", image, datastore)
    return image.oid


def set_format(transaction: Transaction, image_id: int, form: str) -> None:
    """Note the format of the disk that is being saved."""
    image = held(transaction, Image, image_id)
    if image is not None and image.state.is_locked:
        image.format = form
        save(transaction, image)


def finish(transaction: Transaction, image_id: int, *, ready: bool) -> None:
    """The disk has been copied into the image, or that failed. Harmless when the image is gone or was settled."""
    image = held(transaction, Image, image_id)
    if image is not None and image.state.is_locked:
        settle(transaction, image, ready=ready)
