"""Marketplaces and apps: what a driver can do with them, new apps, and the apps that a marketplace lists itself.

Source: OpenNebula 6.0, "Marketplaces", "Market Driver", MARKET_MAD_CONF of ``oned.conf``.
"""

import base64
import binascii
import time

from oned.config import Settings
from oned.defaults import drivers
from oned.errors import InternalError
from oned.model.app import App, AppState, AppType
from oned.model.base import check_name, umask_bits
from oned.model.market import Market
from onelib.template import Template, TemplateError

_DEFAULT_ACTIONS = {"http": "create, monitor, delete", "s3": "create, monitor, delete", "one": "create, monitor"}
_MEASURED = ("SOURCE", "SIZE", "MD5", "FORMAT", "REGTIME")
_LISTED_UMASK = 0o133
"""Everybody may use an app that a marketplace lists itself."""


_FIRST = (
    ("OpenNebula Public", "one", "OpenNebula Systems MarketPlace"),
    (
        "Linux Containers",
        "linuxcontainers",
        "MarketPlace for the public image server fo LXC & LXD hosted at linuxcontainers.org",
    ),
    (
        "TurnKey Linux Containers",
        "turnkeylinux",
        "TurnKey linux is a free software repository based on Debian images hosted at turnkeylinux.org",
    ),
    (
        "DockerHub",
        "dockerhub",
        "DockerHub is the world's largest library and  community for container images hosted at hub.docker.com/",
    ),
)


def first_markets(settings: Settings) -> list[Market]:
    """The marketplaces of a new database, with 6.0's words."""
    return [
        Market(
            oid=oid,
            uid=0,
            gid=0,
            uname="oneadmin",
            gname="oneadmin",
            name=name,
            bits=[1, 1, 1, 1, 0, 0, 1, 0, 0],
            template=Template([("DESCRIPTION", description), ("MARKET_MAD", driver)]),
            lock=None,
            market_mad=driver,
            zone_id=settings.zone_id,
        )
        for oid, (name, driver, description) in enumerate(_FIRST)
    ]


def market_conf(settings: Settings, name: str) -> dict[str, str] | None:
    """MARKET_MAD_CONF of the driver ``name``; None without one."""
    confs = (*settings.raw.vectors("MARKET_MAD_CONF"), *drivers("MARKET_MAD_CONF"))
    return next((conf for conf in confs if conf.get("NAME", "").upper() == name.upper()), None)


def can(settings: Settings, market: Market, action: str) -> bool:
    """Whether the driver of ``market`` can ``create``, ``delete`` or ``monitor`` (APP_ACTIONS)."""
    conf = market_conf(settings, market.market_mad) or {}
    actions = conf.get("APP_ACTIONS") or _DEFAULT_ACTIONS.get(market.market_mad, "")
    return action in {word.strip() for word in actions.split(",")}


def is_public(settings: Settings, market: Market) -> bool:
    """Whether the marketplace lists its apps itself, so that they may go with it."""
    conf = market_conf(settings, market.market_mad) or {}
    return conf.get("PUBLIC", "").upper() == "YES"


def check_driver(settings: Settings, template: Template, name: str) -> None:
    """The driver is known and the template has what it requires. Raises :class:`InternalError`."""
    conf = market_conf(settings, name)
    if conf is None:
        raise InternalError(f'MARKET_MAD_CONF named "{name}" is not defined in oned.conf')
    for part in conf.get("REQUIRED_ATTRS", "").split(","):
        required = part.strip().upper()
        if required and not template.get(required):
            raise InternalError(f'MarketPlace template is missing the "{required}" attribute or it\'s empty.')


def fill(app: App) -> None:
    """Complete a new app from its template. Raises :class:`InternalError`."""
    template = app.template
    origin = template.get("ORIGIN_ID").strip()
    if not origin.removeprefix("-").isdecimal():
        raise InternalError("Missing ORIGIN_ID for the MARKETPLACEAPP")
    for name in ("NAME", "ZONE_ID", "ORIGIN_ID", *_MEASURED):
        template.erase(name)
    app.type = AppType.of(template.get("TYPE"))
    app.origin_id = int(origin)
    app.regtime = int(time.time())
    _describe(app)
    app.version = app.version or "0.0"
    without_data = {AppType.VMTEMPLATE, AppType.SERVICE_TEMPLATE}
    app.state = AppState.READY if app.type in without_data else AppState.LOCKED


def refill(app: App) -> None:
    """Follow a template that was updated."""
    _describe(app)
    for name in (*_MEASURED, "ORIGIN_ID"):
        app.template.erase(name)


def _describe(app: App) -> None:
    """Take the attributes that stay in the template and have an element of their own too."""
    app.description = app.template.get("DESCRIPTION", app.description)
    app.version = app.template.get("VERSION", app.version)
    app.apptemplate64 = app.template.get("APPTEMPLATE64", app.apptemplate64)


def listed(text: str, market: Market, zone_id: int) -> App | None:
    """The app that a marketplace lists, from a template in base64; None for what is none.

    Without a name that can be used it is called ``imported--1``, as 6.0 does.
    """
    try:
        template = Template.from_text(base64.b64decode(text).decode())
    except (binascii.Error, UnicodeDecodeError, TemplateError):
        return None
    app = App(
        oid=-1,
        uid=0,
        gid=0,
        uname="oneadmin",
        gname="oneadmin",
        name="",
        bits=umask_bits(_LISTED_UMASK, admin=True, other=True),
        template=Template(),
        lock=None,
        market_id=market.oid,
        market=market.name,
        zone_id=zone_id,
    )
    take_listed(app, template)
    return app


def take_listed(app: App, template: Template) -> None:
    """Write what a marketplace lists into ``app``."""
    app.template = template
    app.state, app.origin_id = AppState.READY, -1
    app.type = AppType.of(template.get("TYPE"))
    size, regtime = template.get("SIZE").strip(), template.get("REGTIME").strip()
    app.name = template.get("NAME")
    app.source, app.md5, app.format = template.get("SOURCE"), template.get("MD5"), template.get("FORMAT")
    app.size = int(size) if size.isdecimal() else 0
    app.regtime = int(regtime) if regtime.isdecimal() else 0
    for name in ("TYPE", "ORIGIN_ID", "NAME", *_MEASURED):
        template.erase(name)
    _describe(app)
    if check_name(app.name):
        app.name = f"imported-{app.origin_id}"
