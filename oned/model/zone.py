"""Zones: where the servers of a federation are; a server by itself is the only one of its zone."""

from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

from sqlalchemy import Table

from oned.access.acl import Kind, Target
from oned.database.schema import zone_pool
from oned.model.base import PoolObject, escape, number, parse_body, template_of
from onelib.template import Template
from onelib.template_xml import attributes_of, text_of


@dataclass
class Zone(PoolObject):
    """A zone; ``servers`` has an attribute SERVER for each one of a replicated front-end."""

    root: ClassVar[str] = "ZONE"
    kind: ClassVar[Kind] = Kind.ZONE
    table: ClassVar[Table] = zone_pool

    oid: int
    name: str
    template: Template
    servers: Template = field(default_factory=Template)

    @classmethod
    def from_xml(cls, body: str) -> Self:
        """The zone of a body. Raises :class:`oned.errors.InternalError`."""
        root = parse_body(body, cls.root)
        pool = root.find("SERVER_POOL")
        return cls(
            oid=number(root, "ID"),
            name=text_of(root.find("NAME")),
            template=template_of(root),
            servers=Template(() if pool is None else attributes_of(pool)),
        )

    def to_xml(self) -> str:
        """The body."""
        return (
            f"<ZONE><ID>{self.oid}</ID><NAME>{escape(self.name)}</NAME>{self.template.to_xml()}"
            f"{self.servers.to_xml('SERVER_POOL')}</ZONE>"
        )

    def row(self) -> dict[str, Any]:
        """The columns of the pool table: oneadmin owns it."""
        owner = {"uid": 0, "gid": 0, "owner_u": 1, "group_u": 0, "other_u": 0}
        return {"oid": self.oid, "name": self.name, "body": self.to_xml()} | owner

    def target(self) -> Target:
        """For an access question."""
        return Target(self.kind, self.oid, 0, 0, (1, 1, 0, 0, 0, 0, 0, 0, 0))
