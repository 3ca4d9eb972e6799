"""``one.market.*`` and ``one.marketpool.info``."""

from oned.access.acl import Kind, Op, Target
from oned.database.listing import Listing
from oned.database.pools import create, load, remove, save
from oned.errors import InternalError
from oned.methods.call import CHMOD, Call, Method
from oned.methods.personal import owner_fields
from oned.methods.shared import Owned, listing, parse_template
from oned.methods.unique import Unique
from oned.model.app import App
from oned.model.market import Market, MarketState
from oned.storage.apps import can, check_driver, is_public
from oned.storage.market_results import forget_counts
from oned.storage.reading import held
from oned.storage.requests import ask_market


class _Markets(Unique[Market], Owned[Market]):
    """What marketplaces do otherwise than other objects."""

    def updated(self, call: Call, obj: Market) -> None:
        """Follow another driver; the template always names the one in force."""
        driver = obj.template.get("MARKET_MAD")
        if driver:
            try:
                check_driver(call.settings, obj.template, driver)
            except InternalError as error:
                raise InternalError(f"Cannot update template. {error.detail}") from None
            obj.market_mad = driver
        obj.template.set("MARKET_MAD", obj.market_mad)

    def renamed(self, call: Call, obj: Market) -> None:
        """The apps show the marketplace's name."""
        for oid in sorted(obj.apps):
            app = held(call.transaction, App, oid)
            if app is not None:
                app.market = obj.name
                save(call.transaction, app)

    def delete(self, call: Call, oid: int) -> int:
        """Delete a marketplace that has no apps, or lists them itself."""
        market = load(call.transaction, Market, oid)
        call.authorization().add(Op.MANAGE, market.target()).check()
        if market.apps and not is_public(call.settings, market):
            raise self.refuse(f"marketplace  {oid} is not empty.")
        drop_apps(call, market)
        remove(call.transaction, market)
        return oid


POOL = _Markets(Market)


def drop_apps(call: Call, market: Market) -> None:
    """Forget the apps of a marketplace, and what is remembered of them; their data stays."""
    for oid in sorted(market.apps):
        app = held(call.transaction, App, oid)
        if app is not None:
            remove(call.transaction, app)
    market.apps.clear()
    forget_counts(call.transaction, market.oid)


def allocate(call: Call, text: str) -> int:
    """Create a marketplace in this zone."""
    template = parse_template(text)
    new = Target(Kind.MARKETPLACE, uid=call.caller.uid, gid=call.caller.gid)
    call.authorization().add(Op.CREATE, new).check()
    name, driver = template.get("NAME"), template.get("MARKET_MAD")
    POOL.check_new(call, name)
    for attribute in ("NAME", "ZONE_ID"):
        template.erase(attribute)
    if not driver:
        raise InternalError("No marketplace driver (MARKET_MAD) in template.")
    check_driver(call.settings, template, driver)
    zone_id = call.settings.zone_id
    market = Market(**owner_fields(call), name=name, template=template, market_mad=driver, zone_id=zone_id)
    create(call.transaction, market)
    if can(call.settings, market, "monitor"):
        ask_market(call.transaction, "market.monitor", market)
    return market.oid


def enable(call: Call, oid: int, wanted: bool) -> int:
    """Have the marketplace monitored, or not any more: the apps that it lists itself then go."""
    market = load(call.transaction, Market, oid)
    call.authorization().add(Op.MANAGE, market.target()).check()
    state = MarketState.ENABLED if wanted else MarketState.DISABLED
    if market.state is state:
        return oid
    market.state = state
    if not wanted and is_public(call.settings, market):
        drop_apps(call, market)
    elif wanted and can(call.settings, market, "monitor"):
        ask_market(call.transaction, "market.monitor", market)
    save(call.transaction, market)
    return oid


def pool_info(call: Call) -> Listing:
    """The marketplaces that the caller may see."""
    return listing(call, Market, "MARKETPLACE_POOL")


METHODS = (
    Method("one.market.allocate", allocate, (str,), write=True),
    Method("one.market.info", POOL.info, (int,), (bool,)),
    Method("one.market.update", POOL.update, (int, str), (int,), write=True),
    Method("one.market.delete", POOL.delete, (int,), write=True),
    Method("one.market.chown", POOL.chown, (int, int, int), write=True),
    Method("one.market.chmod", POOL.chmod, CHMOD, write=True),
    Method("one.market.rename", POOL.rename, (int, str), write=True),
    Method("one.market.enable", enable, (int, bool), write=True),
    Method("one.marketpool.info", pool_info, bulk=True),
)
