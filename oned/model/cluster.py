"""Clusters: hosts, datastores and networks that belong together. Datastores and networks may be in several."""

from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

from sqlalchemy import Table

from oned.access.acl import Kind, Target
from oned.database.schema import cluster_pool
from oned.model.base import PoolObject, escape, ids_of, ids_xml, number, parse_body, template_of
from onelib.template import Template
from onelib.template_xml import text_of

DEFAULT_CLUSTER = 0
"""The cluster of what names none."""

FIRST_ORDINARY_ID = 100
"""Clusters below are the server's own and stay."""

OWNER = {"uid": 0, "gid": 0, "owner_u": 1, "group_u": 0, "other_u": 0}
"""The columns of the pool tables for what belongs to oneadmin: clusters and hosts."""

OWNER_BITS = (1, 1, 0, 0, 0, 0, 0, 0, 0)
"""The permission bits of clusters and hosts, which their bodies do not carry."""


def new_template() -> Template:
    """What a new cluster has: no reservations."""
    return Template([("RESERVED_CPU", ""), ("RESERVED_MEM", "")])


@dataclass
class Cluster(PoolObject):
    """A cluster. RESERVED_CPU and RESERVED_MEM of its template are the defaults of its hosts."""

    root: ClassVar[str] = "CLUSTER"
    kind: ClassVar[Kind] = Kind.CLUSTER
    table: ClassVar[Table] = cluster_pool
    encrypted: ClassVar[str] = "CLUSTER_ENCRYPTED_ATTR"

    oid: int
    name: str
    hosts: set[int] = field(default_factory=set)
    datastores: set[int] = field(default_factory=set)
    vnets: set[int] = field(default_factory=set)
    template: Template = field(default_factory=new_template)

    @classmethod
    def from_xml(cls, body: str) -> Self:
        """The cluster of a body. Raises :class:`oned.errors.InternalError`."""
        root = parse_body(body, cls.root)
        return cls(
            oid=number(root, "ID"),
            name=text_of(root.find("NAME")),
            hosts=ids_of(root, "HOSTS"),
            datastores=ids_of(root, "DATASTORES"),
            vnets=ids_of(root, "VNETS"),
            template=template_of(root),
        )

    def to_xml(self) -> str:
        """The body."""
        return (
            f"<CLUSTER><ID>{self.oid}</ID><NAME>{escape(self.name)}</NAME>{ids_xml('HOSTS', self.hosts)}"
            f"{ids_xml('DATASTORES', self.datastores)}{ids_xml('VNETS', self.vnets)}"
            f"{self.template.to_xml()}</CLUSTER>"
        )

    def row(self) -> dict[str, Any]:
        """The columns of the pool table."""
        return {"oid": self.oid, "name": self.name, "body": self.to_xml()} | OWNER

    def target(self) -> Target:
        """For an access question."""
        return Target(self.kind, self.oid, 0, 0, OWNER_BITS)

    @property
    def reserved(self) -> tuple[str, str]:
        """RESERVED_CPU and RESERVED_MEM: an amount, or a percentage; may be empty."""
        return self.template.get("RESERVED_CPU"), self.template.get("RESERVED_MEM")
