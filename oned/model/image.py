"""Images: what disks are made of, and the files that virtual machines boot with."""

from dataclasses import dataclass, field
from enum import IntEnum
from typing import ClassVar, Self, TypeVar

from sqlalchemy import Table

from oned.access.acl import Kind
from oned.database.schema import image_pool
from oned.errors import InternalError
from oned.model.base import OwnedObject, escape, ids_of, ids_xml, number, parse_body
from oned.model.datastore import DiskType
from oned.model.snapshots import Snapshots
from onelib.template_xml import Element, text_of


class ImageType(IntEnum):
    """What an image holds."""

    OS = 0
    CDROM = 1
    DATABLOCK = 2
    KERNEL = 3
    RAMDISK = 4
    CONTEXT = 5

    @property
    def is_file(self) -> bool:
        """Whether it is a file that virtual machines read, and no disk."""
        return self in {ImageType.KERNEL, ImageType.RAMDISK, ImageType.CONTEXT}


class ImageState(IntEnum):
    """The state of an image. ``label`` is the name in messages and events."""

    INIT = 0
    READY = 1
    USED = 2
    DISABLED = 3
    LOCKED = 4
    ERROR = 5
    CLONE = 6
    DELETE = 7
    USED_PERS = 8
    LOCKED_USED = 9
    LOCKED_USED_PERS = 10

    @property
    def label(self) -> str:
        """The name in messages and events."""
        return self.name.removesuffix("_PERS")

    @property
    def is_locked(self) -> bool:
        """Whether a driver works on the image."""
        return self in {ImageState.LOCKED, ImageState.LOCKED_USED, ImageState.LOCKED_USED_PERS}


Member = TypeVar("Member", bound=IntEnum)


def member(root: Element, path: str, cls: type[Member]) -> Member:
    """The enumeration at ``path``, its first member where there is none. Raises :class:`InternalError`."""
    value = number(root, path, 0)
    try:
        return cls(value)
    except ValueError:
        raise InternalError(f"An object in the database has the {path} {value}; onedb fsck reports it.") from None


@dataclass
class Image(OwnedObject):
    """An image. ``size`` is in megabytes, ``regtime`` in epoch seconds.

    ``prev_state`` is the state that subscribers know: ``oned.storage.images.store`` tells them of another.
    ``cloning_id`` is the image that this one is being copied from, ``clones`` and ``app_clones`` the images and the
    marketplace apps that are being made of this one.
    """

    root: ClassVar[str] = "IMAGE"
    kind: ClassVar[Kind] = Kind.IMAGE
    table: ClassVar[Table] = image_pool
    encrypted: ClassVar[str] = "IMAGE_ENCRYPTED_ATTR"

    type: ImageType = ImageType.OS
    disk_type: DiskType = DiskType.FILE
    persistent: bool = False
    regtime: int = 0
    source: str = ""
    path: str = ""
    format: str = ""
    fs: str = ""
    size: int = 0
    state: ImageState = ImageState.INIT
    prev_state: ImageState = ImageState.INIT
    cloning_id: int = -1
    target_snapshot: int = -1
    datastore_id: int = -1
    datastore: str = ""
    vms: set[int] = field(default_factory=set)
    clones: set[int] = field(default_factory=set)
    app_clones: set[int] = field(default_factory=set)
    snapshots: Snapshots = field(default_factory=Snapshots)

    @property
    def cloning_ops(self) -> int:
        """How many copies are being made of it."""
        return len(self.clones) + len(self.app_clones)

    @property
    def is_saving(self) -> bool:
        """Whether it is being made of a disk of a virtual machine."""
        return self.template.get("SAVE_AS_HOT").upper() == "YES"

    @property
    def quota_size(self) -> int:
        """The megabytes that count against its owner's quota."""
        return self.size + self.snapshots.total_size

    @classmethod
    def from_xml(cls, body: str) -> Self:
        """The image of a body. Raises :class:`InternalError`."""
        root = parse_body(body, cls.root)
        return cls(
            **cls.common(root),
            type=member(root, "TYPE", ImageType),
            disk_type=member(root, "DISK_TYPE", DiskType),
            persistent=number(root, "PERSISTENT", 0) == 1,
            regtime=number(root, "REGTIME", 0),
            source=text_of(root.find("SOURCE")),
            path=text_of(root.find("PATH")),
            format=text_of(root.find("FORMAT")),
            fs=text_of(root.find("FS")),
            size=number(root, "SIZE", 0),
            state=member(root, "STATE", ImageState),
            prev_state=member(root, "PREV_STATE", ImageState),
            cloning_id=number(root, "CLONING_ID"),
            target_snapshot=number(root, "TARGET_SNAPSHOT"),
            datastore_id=number(root, "DATASTORE_ID"),
            datastore=text_of(root.find("DATASTORE")),
            vms=ids_of(root, "VMS"),
            clones=ids_of(root, "CLONES"),
            app_clones=ids_of(root, "APP_CLONES"),
            snapshots=Snapshots.of(root),
        )

    def to_xml(self) -> str:
        """The body; LOCK comes before PERMISSIONS here."""
        lock = self.lock.to_xml() if self.lock else ""
        return (
            f"<IMAGE>{self.head_xml()}{lock}{self.permissions_xml().removesuffix(lock)}"
            f"<TYPE>{self.type.value}</TYPE><DISK_TYPE>{self.disk_type.value}</DISK_TYPE>"
            f"<PERSISTENT>{int(self.persistent)}</PERSISTENT><REGTIME>{self.regtime}</REGTIME>"
            f"<SOURCE>{escape(self.source)}</SOURCE><PATH>{escape(self.path)}</PATH>"
            f"<FORMAT>{escape(self.format)}</FORMAT><FS>{escape(self.fs)}</FS><SIZE>{self.size}</SIZE>"
            f"<STATE>{self.state.value}</STATE><PREV_STATE>{self.prev_state.value}</PREV_STATE>"
            f"<RUNNING_VMS>{len(self.vms)}</RUNNING_VMS><CLONING_OPS>{self.cloning_ops}</CLONING_OPS>"
            f"<CLONING_ID>{self.cloning_id}</CLONING_ID>"
            f"<TARGET_SNAPSHOT>{self.target_snapshot}</TARGET_SNAPSHOT>"
            f"<DATASTORE_ID>{self.datastore_id}</DATASTORE_ID><DATASTORE>{escape(self.datastore)}</DATASTORE>"
            f"{ids_xml('VMS', self.vms)}{ids_xml('CLONES', self.clones)}{ids_xml('APP_CLONES', self.app_clones)}"
            f"{self.template.to_xml()}{self.snapshots.to_xml()}</IMAGE>"
        )
