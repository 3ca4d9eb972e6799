"""Templates of virtual networks."""

from dataclasses import dataclass
from typing import ClassVar, Self

from sqlalchemy import Table

from oned.access.acl import Kind
from oned.database.schema import vn_template_pool
from oned.model.base import OwnedObject, number, parse_body


@dataclass
class NetworkTemplate(OwnedObject):
    """A template to make networks from; ``registered`` is its time in epoch seconds."""

    root: ClassVar[str] = "VNTEMPLATE"
    kind: ClassVar[Kind] = Kind.VNTEMPLATE
    table: ClassVar[Table] = vn_template_pool
    encrypted: ClassVar[str] = "VNET_ENCRYPTED_ATTR"

    registered: int

    @classmethod
    def from_xml(cls, body: str) -> Self:
        """The template of a body. Raises :class:`oned.errors.InternalError`."""
        root = parse_body(body, cls.root)
        return cls(**cls.common(root), registered=number(root, "REGTIME", 0))

    def to_xml(self) -> str:
        """The body; LOCK comes before PERMISSIONS here."""
        lock = self.lock.to_xml() if self.lock else ""
        return (
            f"<VNTEMPLATE>{self.head_xml()}{lock}{self.permissions_xml().removesuffix(lock)}"
            f"<REGTIME>{self.registered}</REGTIME>{self.template.to_xml()}</VNTEMPLATE>"
        )
