"""Marketplaces: where apps are published and imported from."""

from dataclasses import dataclass, field
from enum import IntEnum
from typing import ClassVar, Self

from sqlalchemy import Table

from oned.access.acl import Kind
from oned.database.schema import marketplace_pool
from oned.model.base import OwnedObject, escape, ids_of, ids_xml, number, parse_body
from oned.model.image import member
from onelib.template_xml import text_of


class MarketState(IntEnum):
    """Whether a marketplace is monitored. Source: OpenNebula 6.0.3, ``one.market.enable``."""

    ENABLED = 0
    DISABLED = 1


@dataclass
class Market(OwnedObject):
    """A marketplace of the zone ``zone_id``. Sizes are megabytes."""

    root: ClassVar[str] = "MARKETPLACE"
    kind: ClassVar[Kind] = Kind.MARKETPLACE
    table: ClassVar[Table] = marketplace_pool

    state: MarketState = MarketState.ENABLED
    market_mad: str = ""
    zone_id: int = 0
    total_mb: int = 0
    free_mb: int = 0
    used_mb: int = 0
    apps: set[int] = field(default_factory=set)

    @classmethod
    def from_xml(cls, body: str) -> Self:
        """The marketplace of a body. Raises :class:`oned.errors.InternalError`."""
        root = parse_body(body, cls.root)
        return cls(
            **cls.common(root),
            state=member(root, "STATE", MarketState),
            market_mad=text_of(root.find("MARKET_MAD")),
            zone_id=number(root, "ZONE_ID"),
            total_mb=number(root, "TOTAL_MB", 0),
            free_mb=number(root, "FREE_MB", 0),
            used_mb=number(root, "USED_MB", 0),
            apps=ids_of(root, "MARKETPLACEAPPS"),
        )

    def to_xml(self) -> str:
        """The body. 6.0.0 knows no STATE and its schema none: only a marketplace that is disabled has one."""
        state = f"<STATE>{self.state.value}</STATE>" if self.state is MarketState.DISABLED else ""
        return (
            f"<MARKETPLACE>{self.head_xml()}{state}<MARKET_MAD>{escape(self.market_mad)}</MARKET_MAD>"
            f"<ZONE_ID>{self.zone_id}</ZONE_ID><TOTAL_MB>{self.total_mb}</TOTAL_MB>"
            f"<FREE_MB>{self.free_mb}</FREE_MB><USED_MB>{self.used_mb}</USED_MB>"
            f"{ids_xml('MARKETPLACEAPPS', self.apps)}{self.permissions_xml()}{self.template.to_xml()}</MARKETPLACE>"
        )
