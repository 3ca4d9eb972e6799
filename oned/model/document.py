"""Documents: any JSON in the template's BODY, told apart by a number (100 a OneFlow service, 103 a provision ...)."""

from dataclasses import dataclass
from typing import Any, ClassVar, Self

from sqlalchemy import Table

from oned.access.acl import Kind
from oned.database.schema import document_pool
from oned.model.base import OwnedObject, number, parse_body


@dataclass
class Document(OwnedObject):
    """A document of the type ``type``."""

    root: ClassVar[str] = "DOCUMENT"
    kind: ClassVar[Kind] = Kind.DOCUMENT
    table: ClassVar[Table] = document_pool
    encrypted: ClassVar[str] = "DOCUMENT_ENCRYPTED_ATTR"

    type: int

    @classmethod
    def from_xml(cls, body: str) -> Self:
        """The document of a body. Raises :class:`oned.errors.InternalError`."""
        root = parse_body(body, cls.root)
        return cls(**cls.common(root), type=number(root, "TYPE", 0))

    def to_xml(self) -> str:
        """The body."""
        return (
            f"<DOCUMENT>{self.head_xml()}<TYPE>{self.type}</TYPE>{self.permissions_xml()}"
            f"{self.template.to_xml()}</DOCUMENT>"
        )

    def row(self) -> dict[str, Any]:
        """The columns of the pool table."""
        return super().row() | {"type": self.type}
