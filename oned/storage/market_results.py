"""What follows when a marketplace's driver has answered: one function per kind of task."""

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import delete as delete_row
from sqlalchemy import insert, select

from oned.access.acl import Kind
from oned.database.db import Transaction
from oned.database.pools import create, remove, save
from oned.database.schema import system_attributes
from oned.model.app import App, AppState, AppType
from oned.model.market import Market
from oned.storage.apps import listed
from oned.storage.image_results import told
from oned.storage.images import end_cloning, set_error
from oned.storage.reading import glance, held, named
from oned.storage.requests import ask_market, discard
from onelib.driver import DriverError
from onelib.template import Template, TemplateError

Payload = Mapping[str, Any]
Answer = str | DriverError

MISSES = 3
"""How often in a row a marketplace may not list an app before the app is dropped."""


def _fail(transaction: Transaction, app: App, message: str) -> None:
    set_error(app.template, message)
    app.state = AppState.ERROR
    save(transaction, app)


def import_app(transaction: Transaction, payload: Payload, answer: Answer) -> None:
    """An image was copied to the marketplace: the driver says where, how large, and its checksum."""
    before = glance(transaction, App, payload["oid"])
    if before is not None and before.type is AppType.IMAGE:
        end_cloning(transaction, before.origin_id, Kind.MARKETPLACEAPP, before.oid)
    problem, facts = "", Template()
    if isinstance(answer, DriverError):
        problem = told("Error importing app into marketplace", answer)
    else:
        try:
            facts = Template.parse(answer)
        except TemplateError as error:
            problem = f"Error importing app into marketplace. Parse error: {error.message}"
    source, md5, form, size = (facts.get(name) for name in ("SOURCE", "MD5", "FORMAT", "SIZE"))
    if not problem and not (source and md5 and form and size.isdecimal()):
        problem = "Error importing app into marketplace. Missing app attributes."
    app = held(transaction, App, payload["oid"])
    if app is None:
        discard(transaction, payload, source)
    elif app.state is not AppState.LOCKED and app.type is AppType.IMAGE:
        return
    elif problem:
        _fail(transaction, app, problem)
    else:
        app.source, app.md5, app.format, app.size = source, md5, form, int(size)
        app.state = AppState.READY
        save(transaction, app)


def delete(transaction: Transaction, payload: Payload, answer: Answer) -> None:
    """The app's data is gone, or the driver gave it up (which its log has): the app goes too."""
    _ = answer
    app = held(transaction, App, payload["oid"])
    if app is None:
        return
    if app.source and "<SOURCE></SOURCE>" in payload["message"]:
        # Its data came only after the driver was asked to remove it.
        market = glance(transaction, Market, app.market_id)
        if market is not None:
            ask_market(transaction, "market.delete", market, app)
            return
    remove(transaction, app)


def monitor(transaction: Transaction, payload: Payload, answer: Answer) -> None:
    """How full a marketplace is, and for one that lists its apps itself: which those are now."""
    market = held(transaction, Market, payload["oid"])
    if market is None or isinstance(answer, DriverError):
        return
    try:
        facts = Template.from_text(answer)
    except TemplateError:
        return
    market.total_mb = _megabytes(facts, "TOTAL_MB", market.total_mb)
    market.free_mb = _megabytes(facts, "FREE_MB", market.free_mb)
    market.used_mb = _megabytes(facts, "USED_MB", market.used_mb)
    apps = [text for text in facts.all("APP") if isinstance(text, str)]
    if apps:
        found = _take_all(transaction, market, apps)
        _drop_missing(transaction, market, market.apps - found)
    save(transaction, market)


def _megabytes(facts: Template, name: str, default: int) -> int:
    """A size; drivers may write fractions."""
    try:
        return int(float(facts.get(name)))
    except (ValueError, OverflowError):
        return default


def _take_all(transaction: Transaction, market: Market, texts: list[str]) -> set[int]:
    """Create or update the apps that ``market`` lists; their ids.

    A name belongs to the marketplace that had it first, as the database compares names.
    """
    table = App.table
    rows = transaction.rows(select(table.c.name, table.c.body).where(table.c.uid == 0))
    bodies = {str(row[0]): str(row[1]) for row in rows}
    found = set()
    for text in texts:
        new = listed(text, market, market.zone_id)
        if new is None:
            continue
        body = bodies.get(new.name)
        if body is None:
            if named(transaction, table, new.name, 0) != -1:
                continue
            create(transaction, new)
            bodies[new.name] = new.to_xml()
            market.apps.add(new.oid)
            found.add(new.oid)
            continue
        old = App.from_xml(body)
        if old.market_id == market.oid:
            found.add(old.oid)
            _update(transaction, old, new)
    return found


def _update(transaction: Transaction, old: App, new: App) -> None:
    """Take over what the marketplace says of an app that has changed there."""
    if (old.version, old.md5, old.source) == (new.version, new.md5, new.source):
        return
    app = held(transaction, App, old.oid)
    if app is None:
        return
    for name in ("oid", "uid", "gid", "uname", "gname", "bits", "lock", "zone_id"):
        setattr(new, name, getattr(app, name))
    save(transaction, new)


def _counts_name(market_id: int) -> str:
    return f"ONEEDGE_MARKET_{market_id}"


def forget_counts(transaction: Transaction, market_id: int) -> None:
    """Drop what is remembered of a marketplace between two looks at it."""
    transaction.write(delete_row(system_attributes).where(system_attributes.c.name == _counts_name(market_id)))


def _drop_missing(transaction: Transaction, market: Market, missing: set[int]) -> None:
    """Count the apps that were not listed, and drop those for which that was so ``MISSES`` times in a row."""
    name = _counts_name(market.oid)
    row = transaction.one(select(system_attributes.c.body).where(system_attributes.c.name == name))
    before: dict[str, int] = json.loads(row[0]) if row is not None else {}
    counts = {oid: before.get(str(oid), 0) + 1 for oid in missing}
    for oid in sorted(oid for oid, count in counts.items() if count >= MISSES):
        del counts[oid]
        market.apps.discard(oid)
        app = held(transaction, App, oid)
        if app is not None:
            remove(transaction, app)
    if row is not None:
        forget_counts(transaction, market.oid)
    if counts:
        transaction.write(insert(system_attributes), {"name": name, "body": json.dumps(counts)})
