"""``one.marketapp.*`` and ``one.marketapppool.info``."""

from oned.access.acl import Kind, Op, Target
from oned.database.listing import Listing
from oned.database.pools import create, hold_names, load, save
from oned.errors import ActionError, InternalError
from oned.methods.call import CHMOD, Call, Method
from oned.methods.personal import Personal, owner_fields
from oned.methods.shared import Window, listing, parse_template
from oned.model.app import App, AppState, AppType
from oned.model.base import check_name
from oned.model.datastore import Datastore
from oned.model.image import Image
from oned.model.market import Market
from oned.storage.apps import can, fill, refill
from oned.storage.images import CLONEABLE, begin_cloning, end_cloning, store
from oned.storage.reading import glance, held, named, peek
from oned.storage.requests import ask_market

_NO_MARKET = "Cannot find associated MARKETPLACE"


class _Apps(Personal[App]):
    """What apps do otherwise than other objects."""

    def updated(self, call: Call, obj: App) -> None:
        """Take description and version from the new template."""
        _ = call
        refill(obj)

    def delete(self, call: Call, oid: int) -> int:
        """Have the app's data removed by the marketplace's driver, and then the app."""
        app = peek(call.transaction, App, oid)
        call.authorization().add(Op.MANAGE, app.target()).check()
        if app.zone_id != call.settings.zone_id:
            raise self.refuse(f"Marketapp can only be deleted from zone {app.zone_id}")
        if app.state is AppState.LOCKED and app.type is AppType.IMAGE:
            end_cloning(call.transaction, app.origin_id, Kind.MARKETPLACEAPP, oid)
        market = held(call.transaction, Market, app.market_id)
        if market is None:
            raise self.refuse(_NO_MARKET)
        if not can(call.settings, market, "delete"):
            raise self.refuse(f"Delete disabled for market: {market.name}")
        app = load(call.transaction, App, oid)
        ask_market(call.transaction, "market.delete", market, app)
        if oid in market.apps:
            market.apps.remove(oid)
            save(call.transaction, market)
        return oid


POOL = _Apps(App)


def allocate(call: Call, text: str, market_id: int) -> int:
    """Publish an image, a template of virtual machines or a service template."""
    template = parse_template(text)
    new = Target(Kind.MARKETPLACEAPP, uid=call.caller.uid, gid=call.caller.gid)
    call.authorization().add(Op.CREATE, new).check()
    market = glance(call.transaction, Market, market_id)
    _check(call, market)
    name = template.get("NAME")
    reason = check_name(name)
    hold_names(call.transaction, App.table)
    holder = named(call.transaction, App.table, name, call.caller.uid)
    if not reason and holder != -1:
        reason = f"NAME is already taken by MARKETPLACEAPP {holder}"
    if reason:
        raise InternalError(reason)
    app = App(**owner_fields(call), name=name, template=template, market_id=market_id)
    app.zone_id = call.settings.zone_id
    fill(app)
    create(call.transaction, app)
    extra = _take_origin(call, app)
    market = load(call.transaction, Market, market_id)
    _check(call, market)
    market.apps.add(app.oid)
    save(call.transaction, market)
    app.market = market.name
    save(call.transaction, app)
    ask_market(call.transaction, "market.import", market, app, extra=extra)
    return app.oid


def _check(call: Call, market: Market | None) -> None:
    """Apps can be published there. Raises :class:`InternalError` and :class:`ActionError`."""
    if market is None:
        raise InternalError(_NO_MARKET)
    if not can(call.settings, market, "create"):
        raise ActionError(f"Create disabled for market: {market.name}")
    if market.zone_id != call.settings.zone_id:
        raise ActionError("Marketplace is not in this OpenNebula zone")


def _take_origin(call: Call, app: App) -> str:
    """Hold the image that an app is made of while its data is copied; it and its datastore, for the driver.

    The caller has to be allowed to use it. Raises :class:`InternalError`.
    """
    if app.type is AppType.UNKNOWN:
        raise InternalError("Marketplace app type not supported.")
    if app.type is not AppType.IMAGE:
        return ""
    image = held(call.transaction, Image, app.origin_id)
    if image is None:
        raise InternalError("Image does not exist.")
    call.authorization().add(Op.USE, image.target()).check()
    datastore = glance(call.transaction, Datastore, image.datastore_id)
    if datastore is None:
        raise InternalError("Image datastore no longer exists.")
    if image.state not in CLONEABLE:
        raise InternalError("Cannot clone image in current state")
    before = image.to_xml()
    begin_cloning(image, Kind.MARKETPLACEAPP, app.oid)
    store(call.transaction, image)
    return before + datastore.to_xml()


def enable(call: Call, oid: int, wanted: bool) -> int:
    """Let the app be used, or not; nothing happens to one that is not ready."""
    app = load(call.transaction, App, oid)
    call.authorization().add(Op.MANAGE, app.target()).check()
    if app.state in {AppState.READY, AppState.DISABLED}:
        app.state = AppState.READY if wanted else AppState.DISABLED
        save(call.transaction, app)
    return oid


def pool_info(call: Call, flag: int, start: int, end: int) -> Listing:
    """The apps."""
    return listing(call, App, "MARKETPLACEAPP_POOL", Window(flag, start, end))


METHODS = (
    Method("one.marketapp.allocate", allocate, (str, int), write=True),
    Method("one.marketapp.info", POOL.info, (int,), (bool,)),
    Method("one.marketapp.update", POOL.update, (int, str), (int,), write=True),
    Method("one.marketapp.delete", POOL.delete, (int,), write=True),
    Method("one.marketapp.chown", POOL.chown, (int, int, int), write=True),
    Method("one.marketapp.chmod", POOL.chmod, CHMOD, write=True),
    Method("one.marketapp.rename", POOL.rename, (int, str), write=True),
    Method("one.marketapp.enable", enable, (int, bool), write=True),
    Method("one.marketapp.lock", POOL.lock, (int, int), (bool,), write=True),
    Method("one.marketapp.unlock", POOL.unlock, (int,), write=True),
    Method("one.marketapppool.info", pool_info, (int, int, int), bulk=True),
)
