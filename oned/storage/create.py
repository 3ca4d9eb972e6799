"""New images: what their templates may say, and the first thing a driver is asked.

Source: OpenNebula 6.0, "Image Template". Every image starts LOCKED, until its data is there.
"""

import time

from oned.crypt import encrypt_template
from oned.database.pools import create, hold_names, load, save
from oned.errors import AllocateError, InternalError
from oned.methods.call import Call
from oned.methods.personal import owner_fields
from oned.model.base import check_name
from oned.model.datastore import Datastore, DatastoreType
from oned.model.group import Group
from oned.model.image import Image, ImageState, ImageType
from oned.model.user import User
from oned.storage.disks import default_prefix
from oned.storage.images import store, unlock
from oned.storage.reading import glance, named
from oned.storage.requests import ask_datastore
from oned.storage.targets import datastore_driver
from onelib.template import Template

_FILES = frozenset(kind.name for kind in ImageType if kind.is_file)
_UPPER_SIZE = 2**43
"""Megabytes that no image has; above that a size is a mistake."""


def taken(template: Template, name: str) -> str:
    """The attribute ``name``, taken out of ``template``."""
    value = template.get(name)
    template.erase(name)
    return value


def settle_type(template: Template, default: str) -> None:
    """Write TYPE in capitals, ``default`` where it is missing."""
    template.set("TYPE", (template.get("TYPE") or default or ImageType.OS.name).upper())


def given_size(template: Template) -> int | None:
    """The size in megabytes that the template says, None when the driver has to look at its PATH.

    Raises :class:`InternalError`.
    """
    kind, path, source = template.get("TYPE"), template.get("PATH"), template.get("SOURCE")
    if kind in {"CDROM", *_FILES} and not path and not source:
        raise InternalError(f"Cannot parse image SIZE: Either PATH or SOURCE are required for {kind}")
    if path and not source:
        return None
    text = template.get("SIZE").strip()
    if not text.isdecimal() or int(text) > _UPPER_SIZE:
        raise InternalError("Cannot parse image SIZE: Wrong number or missing SIZE attribute.")
    return int(text)


def set_persistent(call: Call, template: Template, *, new: bool) -> bool:
    """Settle PERSISTENT: the template of a ``new`` image counts, then the defaults of user, group and server.

    For a copy or a saved disk the defaults count before the template.
    """
    attribute = "DEFAULT_IMAGE_PERSISTENT_NEW" if new else "DEFAULT_IMAGE_PERSISTENT"
    own = template.get("PERSISTENT").upper() == "YES"
    default = _default(call, attribute)
    persistent = own if not default or (new and "PERSISTENT" in template) else default.upper() == "YES"
    template.set("PERSISTENT", "YES" if persistent else "NO")
    if not persistent and template.get("PERSISTENT_TYPE").upper() == "SHAREABLE":
        template.erase("PERSISTENT_TYPE")
    return persistent


def _default(call: Call, name: str) -> str:
    """A setting of the caller, else of its group, else of the server."""
    user = glance(call.transaction, User, call.caller.uid)
    if user is not None and name in user.template:
        return user.template.get(name)
    group = glance(call.transaction, Group, call.caller.gid)
    if group is not None and name in group.template:
        return group.template.get(name)
    return call.settings.raw.get(name)


def create_image(
    call: Call, template: Template, datastore: Datastore, *, size: int | None, cloning: Image | None = None
) -> Image:
    """A new image of the caller. ``size`` None: its driver has to find out. ``cloning``: what it is a copy of.

    Raises :class:`AllocateError`.
    """
    name = template.get("NAME")
    reason = check_name(name) or _misplaced(template, datastore)
    if reason:
        raise AllocateError(reason, kind="image")
    hold_names(call.transaction, Image.table)
    holder = named(call.transaction, Image.table, name, call.caller.uid)
    if holder != -1:
        raise AllocateError(f"NAME is already taken by IMAGE {holder}.", kind="image")
    image = _draft(call, template)
    image.datastore_id, image.datastore = datastore.oid, datastore.name
    image.disk_type = datastore.disk_type
    image.size = size or 0
    if cloning is not None:
        image.cloning_id = cloning.oid
    elif image.is_saving:
        image.format = "save_as"
    else:
        _set_format(call, image, datastore)
    create(call.transaction, image)
    _register(call, datastore.oid, image.oid)
    return image


