"""Virtual data centers: groups, and the resources that their members may use."""

from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

from sqlalchemy import Table

from oned.access.acl import Kind, Target
from oned.config import Settings
from oned.database.schema import vdc_pool
from oned.model.base import PoolObject, escape, ids_of, ids_xml, number, parse_body, template_of
from onelib.template import Template
from onelib.template_xml import text_of

ALL_RESOURCES = -10
"""Stands for every resource of a kind in a zone."""

RESOURCES = {Kind.CLUSTER: "CLUSTER", Kind.HOST: "HOST", Kind.DATASTORE: "DATASTORE", Kind.NET: "VNET"}
"""What a VDC has of resources, and their names in its XML."""


def _nothing() -> dict[Kind, set[tuple[int, int]]]:
    return {kind: set() for kind in RESOURCES}


@dataclass
class Vdc(PoolObject):
    """A VDC. ``resources`` are pairs of a zone and an object in it, by kind."""

    root: ClassVar[str] = "VDC"
    kind: ClassVar[Kind] = Kind.VDC
    table: ClassVar[Table] = vdc_pool

    oid: int
    name: str
    template: Template
    groups: set[int] = field(default_factory=set)
    resources: dict[Kind, set[tuple[int, int]]] = field(default_factory=_nothing)

    @classmethod
    def from_xml(cls, body: str) -> Self:
        """The VDC of a body. Raises :class:`oned.errors.InternalError`."""
        root = parse_body(body, cls.root)
        resources = _nothing()
        for kind, name in RESOURCES.items():
            for found in root.findall(f"{name}S/{name}"):
                resources[kind].add((number(found, "ZONE_ID"), number(found, f"{name}_ID")))
        return cls(
            oid=number(root, "ID"),
            name=text_of(root.find("NAME")),
            template=template_of(root),
            groups=ids_of(root, "GROUPS"),
            resources=resources,
        )

    def to_xml(self) -> str:
        """The body."""
        parts = [
            f"<{name}S>{''.join(_pair_xml(name, pair) for pair in sorted(self.resources[kind]))}</{name}S>"
            for kind, name in RESOURCES.items()
        ]
        return (
            f"<VDC><ID>{self.oid}</ID><NAME>{escape(self.name)}</NAME>{ids_xml('GROUPS', self.groups)}"
            f"{''.join(parts)}{self.template.to_xml()}</VDC>"
        )

    def row(self) -> dict[str, Any]:
        """The columns of the pool table: oneadmin owns it."""
        owner = {"uid": 0, "gid": 0, "owner_u": 1, "group_u": 0, "other_u": 0}
        return {"oid": self.oid, "name": self.name, "body": self.to_xml()} | owner

    def target(self) -> Target:
        """For an access question."""
        return Target(self.kind, self.oid, 0, 0, (1, 1, 0, 0, 0, 0, 0, 0, 0))

    def add(self, kind: Kind, zone: int, oid: int) -> bool:
        """Take in a resource, False when it is in; all of a kind replace those named before."""
        pairs = self.resources[kind]
        if (zone, oid) in pairs:
            return False
        if oid == ALL_RESOURCES:
            pairs -= {pair for pair in pairs if pair[0] == zone}
        pairs.add((zone, oid))
        return True


def _pair_xml(name: str, pair: tuple[int, int]) -> str:
    return f"<{name}><ZONE_ID>{pair[0]}</ZONE_ID><{name}_ID>{pair[1]}</{name}_ID></{name}>"


def default_vdc(zone_id: int) -> Vdc:
    """The VDC of a new database: all clusters for the group users, and every new group joins it."""
    text = (
        "Every new group is added to this VDC. Use it to store default access rules for your groups. NOTE: You may "
        "need to remove a group from the default VDC before assigning it to other VDC."
    )
    vdc = Vdc(0, "default", Template([("DESCRIPTION", text)]), {1})
    vdc.add(Kind.CLUSTER, zone_id, ALL_RESOURCES)
    return vdc


def first_vdc(settings: Settings) -> list[PoolObject]:
    """The VDCs of a new database."""
    return [default_vdc(settings.zone_id)]
