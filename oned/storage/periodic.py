"""Looking at all datastores and marketplaces now and then: how full they are, which apps a marketplace lists.

One task for each of the two looks at all of its kind and asks for itself again; every start sees to it that there is
one. Source: OpenNebula 6.0, MONITORING_INTERVAL_DATASTORE and MONITORING_INTERVAL_MARKET of ``oned.conf``, seconds.
"""

from functools import partial

from sqlalchemy import delete, select

from oned.access.acl import Kind
from oned.config import Settings
from oned.database.db import Transaction
from oned.database.schema import task
from oned.infrastructure import datastores
from oned.model.base import escape
from oned.model.datastore import Datastore, DatastoreType
from oned.model.market import Market, MarketState
from oned.storage.apps import can
from oned.storage.requests import ask_market, is_asked, monitor_datastore
from oned.tasks import enqueue
from oned.work.context import Context, Job

DATASTORES, MARKETS = "storage.datastores", "storage.markets"
_ABOUT = {DATASTORES: (Kind.DATASTORE, -1), MARKETS: (Kind.MARKETPLACE, -1)}
_INTERVALS = {DATASTORES: ("MONITORING_INTERVAL_DATASTORE", 300), MARKETS: ("MONITORING_INTERVAL_MARKET", 600)}


def begin(transaction: Transaction) -> None:
    """Look at everything now, as a start of the server does."""
    for kind in _ABOUT:
        _next(transaction, kind, 0)


def _next(transaction: Transaction, kind: str, delay: float) -> None:
    """Ask for the next look, instead of any other that nobody has begun."""
    transaction.write(delete(task).where(task.c.kind == kind, task.c.owner == ""))
    enqueue(transaction, kind, _ABOUT[kind], {}, delay=delay)


async def look(context: Context) -> Job:
    """The handler of both tasks."""
    return partial(_look, kind=context.task.kind, settings=context.settings)


def _look(transaction: Transaction, kind: str, settings: Settings) -> None:
    if kind == DATASTORES:
        for row in transaction.rows(select(Datastore.table.c.body)):
            measure(transaction, Datastore.from_xml(str(row[0])), settings)
    else:
        for row in transaction.rows(select(Market.table.c.body)):
            _monitor(transaction, Market.from_xml(str(row[0])), settings)
    name, default = _INTERVALS[kind]
    text = settings.raw.get(name)
    _next(transaction, kind, max(int(text) if text.isdecimal() else default, 1))


def measure(transaction: Transaction, datastore: Datastore, settings: Settings) -> None:
    """Ask how full a datastore is; one that is on the hosts themselves is measured there."""
    if datastore.type is not DatastoreType.SYSTEM_DS:
        monitor_datastore(transaction, datastore)
    elif datastore.shared:
        folder = escape(datastores.location(settings))
        monitor_datastore(transaction, datastore, extra=f"<DATASTORE_LOCATION>{folder}</DATASTORE_LOCATION>")


def _monitor(transaction: Transaction, market: Market, settings: Settings) -> None:
    """Ask for the state of a marketplace of this zone."""
    if market.zone_id != settings.zone_id or market.state is MarketState.DISABLED:
        return
    if can(settings, market, "monitor") and not is_asked(
        transaction, "market.monitor", (Kind.MARKETPLACE, market.oid)
    ):
        ask_market(transaction, "market.monitor", market)
