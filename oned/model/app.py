"""Marketplace apps: images, templates of virtual machines and service templates that a marketplace offers."""

from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar, Self

from sqlalchemy import Table

from oned.access.acl import Kind
from oned.database.schema import marketplaceapp_pool
from oned.model.base import OwnedObject, escape, number, parse_body
from oned.model.image import member
from onelib.template_xml import text_of


class AppState(IntEnum):
    """The state of an app."""

    INIT = 0
    READY = 1
    LOCKED = 2
    ERROR = 3
    DISABLED = 4


class AppType(IntEnum):
    """What an app is."""

    UNKNOWN = 0
    IMAGE = 1
    VMTEMPLATE = 2
    SERVICE_TEMPLATE = 3

    @classmethod
    def of(cls, text: str) -> "AppType":
        """The type of that name; an image when it is empty."""
        return cls.__members__.get(text.upper(), cls.UNKNOWN) if text else cls.IMAGE


@dataclass
class App(OwnedObject):
    """An app of a marketplace. ``origin_id`` is the image, template or document it was made of; -1 for a public one.

    ``size`` is in megabytes, ``regtime`` in epoch seconds.
    """

    root: ClassVar[str] = "MARKETPLACEAPP"
    kind: ClassVar[Kind] = Kind.MARKETPLACEAPP
    table: ClassVar[Table] = marketplaceapp_pool

    regtime: int = 0
    zone_id: int = 0
    origin_id: int = -1
    source: str = ""
    md5: str = ""
    size: int = 0
    description: str = ""
    version: str = ""
    format: str = ""
    apptemplate64: str = ""
    market_id: int = -1
    market: str = ""
    state: AppState = AppState.INIT
    type: AppType = AppType.IMAGE

    @classmethod
    def from_xml(cls, body: str) -> Self:
        """The app of a body. Raises :class:`oned.errors.InternalError`."""
        root = parse_body(body, cls.root)

        def text(name: str) -> str:
            return text_of(root.find(name))

        return cls(
            **cls.common(root),
            regtime=number(root, "REGTIME", 0),
            zone_id=number(root, "ZONE_ID"),
            origin_id=number(root, "ORIGIN_ID"),
            source=text("SOURCE"),
            md5=text("MD5"),
            size=number(root, "SIZE", 0),
            description=text("DESCRIPTION"),
            version=text("VERSION"),
            format=text("FORMAT"),
            apptemplate64=text("APPTEMPLATE64"),
            market_id=number(root, "MARKETPLACE_ID"),
            market=text("MARKETPLACE"),
            state=member(root, "STATE", AppState),
            type=member(root, "TYPE", AppType),
        )

    def to_xml(self) -> str:
        """The body; NAME comes after LOCK and REGTIME here."""
        lock = self.lock.to_xml() if self.lock else ""
        name = f"<NAME>{escape(self.name)}</NAME>"
        return (
            f"<MARKETPLACEAPP>{self.head_xml().removesuffix(name)}{lock}<REGTIME>{self.regtime}</REGTIME>{name}"
            f"<ZONE_ID>{self.zone_id}</ZONE_ID><ORIGIN_ID>{self.origin_id}</ORIGIN_ID>"
            f"<SOURCE>{escape(self.source)}</SOURCE><MD5>{escape(self.md5)}</MD5><SIZE>{self.size}</SIZE>"
            f"<DESCRIPTION>{escape(self.description)}</DESCRIPTION><VERSION>{escape(self.version)}</VERSION>"
            f"<FORMAT>{escape(self.format)}</FORMAT><APPTEMPLATE64>{escape(self.apptemplate64)}</APPTEMPLATE64>"
            f"<MARKETPLACE_ID>{self.market_id}</MARKETPLACE_ID><MARKETPLACE>{escape(self.market)}</MARKETPLACE>"
            f"<STATE>{self.state.value}</STATE><TYPE>{self.type.value}</TYPE>"
            f"{self.permissions_xml().removesuffix(lock)}{self.template.to_xml()}</MARKETPLACEAPP>"
        )
