"""A template as a machine would have it: its disks with what comes from the images (``template.info`` extended)."""

from contextlib import suppress

from oned.errors import InternalError
from oned.methods.call import Call
from oned.model.datastore import Datastore
from oned.model.image import Image
from oned.model.vm_short import nics_of
from oned.network.nics import resolve_nic
from oned.storage.disks import image_attributes, resolve_disk
from oned.storage.reading import glance
from oned.storage.targets import datastore_attributes
from onelib.template import Template


def extend(call: Call, template: Template) -> None:
    """Complete the disks; what is not there is passed over.

    Raises :class:`oned.errors.AuthorizationError` when the caller may not use all images and networks.
    """
    question = call.authorization()
    for number, disk in enumerate(template.vectors("DISK")):
        with suppress(InternalError):
            _extend_disk(call, disk, resolve_disk(call, disk, question, heed_lock=False))
        disk["DISK_ID"] = str(number)
    for nic in nics_of(template):
        with suppress(InternalError):
            resolve_nic(call, nic, question, heed_lock=False)
    question.check()


def _extend_disk(call: Call, disk: dict[str, str], image_id: int) -> None:
    image = glance(call.transaction, Image, image_id)
    datastore = glance(call.transaction, Datastore, image.datastore_id) if image else None
    if image is not None and datastore is not None:
        image_attributes(image, disk, call.settings)
        datastore_attributes(datastore, disk, call.settings)
