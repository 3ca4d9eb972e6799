"""Virtual routers: machines that route between networks, with addresses that they share."""

from dataclasses import dataclass, field
from typing import ClassVar, Self

from sqlalchemy import Table

from oned.access.acl import Kind
from oned.database.schema import vrouter_pool
from oned.model.base import OwnedObject, ids_of, ids_xml, parse_body


@dataclass
class VirtualRouter(OwnedObject):
    """A virtual router; ``vms`` are the machines that are it."""

    root: ClassVar[str] = "VROUTER"
    kind: ClassVar[Kind] = Kind.VROUTER
    table: ClassVar[Table] = vrouter_pool

    vms: set[int] = field(default_factory=set)

    @classmethod
    def from_xml(cls, body: str) -> Self:
        """The virtual router of a body. Raises :class:`oned.errors.InternalError`."""
        root = parse_body(body, cls.root)
        return cls(**cls.common(root), vms=ids_of(root, "VMS"))

    def to_xml(self) -> str:
        """The body."""
        return (
            f"<VROUTER>{self.head_xml()}{self.permissions_xml()}{ids_xml('VMS', self.vms)}"
            f"{self.template.to_xml()}</VROUTER>"
        )
