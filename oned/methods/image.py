"""``one.image.*`` and ``one.imagepool.info``."""

from oned.access.acl import Kind, Op, Target
from oned.access.quota import Usage, charge, refund
from oned.database.listing import Listing
from oned.errors import ActionError, AllocateError, AuthorizationError, InternalError
from oned.methods.call import CHMOD, Call, Method
from oned.methods.personal import Personal
from oned.methods.restricted import first_restricted
from oned.methods.shared import Window, listing, parse_template
from oned.model.app import App
from oned.model.datastore import Datastore, DatastoreType
from oned.model.image import Image, ImageState, ImageType
from oned.model.market import Market
from oned.storage.clone import clone_image
from oned.storage.create import create_image, given_size, set_persistent, settle_type, start
from oned.storage.images import load_image, store, unlock
from oned.storage.reading import glance, peek
from oned.storage.remove import delete_image
from oned.storage.requests import ask_datastore
from oned.storage.settle import wake
from oned.storage.targets import checked_capacity, persistent_only
from onelib.template import Template

_RESTRICTED = "IMAGE_RESTRICTED_ATTR"
_BUSY = {
    ImageState.USED,
    ImageState.CLONE,
    ImageState.USED_PERS,
    ImageState.LOCKED_USED,
    ImageState.LOCKED_USED_PERS,
}


class _Images(Personal[Image]):
    """What images do otherwise than other objects."""

    def delete(self, call: Call, oid: int) -> int:
        """Delete the image; one that a driver works on only by its administrator."""
        image = peek(call.transaction, Image, oid)
        op = Op.ADMIN if image.state.is_locked else Op.MANAGE
        call.authorization().add(op, image.target()).check()
        delete_image(call.transaction, oid)
        return oid

    def chown(self, call: Call, oid: int, uid: int, gid: int) -> int:
        """Change owner and group, and who pays with their quotas."""
        image = peek(call.transaction, Image, oid)
        call.authorization().add(Op.MANAGE, image.target()).check()
        new_uid, new_gid = (-1 if uid == image.uid else uid), (-1 if gid == image.gid else gid)
        usage = Usage(datastores={image.datastore_id: (1, image.quota_size)})
        charge(call.transaction, new_uid, new_gid, usage)
        refund(call.transaction, -1 if new_uid < 0 else image.uid, -1 if new_gid < 0 else image.gid, usage)
        return super().chown(call, oid, uid, gid)


POOL = _Images(Image, restricted=_RESTRICTED)


def allocate(call: Call, text: str, datastore_id: int, check: bool = True) -> int:
    """Create an image in a datastore; ``check`` False, for administrators: however full that is."""
    template = parse_template(text)
    settle_type(template, call.settings.raw.get("DEFAULT_IMAGE_TYPE"))
    check = check or not call.caller.is_admin
    datastore = peek(call.transaction, Datastore, datastore_id)
    if datastore.type is DatastoreType.SYSTEM_DS:
        raise AllocateError("New images cannot be allocated in a system datastore.", kind="image")
    market, size = _from_app(call, template, datastore)
    if market is None:
        size = given_size(template)
    space = checked_capacity(datastore, call.settings)
    check = check and space is not None
    if check and space is not None and size is not None and size > space:
        raise ActionError("Not enough space in datastore")
    _authorize(call, template, datastore)
    persistent = set_persistent(call, template, new=True)
    if persistent_only(datastore, call.settings) and not persistent:
        raise AllocateError("This Datastore only accepts persistent images.", kind="image")
    usage = Usage(datastores={datastore.oid: (1, size or 0)})
    charge(call.transaction, call.caller.uid, call.caller.gid, usage)
    image = create_image(call, template, datastore, size=size)
    start(call, image, datastore, size=size, check=check, extra=market.to_xml() if market else "")
    return image.oid


def _from_app(call: Call, template: Template, datastore: Datastore) -> tuple[Market | None, int | None]:
    """The marketplace and the size of the app that an image is to be made of; its data goes into ``template``."""
    number = template.get("FROM_APP")
    if not number.isdecimal():
        return None, None
    app = glance(call.transaction, App, int(number))
    if app is None:
        raise InternalError("Cannot determine image SIZE.")
    market = glance(call.transaction, Market, app.market_id)
    if market is None:
        raise InternalError("Could not get the appliance's market.")
    template.set("FROM_APP_NAME", app.name)
    template.set("FROM_APP_MD5", app.md5)
    template.set("PATH", app.source)
    template.set("FORMAT", app.format)
    if datastore.template.get("DRIVER"):
        template.erase("DRIVER")
    return market, app.size


def _authorize(call: Call, template: Template, datastore: Datastore) -> None:
    """The caller may create images and use the datastore, and the template has nothing for administrators only."""
    if not call.caller.is_admin:
        name = first_restricted(template, call.settings.names(_RESTRICTED))
        if name:
            raise AuthorizationError(f"Template includes a restricted attribute {name}")
    new = Target(Kind.IMAGE, uid=call.caller.uid, gid=call.caller.gid)
    call.authorization().add(Op.CREATE, new).add(Op.USE, datastore.target()).check()


def pool_info(call: Call, flag: int, start: int, end: int) -> Listing:
    """The images."""
    return listing(call, Image, "IMAGE_POOL", Window(flag, start, end))


def _managed(call: Call, oid: int) -> Image:
    """An image that the caller may manage."""
    image = load_image(call.transaction, oid)
    call.authorization().add(Op.MANAGE, image.target()).check()
    return image


