"""Copies of images, in the same datastore or another of the same driver."""

from oned.access.acl import Kind, Op, Target
from oned.access.quota import Usage, charge
from oned.errors import ActionError, AllocateError
from oned.methods.call import Call
from oned.model.datastore import Datastore, DatastoreType
from oned.model.image import Image
from oned.storage.create import create_image, set_persistent
from oned.storage.images import CLONEABLE, begin_cloning, load_image, store
from oned.storage.reading import peek
from oned.storage.requests import ask_datastore
from oned.storage.targets import checked_capacity
from onelib.template import Template


def clone_image(call: Call, oid: int, name: str, datastore_id: int = -1, *, persistent: bool = False) -> int:
    """Make a copy of the image ``oid`` that belongs to the caller; its id. ``datastore_id`` -1: where it is.

    With ``persistent`` the copy is, else as the defaults of user, group and server say. Raises
    :class:`oned.errors.ApiError`.
    """
    source = peek(call.transaction, Image, oid)
    if source.type.is_file:
        raise ActionError("KERNEL, RAMDISK and CONTEXT cannot be cloned.")
    if len(source.snapshots):
        raise ActionError("Cannot clone images with snapshots")
    template = clone_template(source, name)
    if persistent:
        template.set("PERSISTENT", "YES")
    else:
        set_persistent(call, template, new=False)
    datastore = _target(call, source, datastore_id)
    new = Target(Kind.IMAGE, uid=call.caller.uid, gid=call.caller.gid)
    question = call.authorization().add(Op.CREATE, new)
    question.add(Op.USE, source.target()).add(Op.USE, datastore.target())
    if datastore.oid != source.datastore_id:
        question.add(Op.USE, peek(call.transaction, Datastore, source.datastore_id).target())
    question.check()
    usage = Usage(datastores={datastore.oid: (1, source.size)})
    charge(call.transaction, call.caller.uid, call.caller.gid, usage)
    return _copy(call, source, template, datastore)


def clone_template(image: Image, name: str) -> Template:
    """The template of a copy called ``name``."""
    template = image.template.copy()
    template.set("NAME", name)
    template.set("TYPE", image.type.name)
    template.set("PATH", image.source)
    template.set("FORMAT", image.format)
    template.set("PERSISTENT", "YES" if image.persistent else "NO")
    template.erase("VCENTER_IMPORTED")
    return template


def _target(call: Call, source: Image, datastore_id: int) -> Datastore:
    """The datastore for the copy, which its driver can fill."""
    wrong_type = "Clone only supported for IMAGE_DS Datastores"
    target = peek(call.transaction, Datastore, source.datastore_id if datastore_id == -1 else datastore_id)
    if target.type is not DatastoreType.IMAGE_DS:
        raise ActionError(wrong_type)
    if target.oid != source.datastore_id:
        origin = peek(call.transaction, Datastore, source.datastore_id)
        if origin.type is not DatastoreType.IMAGE_DS:
            raise ActionError(wrong_type)
        if origin.ds_mad != target.ds_mad:
            raise ActionError("Clone only supported to same DS_MAD Datastores")
    space = checked_capacity(target, call.settings)
    if space is not None and source.size > space:
        raise ActionError("Not enough space in datastore")
    return target


def _copy(call: Call, source: Image, template: Template, datastore: Datastore) -> int:
    image = create_image(call, template, datastore, size=source.size, cloning=source)
    origin = load_image(call.transaction, source.oid)
    if origin.state not in CLONEABLE:
        raise AllocateError(f"Cannot clone image in state: {origin.state.label}", kind="image")
    begin_cloning(origin, Kind.IMAGE, image.oid)
    store(call.transaction, origin)
    ask_datastore(call.transaction, "image.clone", image, datastore)
    return image.oid
