"""Virtual networks: what they are built on, their address ranges and who uses them."""

from dataclasses import dataclass
from typing import Any, ClassVar, Self

from sqlalchemy import Table

from oned.access.acl import Kind, Target
from oned.database.schema import network_pool
from oned.errors import InternalError
from oned.model.base import OwnedObject, ids_of, ids_xml, number, parse_body
from oned.network.ranges import AddressRange, Visible, ids_in
from onelib.template import Template, cdata
from onelib.template_xml import Element, attributes_of, text_of


def _optional(tag: str, text: str) -> str:
    return f"<{tag}>{cdata(text)}</{tag}>" if text else f"<{tag}/>"


def _ranges_of(root: Element) -> list[AddressRange]:
    pool = root.find("AR_POOL")
    if pool is None:
        raise InternalError("A VNET in the database is damaged; onedb fsck reports it.")
    found = (value for name, value in attributes_of(pool) if name == "AR" and isinstance(value, dict))
    return sorted((AddressRange.stored(value) for value in found), key=lambda each: each.oid)


@dataclass
class Network(OwnedObject):
    """A virtual network; ``parent`` is the network it is a reservation of, -1 for none."""

    root: ClassVar[str] = "VNET"
    kind: ClassVar[Kind] = Kind.NET
    table: ClassVar[Table] = network_pool
    encrypted: ClassVar[str] = "VNET_ENCRYPTED_ATTR"

    clusters: set[int]
    bridge: str
    bridge_type: str
    parent: int
    vn_mad: str
    phydev: str
    vlan_id: str
    outer_vlan_id: str
    vlan_automatic: bool
    outer_vlan_automatic: bool
    vrouters: set[int]
    ranges: list[AddressRange]

    @classmethod
    def from_xml(cls, body: str) -> Self:
        """The network of a body. Raises :class:`oned.errors.InternalError`."""
        root = parse_body(body, cls.root)
        return cls(
            **cls.common(root),
            clusters=ids_of(root, "CLUSTERS"),
            bridge=text_of(root.find("BRIDGE")),
            bridge_type=text_of(root.find("BRIDGE_TYPE")),
            parent=number(root, "PARENT_NETWORK_ID"),
            vn_mad=text_of(root.find("VN_MAD")),
            phydev=text_of(root.find("PHYDEV")),
            vlan_id=text_of(root.find("VLAN_ID")),
            outer_vlan_id=text_of(root.find("OUTER_VLAN_ID")),
            vlan_automatic=number(root, "VLAN_ID_AUTOMATIC", 0) == 1,
            outer_vlan_automatic=number(root, "OUTER_VLAN_ID_AUTOMATIC", 0) == 1,
            vrouters=ids_of(root, "VROUTERS"),
            ranges=_ranges_of(root),
        )

    def _upper_xml(self, vrouters: set[int]) -> str:
        """The elements from ID to TEMPLATE; LOCK comes before PERMISSIONS here."""
        lock = self.lock.to_xml() if self.lock else ""
        parent = f"<PARENT_NETWORK_ID>{self.parent}</PARENT_NETWORK_ID>"
        return (
            f"{self.head_xml()}{lock}{self.permissions_xml().removesuffix(lock)}"
            f"{ids_xml('CLUSTERS', self.clusters)}<BRIDGE>{cdata(self.bridge)}</BRIDGE>"
            f"<BRIDGE_TYPE>{cdata(self.bridge_type)}</BRIDGE_TYPE>"
            f"{parent if self.parent != -1 else '<PARENT_NETWORK_ID/>'}"
            f"{_optional('VN_MAD', self.vn_mad)}{_optional('PHYDEV', self.phydev)}"
            f"{_optional('VLAN_ID', self.vlan_id)}{_optional('OUTER_VLAN_ID', self.outer_vlan_id)}"
            f"<VLAN_ID_AUTOMATIC>{int(self.vlan_automatic)}</VLAN_ID_AUTOMATIC>"
            f"<OUTER_VLAN_ID_AUTOMATIC>{int(self.outer_vlan_automatic)}</OUTER_VLAN_ID_AUTOMATIC>"
            f"<USED_LEASES>{self.used}</USED_LEASES>{ids_xml('VROUTERS', vrouters)}{self.template.to_xml()}"
        )

    def to_xml(self) -> str:
        """The body, which is also the form in pools."""
        pool = Template(("AR", each.stored_attributes()) for each in self.ranges)
        return f"<VNET>{self._upper_xml(self.vrouters)}{pool.to_xml('AR_POOL')}</VNET>"

    def extended_xml(self, shown: Visible) -> str:
        """The form in ``info``: ranges with their ends and the leases that are ``shown``."""
        vrouters = {oid for oid in self.vrouters if shown("VROUTER", oid)}
        pool = "".join(each.to_xml(shown) for each in self.ranges)
        return f"<VNET>{self._upper_xml(vrouters)}<AR_POOL>{pool}</AR_POOL></VNET>"

    def row(self) -> dict[str, Any]:
        """The columns of the pool table."""
        return super().row() | {"pid": self.parent}

    def target(self) -> Target:
        """For an access question."""
        level = self.lock.level if self.lock else 0
        bits, clusters = tuple(self.bits), frozenset(self.clusters)
        return Target(self.kind, self.oid, self.uid, self.gid, bits, level, clusters, private=self.parent != -1)

    @property
    def used(self) -> int:
        """How many addresses are taken."""
        return sum(len(each.leases) for each in self.ranges)

    @property
    def size(self) -> int:
        """How many addresses there are."""
        return sum(each.size for each in self.ranges)

    @property
    def security_groups(self) -> set[int]:
        """The groups of every interface in this network."""
        return ids_in(self.template.get("SECURITY_GROUPS"))

    @property
    def next_range(self) -> int:
        """The id of the next range."""
        return max((each.oid for each in self.ranges), default=-1) + 1

    def range(self, oid: int) -> AddressRange | None:
        """The range ``oid``."""
        return next((each for each in self.ranges if each.oid == oid), None)