def enable(call: Call, oid: int, wanted: bool) -> int:
    """Let virtual machines use the image, also one in error; or keep them from it."""
    image = _managed(call, oid)
    states = {ImageState.READY, ImageState.ERROR, ImageState.DISABLED}
    if image.state not in states:
        verb = "enable" if wanted else "disable"
        raise InternalError(f"Could not {verb} image: Image cannot be in state {image.state.label}.")
    before = image.state
    if not wanted:
        image.state = ImageState.DISABLED
    elif before is ImageState.ERROR:
        unlock(image)
    else:
        image.state = ImageState.READY
    if image.state is not before:
        store(call.transaction, image)
    if before is ImageState.ERROR and image.vms:
        wake(call.transaction, oid, ready=wanted)
    return oid


def persistent(call: Call, oid: int, wanted: bool) -> int:
    """Let what virtual machines write stay in the image, or give each a copy."""
    image = _managed(call, oid)
    datastore = glance(call.transaction, Datastore, image.datastore_id)
    if datastore is None:
        raise InternalError("Datastore no longer exists.")
    if image.type.is_file:
        raise ActionError("KERNEL, RAMDISK and CONTEXT must be non-persistent")
    if not wanted and persistent_only(datastore, call.settings):
        raise InternalError("This Datastore only accepts persistent images.")
    reason = ""
    if len(image.snapshots) and not wanted:
        reason = "Image has snapshots."
    elif image.state in _BUSY:
        reason = f"Image cannot be in state {image.state.label}."
    if reason:
        raise InternalError(f"Could not make image {'' if wanted else 'non-'}persistent: {reason}")
    image.persistent = wanted
    store(call.transaction, image)
    return oid


def chtype(call: Call, oid: int, name: str) -> int:
    """Change the type to another that the datastore may hold."""
    image = _managed(call, oid)
    name = (name or call.settings.raw.get("DEFAULT_IMAGE_TYPE") or ImageType.OS.name).upper()
    wanted = ImageType.__members__.get(name)
    if (wanted or ImageType.OS).is_file != image.type.is_file:
        raise ActionError("Cannot change image type to an incompatible type for the current datastore.")
    if len(image.snapshots) and wanted not in {ImageType.OS, ImageType.DATABLOCK}:
        raise InternalError("Image with snapshots can be only of type OS or DATABLOCK")
    if wanted is None:
        raise InternalError(f"Unknown type {name}")
    image.type = wanted
    store(call.transaction, image)
    return oid


def clone(call: Call, oid: int, name: str, datastore_id: int = -1) -> int:
    """A copy that belongs to the caller."""
    return clone_image(call, oid, name, datastore_id)


def _on_snapshot(call: Call, oid: int, snapshot: int, kind: str, verb: str) -> int:
    """Ask the driver for something with a snapshot of an image at rest."""
    image = _managed(call, oid)
    datastore = glance(call.transaction, Datastore, image.datastore_id)
    if datastore is None:
        raise ActionError("Datastore no longer exists")
    if image.state is not ImageState.READY:
        raise ActionError(f"Cannot {verb} in state {image.state.label}")
    snapshots = image.snapshots
    reason = "" if snapshots.get(snapshot) else "Snapshot does not exist"
    if kind == "image.snap_delete":
        reason = snapshots.refusal(snapshot)
    elif kind == "image.snap_revert" and not reason and snapshots.active == snapshot:
        reason = "Snapshot is already the active one"
    if reason:
        raise ActionError(reason)
    image.target_snapshot = snapshot
    ask_datastore(call.transaction, kind, image, datastore)
    image.state = ImageState.LOCKED
    store(call.transaction, image)
    return snapshot


def snapshot_delete(call: Call, oid: int, snapshot: int) -> int:
    """Delete a snapshot of the image."""
    return _on_snapshot(call, oid, snapshot, "image.snap_delete", "delete snapshot")


def snapshot_revert(call: Call, oid: int, snapshot: int) -> int:
    """Take the image back to a snapshot."""
    return _on_snapshot(call, oid, snapshot, "image.snap_revert", "revert to snapshot")


def snapshot_flatten(call: Call, oid: int, snapshot: int) -> int:
    """Make a snapshot the image, without any snapshots."""
    return _on_snapshot(call, oid, snapshot, "image.snap_flatten", "flatten snapshot")


METHODS = (
    Method("one.image.allocate", allocate, (str, int), (bool,), write=True),
    Method("one.image.info", POOL.info, (int,), (bool,)),
    Method("one.image.update", POOL.update, (int, str), (int,), write=True),
    Method("one.image.delete", POOL.delete, (int,), write=True),
    Method("one.image.chown", POOL.chown, (int, int, int), write=True),
    Method("one.image.chmod", POOL.chmod, CHMOD, write=True),
    Method("one.image.rename", POOL.rename, (int, str), write=True),
    Method("one.image.enable", enable, (int, bool), write=True),
    Method("one.image.persistent", persistent, (int, bool), write=True),
    Method("one.image.chtype", chtype, (int, str), write=True),
    Method("one.image.clone", clone, (int, str), (int,), write=True),
    Method("one.image.lock", POOL.lock, (int, int), (bool,), write=True),
    Method("one.image.unlock", POOL.unlock, (int,), write=True),
    Method("one.image.snapshotdelete", snapshot_delete, (int, int), write=True),
    Method("one.image.snapshotrevert", snapshot_revert, (int, int), write=True),
    Method("one.image.snapshotflatten", snapshot_flatten, (int, int), write=True),
    Method("one.imagepool.info", pool_info, (int, int, int), bulk=True),
)
