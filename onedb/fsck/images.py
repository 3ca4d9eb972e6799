"""Images: the machines and copies that use them, and the state that follows."""

from collections import defaultdict
from collections.abc import Iterator

from oned.access.quota import Usage
from oned.database.schema import vm_pool
from oned.model.app import App, AppState, AppType
from oned.model.image import Image, ImageState
from onedb.fsck.finding import Finding, differences
from onedb.fsck.held import Held
from onedb.fsck.records import Records

_FREE = frozenset({ImageState.READY, ImageState.USED, ImageState.USED_PERS, ImageState.CLONE})


def check(records: Records, held: Held) -> Iterator[Finding]:
    """Every image; what it counts against quotas is added to ``held``."""
    copies: dict[int, set[int]] = defaultdict(set)
    for image, _ in records.objects(Image):
        if image.cloning_id != -1:
            copies[image.cloning_id].add(image.oid)
    apps: dict[int, set[int]] = defaultdict(set)
    for app, _ in records.objects(App):
        if app.state is AppState.LOCKED and app.type is AppType.IMAGE and app.origin_id >= 0:
            apps[app.origin_id].add(app.oid)
    vms, images, offers = (records.unread(table) for table in (vm_pool, Image.table, App.table))
    for image, row in records.objects(Image):
        right = (
            held.images.get(image.oid, set()) | image.vms & vms,
            copies[image.oid] | image.clones & images,
            apps[image.oid] | image.app_clones & offers,
        )
        found = [Finding(text) for text in _mend(image, *right)]
        found += _counters(image, str(row.body))
        yield from found
        if found:
            records.save(image)
        held.count(image.uid, image.gid, _usage(image, held))


def _usage(image: Image, held: Held) -> Usage:
    """The image itself, and what machines have made of it that only goes into the image when they end."""
    size = image.quota_size
    for disk, snapshots in held.grown.get(image.oid, ()):
        size += max(disk - image.size, 0) + snapshots - image.snapshots.total_size
    return Usage(datastores={image.datastore_id: (1, size)})


def _mend(image: Image, used: set[int], copies: set[int], apps: set[int]) -> Iterator[str]:
    """Repair an image in memory; the sentences of what was wrong."""
    lists = (
        ("VM", "VM", image.vms, used),
        ("Image", "CLONES", image.clones, copies),
        ("Marketplace App", "APP_CLONES", image.app_clones, apps),
    )
    for label, name, listed, right in lists:
        yield from differences(label, f"Image {image.oid} {name}", listed, right)
    image.vms, image.clones, image.app_clones = used, copies, apps
    state = _state(image)
    if state is not image.state:
        yield f"Image {image.oid} has STATE {image.state.name} \tis\t{state.name}"
        image.state = image.prev_state = state


def _state(image: Image) -> ImageState:
    """The state that follows from who uses the image; what is disabled, failed or going stays so."""
    if image.state.is_locked:
        if not image.vms:
            return ImageState.LOCKED
        return ImageState.LOCKED_USED_PERS if image.persistent else ImageState.LOCKED_USED
    if image.state not in _FREE:
        return image.state
    if not image.persistent:
        return ImageState.USED if image.vms or image.cloning_ops else ImageState.READY
    if image.vms:
        return ImageState.USED_PERS
    return ImageState.CLONE if image.cloning_ops else ImageState.READY


def _counters(image: Image, body: str) -> Iterator[Finding]:
    """The two counters of a body, which are the lengths of its lists."""
    for name, right in (("RUNNING_VMS", len(image.vms)), ("CLONING_OPS", image.cloning_ops)):
        stored = body.partition(f"<{name}>")[2].partition("</")[0].strip()
        if stored != str(right):
            yield Finding(f"Image {image.oid} {name} has {stored} \tis\t{right}")
