"""Datastores and images: an image's datastore exists, is called so, and lists it."""

from collections import defaultdict
from collections.abc import Iterator

from oned.model.datastore import Datastore
from oned.model.image import Image
from onedb.fsck.finding import Finding, unrepaired
from onedb.fsck.records import Records


def check(records: Records) -> Iterator[Finding]:
    """First what images say, then the lists of the datastores."""
    names = records.names(Datastore.table)
    listed: dict[int, set[int]] = defaultdict(set)
    for image, _ in records.objects(Image):
        datastore = image.datastore_id
        if datastore == -1:
            continue
        if datastore not in names:
            yield unrepaired(_lost(image))
            continue
        listed[datastore].add(image.oid)
        if image.datastore != names[datastore]:
            yield Finding(
                f"Image {image.oid} has a wrong name for datastore {datastore}, {image.datastore}. "
                f"It will be changed to {names[datastore]}"
            )
            image.datastore = names[datastore]
            records.save(image)
    for holder, _ in records.objects(Datastore):
        right = listed[holder.oid]
        if holder.images == right:
            continue
        for oid in sorted(right - holder.images):
            yield Finding(f"Image {oid} is missing from Datastore {holder.oid} image id list")
        for oid in sorted(holder.images - right):
            yield Finding(f"Image {oid} is in Datastore {holder.oid} image id list, but it should not")
        holder.images = right
        records.save(holder)


def _lost(image: Image) -> str:
    """What to do about an image whose datastore is gone."""
    return (
        f"Image {image.oid} has datastore {image.datastore_id}, but it does not exist. The image is probably "  # noqa: S608 (a sentence)
        "unusable, and needs to be deleted manually:\n"
        f"  * The image contents should be deleted manually:\n    {image.source}\n"
        "  * The DB entry can be then deleted with the command:\n"
        f"    DELETE FROM image_pool WHERE oid={image.oid};\n"
        "  * Run fsck again."
    )
