"""Marketplaces and their apps: an app's marketplace exists, is called so, and lists it; a marketplace has a zone."""

from collections.abc import Iterator

from oned.model.app import App
from oned.model.market import Market
from onedb.fsck.finding import Finding
from onedb.fsck.holders import Holding, new_listed
from onedb.fsck.records import Records


def _lost(app: App) -> str:
    return (
        f"Marketplace App {app.oid} has marketplace {app.market_id}, but it does not exist. The app is probably "  # noqa: S608 (a sentence)
        "unusable, and needs to be deleted manually:\n"
        "  * The DB entry can be deleted with the command:\n"
        f"    DELETE FROM marketplaceapp_pool WHERE oid={app.oid};\n"
        "  * Run fsck again."
    )


_HOLDING = Holding(App, "Marketplace App", Market, "marketplace", "market_id", "market", _lost)


def check(records: Records) -> Iterator[Finding]:
    """First the apps, then the marketplaces."""
    listed = new_listed()
    yield from _HOLDING.check(records, listed)
    for market, _ in records.objects(Market):
        holder = f"Marketplace {market.oid} app"
        market.apps, texts = _HOLDING.differences(records, holder, market.apps, listed[market.oid])
        if market.zone_id == -1:
            texts.append(f"Marketplace {market.oid} has an invalid ZONE_ID. Will be set to 0")
            market.zone_id = 0
        yield from (records.finding(Market.table, text) for text in texts)
        if texts:
            records.save(market)