def _misplaced(template: Template, datastore: Datastore) -> str:
    """Why an image of that type cannot be in the datastore; empty when it can."""
    is_file = template.get("TYPE") in _FILES
    if is_file and datastore.type is not DatastoreType.FILE_DS:
        return "IMAGES of type KERNEL, RAMDISK and CONTEXT cannot be registered in an IMAGE_DS datastore"
    if not is_file and datastore.type is not DatastoreType.IMAGE_DS:
        return "Only IMAGES of type KERNEL, RAMDISK and CONTEXT can be registered in a FILE_DS datastore"
    return ""


def _draft(call: Call, template: Template) -> Image:
    """The image that a template describes; what has an element of its own is taken out of the template."""
    settings = call.settings
    kind = _type(template)
    persistent = taken(template, "PERSISTENT").upper() == "YES" and not kind.is_file
    if kind.is_file:
        template.erase("DEV_PREFIX")
    elif not template.get("DEV_PREFIX"):
        template.set("DEV_PREFIX", default_prefix(settings, kind))
    for name in ("TYPE", "SIZE", "DRIVER", "TM_MAD"):
        template.erase(name)
    image = Image(
        **owner_fields(call),
        name=taken(template, "NAME"),
        template=template,
        type=kind,
        persistent=persistent,
        regtime=int(time.time()),
        fs=taken(template, "FS"),
        path=taken(template, "PATH"),
        source=taken(template, "SOURCE"),
        format=taken(template, "FORMAT"),
        state=ImageState.LOCKED,
    )
    encrypt_template(template, settings.names(Image.encrypted), call.key)
    return image


def _type(template: Template) -> ImageType:
    try:
        return ImageType[template.get("TYPE")]
    except KeyError:
        raise AllocateError(f"Unknown type {template.get('TYPE')}", kind="image") from None


def _set_format(call: Call, image: Image, datastore: Datastore) -> None:
    """The format of what a driver makes; of what it copies, it says the format. Raises :class:`AllocateError`."""
    makes = image.type in {ImageType.OS, ImageType.DATABLOCK}
    if not image.source and not image.path and not makes:
        raise AllocateError("No PATH nor SOURCE in template.", kind="image")
    if image.source and image.path:
        raise AllocateError("Template malformed, PATH and SOURCE are mutually exclusive.", kind="image")
    if image.path or not makes:
        image.format = ""
        return
    forced = datastore_driver(datastore, call.settings)
    if forced:
        image.template.set("DRIVER", forced)
    image.format = forced or image.format or "raw"


def _register(call: Call, datastore_id: int, image_id: int) -> None:
    """Put the image into the list of its datastore."""
    datastore = load(call.transaction, Datastore, datastore_id)
    datastore.images.add(image_id)
    save(call.transaction, datastore)


def start(
    call: Call, image: Image, datastore: Datastore, *, size: int | None, check: bool, extra: str = ""
) -> None:
    """Ask the driver for the data of a new image; with SOURCE it is there already.

    ``size`` None: first for the size of what PATH names, which then counts against quota and, with ``check``, against
    the space in the datastore. ``extra`` is the marketplace of an image that is made of an app.
    """
    transaction = call.transaction
    if image.path:
        kind = "image.cp" if size is not None else "image.stat"
        ask_datastore(transaction, kind, image, datastore, extra=extra, more={"check": check})
    elif image.source:
        unlock(image)
        store(transaction, image)
    else:
        ask_datastore(transaction, "image.mkfs", image, datastore)
