"""Datastores and images: an image's datastore exists, is called so, and lists it."""

from collections.abc import Iterator

from oned.model.datastore import Datastore
from oned.model.image import Image
from onedb.fsck.finding import Finding
from onedb.fsck.holders import Holding, new_listed
from onedb.fsck.records import Records


def _lost(image: Image) -> str:
    return (
        f"Image {image.oid} has datastore {image.datastore_id}, but it does not exist. The image is probably "  # noqa: S608 (a sentence)
        "unusable, and needs to be deleted manually:\n"
        f"  * The image contents should be deleted manually:\n    {image.source}\n"
        "  * The DB entry can be then deleted with the command:\n"
        f"    DELETE FROM image_pool WHERE oid={image.oid};\n"
        "  * Run fsck again."
    )


_HOLDING = Holding(Image, "Image", Datastore, "datastore", "datastore_id", "datastore", _lost)


def check(records: Records) -> Iterator[Finding]:
    """First what images say, then the lists of the datastores."""
    listed = new_listed()
    yield from _HOLDING.check(records, listed)
    for store, _ in records.objects(Datastore):
        holder = f"Datastore {store.oid} image"
        store.images, texts = _HOLDING.differences(records, holder, store.images, listed[store.oid])
        yield from map(Finding, texts)
        if texts:
            records.save(store)
