"""Datastores: where images are kept (IMAGE_DS, FILE_DS) and where virtual machines run (SYSTEM_DS)."""

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, ClassVar, Self, TypeVar

from sqlalchemy import Table

from oned.access.acl import Kind, Target
from oned.database.schema import datastore_pool
from oned.errors import InternalError
from oned.model.base import OwnedObject, escape, ids_of, ids_xml, number, parse_body
from onelib.template_xml import Element, text_of

SYSTEM, DEFAULT, FILES = 0, 1, 2
"""The datastores of a new database."""


class DatastoreType(IntEnum):
    """What a datastore holds."""

    IMAGE_DS = 0
    SYSTEM_DS = 1
    FILE_DS = 2

    @classmethod
    def of(cls, text: str) -> "DatastoreType":
        """The type of that name; anything else is an image datastore."""
        return cls.__members__.get(text.upper(), cls.IMAGE_DS)


class DatastoreState(IntEnum):
    """Only system datastores can be disabled."""

    READY = 0
    DISABLED = 1


class DiskType(IntEnum):
    """How a disk is attached; ``label`` is the name in templates."""

    FILE = 0
    CDROM = 1
    BLOCK = 2
    RBD = 3
    RBD_CDROM = 4
    GLUSTER = 5
    GLUSTER_CDROM = 6
    SHEEPDOG = 7
    SHEEPDOG_CDROM = 8
    ISCSI = 9
    NONE = 255

    @classmethod
    def of(cls, text: str) -> "DiskType":
        """The type of that name, NONE for a name that is none."""
        return cls.__members__.get(text.upper(), cls.NONE)


Member = TypeVar("Member", bound=IntEnum)


def _member(root: Element, path: str, cls: type[Member]) -> Member:
    try:
        return cls(number(root, path, 0))
    except ValueError:
        raise InternalError("A DATASTORE in the database is damaged; onedb fsck reports it.") from None


@dataclass
class Datastore(OwnedObject):
    """A datastore. Sizes in MB; ``ds_mad`` is ``-`` for a system datastore."""

    root: ClassVar[str] = "DATASTORE"
    kind: ClassVar[Kind] = Kind.DATASTORE
    table: ClassVar[Table] = datastore_pool
    encrypted: ClassVar[str] = "DATASTORE_ENCRYPTED_ATTR"

    ds_mad: str = ""
    tm_mad: str = ""
    base_path: str = ""
    type: DatastoreType = DatastoreType.IMAGE_DS
    disk_type: DiskType = DiskType.FILE
    state: DatastoreState = DatastoreState.READY
    clusters: set[int] = field(default_factory=set)
    total_mb: int = 0
    free_mb: int = 0
    used_mb: int = 0
    images: set[int] = field(default_factory=set)

    @classmethod
    def from_xml(cls, body: str) -> Self:
        """The datastore of a body. Raises :class:`oned.errors.InternalError`."""
        root = parse_body(body, cls.root)
        return cls(
            **cls.common(root),
            ds_mad=text_of(root.find("DS_MAD")),
            tm_mad=text_of(root.find("TM_MAD")),
            base_path=text_of(root.find("BASE_PATH")),
            type=_member(root, "TYPE", DatastoreType),
            disk_type=_member(root, "DISK_TYPE", DiskType),
            state=_member(root, "STATE", DatastoreState),
            clusters=ids_of(root, "CLUSTERS"),
            total_mb=number(root, "TOTAL_MB", 0),
            free_mb=number(root, "FREE_MB", 0),
            used_mb=number(root, "USED_MB", 0),
            images=ids_of(root, "IMAGES"),
        )

    def to_xml(self) -> str:
        """The body."""
        return (
            f"<DATASTORE>{self.head_xml()}{self.permissions_xml()}<DS_MAD>{escape(self.ds_mad)}</DS_MAD>"
            f"<TM_MAD>{escape(self.tm_mad)}</TM_MAD><BASE_PATH>{escape(self.base_path)}</BASE_PATH>"
            f"<TYPE>{self.type:d}</TYPE><DISK_TYPE>{self.disk_type:d}</DISK_TYPE><STATE>{self.state:d}</STATE>"
            f"{ids_xml('CLUSTERS', self.clusters)}<TOTAL_MB>{self.total_mb}</TOTAL_MB>"
            f"<FREE_MB>{self.free_mb}</FREE_MB><USED_MB>{self.used_mb}</USED_MB>{ids_xml('IMAGES', self.images)}"
            f"{self.template.to_xml()}</DATASTORE>"
        )

    def target(self) -> Target:
        """For an access question."""
        bits = tuple(self.bits)
        return Target(self.kind, self.oid, self.uid, self.gid, bits, clusters=frozenset(self.clusters))

    def row(self) -> dict[str, Any]:
        """The columns of the pool table; a new datastore learns here which folder of all datastores is its own."""
        if self.base_path.endswith("/"):
            self.base_path += str(self.oid)
        return super().row()

    @property
    def shared(self) -> bool:
        """Whether all hosts see the same files; only a system datastore can say that they do not."""
        return self.template.get("SHARED", "YES").upper() == "YES"

    def measured(self, total: int, free: int, used: int) -> None:
        """Take what the driver measured, in MB."""
        self.total_mb, self.free_mb, self.used_mb = total, free, used
