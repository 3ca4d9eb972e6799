"""Templates of virtual machines."""

from dataclasses import dataclass
from typing import ClassVar, Self

from sqlalchemy import Table

from oned.access.acl import Kind
from oned.database.schema import template_pool
from oned.model.base import OwnedObject, number, parse_body


@dataclass
class VmTemplate(OwnedObject):
    """A template; ``regtime`` is when it was made, in epoch seconds."""

    root: ClassVar[str] = "VMTEMPLATE"
    kind: ClassVar[Kind] = Kind.TEMPLATE
    table: ClassVar[Table] = template_pool
    encrypted: ClassVar[str] = "VM_ENCRYPTED_ATTR"

    regtime: int

    @classmethod
    def from_xml(cls, body: str) -> Self:
        """The template of a body. Raises :class:`oned.errors.InternalError`."""
        root = parse_body(body, cls.root)
        return cls(**cls.common(root), regtime=number(root, "REGTIME", 0))

    def to_xml(self) -> str:
        """The body; LOCK comes before PERMISSIONS here."""
        lock = self.lock.to_xml() if self.lock else ""
        return (
            f"<VMTEMPLATE>{self.head_xml()}{lock}{self.permissions_xml().removesuffix(lock)}"
            f"<REGTIME>{self.regtime}</REGTIME>{self.template.to_xml()}</VMTEMPLATE>"
        )
