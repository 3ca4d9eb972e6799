"""Marketplaces and their apps: an app's marketplace exists, is called so, and lists it; a marketplace has a zone."""

from collections import defaultdict
from collections.abc import Iterator

from oned.model.app import App
from oned.model.market import Market
from onedb.fsck.finding import Finding, unrepaired
from onedb.fsck.records import Records


def check(records: Records) -> Iterator[Finding]:
    """First the apps, then the marketplaces."""
    names = records.names(Market.table)
    listed: dict[int, set[int]] = defaultdict(set)
    for app, _ in records.objects(App):
        market = app.market_id
        if market == -1:
            continue
        if market not in names:
            yield unrepaired(_lost(app))
            continue
        listed[market].add(app.oid)
        if app.market != names[market]:
            text = (
                f"Marketplace App {app.oid} has a wrong name for marketplace {market}, {app.market}. "
                f"It will be changed to {names[market]}"
            )
            yield records.finding(App.table, text)
            app.market = names[market]
            records.save(app)
    for holder, _ in records.objects(Market):
        found = [records.finding(Market.table, text) for text in _mend(holder, listed[holder.oid])]
        yield from found
        if found:
            records.save(holder)


def _mend(market: Market, right: set[int]) -> Iterator[str]:
    for oid in sorted(right - market.apps):
        yield f"Marketplace App {oid} is missing from Marketplace {market.oid} app id list"
    for oid in sorted(market.apps - right):
        yield f"Marketplace App {oid} is in Marketplace {market.oid} app id list, but it should not"
    market.apps = right
    if market.zone_id == -1:
        yield f"Marketplace {market.oid} has an invalid ZONE_ID. Will be set to 0"
        market.zone_id = 0


def _lost(app: App) -> str:
    """What to do about an app whose marketplace is gone."""
    return (
        f"Marketplace App {app.oid} has marketplace {app.market_id}, but it does not exist. The app is probably "  # noqa: S608 (a sentence)
        "unusable, and needs to be deleted manually:\n"
        "  * The DB entry can be deleted with the command:\n"
        f"    DELETE FROM marketplaceapp_pool WHERE oid={app.oid};\n"
        "  * Run fsck again."
    )
