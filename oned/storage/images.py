"""Images in the database: their states, and what subscribers hear of a new one.

Source: OpenNebula 6.0, "Managing Images", "Image states"; the transitions are tables here.
"""

import time

from oned.access.acl import Kind
from oned.database.db import Transaction
from oned.database.pools import load, save
from oned.hooks.events import image_state
from oned.model.image import Image, ImageState
from oned.storage.reading import held
from onelib.template import Template

_USED = {True: ImageState.USED_PERS, False: ImageState.USED}
UNLOCKED = {
    ImageState.LOCKED: ImageState.READY,
    ImageState.LOCKED_USED: ImageState.USED,
    ImageState.LOCKED_USED_PERS: ImageState.USED_PERS,
}
"""Where a state goes when the driver is done."""
CLONEABLE = frozenset({ImageState.READY, ImageState.USED, ImageState.CLONE})


def load_image(transaction: Transaction, oid: int) -> Image:
    """The image ``oid``, its row locked. Raises :class:`oned.errors.NoExistsError`."""
    return load(transaction, Image, oid)


def store(transaction: Transaction, image: Image) -> None:
    """Write ``image`` back, and tell subscribers when its state is another one than they know."""
    if image.state is not image.prev_state:
        image_state(transaction, image.to_xml(), image.oid, image.state.label)
        image.prev_state = image.state
    save(transaction, image)


def unlock(image: Image) -> None:
    """The driver is done, or an image in error is taken up again."""
    if image.state is ImageState.ERROR:
        image.state = _USED[image.persistent] if image.vms else ImageState.READY
    else:
        image.state = UNLOCKED.get(image.state, image.state)


def set_error(template: Template, message: str) -> None:
    """Note in a template what went wrong, with the time."""
    template.set("ERROR", f"{time.ctime()} : {message}")


def begin_cloning(image: Image, about: Kind, oid: int) -> None:
    """Count the copy ``oid``, an image or an app, that is being made of an image in a state of ``CLONEABLE``."""
    (image.clones if about is Kind.IMAGE else image.app_clones).add(oid)
    if image.state is ImageState.READY:
        image.state = ImageState.CLONE if image.persistent else ImageState.USED


def end_cloning(transaction: Transaction, source: int, about: Kind, oid: int) -> None:
    """The copy ``oid`` is made, or never will be: count it no more. Harmless when it is not counted."""
    image = held(transaction, Image, source)
    if image is None:
        return
    copies = image.clones if about is Kind.IMAGE else image.app_clones
    if oid not in copies:
        return
    copies.remove(oid)
    if image.state in {ImageState.USED, ImageState.CLONE} and not image.cloning_ops and not image.vms:
        image.state = ImageState.READY
    store(transaction, image)
