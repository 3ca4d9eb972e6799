"""What is asked of the drivers of datastores and marketplaces, in the words of the 6.0 drivers.

Source: OpenNebula 6.0, "Storage Driver" and "Market Driver": each action gets one XML text with all it has to know.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from lxml import etree
from sqlalchemy import select

from oned.access.acl import Kind
from oned.database.db import Transaction
from oned.database.schema import task
from oned.model.app import App
from oned.model.datastore import Datastore
from oned.model.image import Image
from oned.model.market import Market
from oned.tasks import enqueue
from onelib.template import MAX_ELEMENTS
from onelib.template_xml import parse_root

_ACTIONS = {
    "image.stat": "STAT",
    "image.cp": "CP",
    "image.mkfs": "MKFS",
    "image.clone": "CLONE",
    "image.rm": "RM",
    "image.snap_delete": "SNAP_DELETE",
    "image.snap_revert": "SNAP_REVERT",
    "image.snap_flatten": "SNAP_FLATTEN",
    "datastore.monitor": "MONITOR",
    "market.import": "IMPORT",
    "market.delete": "DELETE",
    "market.monitor": "MONITOR",
}


def ask_datastore(
    transaction: Transaction,
    kind: str,
    image: Image,
    datastore: Datastore,
    *,
    extra: str = "",
    more: Mapping[str, Any] | None = None,
) -> None:
    """Ask for ``kind`` (``image.cp`` ...) on an image. ``extra`` goes into the text, ``more`` back to the result."""
    payload = {
        "oid": image.oid,
        "driver": f"datastore:{datastore.ds_mad}",
        "action": _ACTIONS[kind],
        "message": _datastore_message(datastore, image.to_xml(), extra),
        "datastore": datastore.oid,
    }
    enqueue(transaction, kind, (Kind.IMAGE, image.oid), payload | dict(more or {}))


def _datastore_message(datastore: Datastore, image: str, extra: str) -> str:
    """The text for a driver. The ids of all images, which no driver looks at, would make it longer and longer."""
    store = replace(datastore, images=set()).to_xml()
    return f"<DS_DRIVER_ACTION_DATA>{image}{store}{extra}</DS_DRIVER_ACTION_DATA>"


def is_asked(transaction: Transaction, kind: str, about: tuple[Kind, int]) -> bool:
    """Whether a task of this kind about that object waits to be begun."""
    query = select(task.c.id).where(task.c.object == about[0].name, task.c.oid == about[1])
    return bool(transaction.rows(query.where(task.c.kind == kind, task.c.owner == "").limit(1)))


def monitor_datastore(transaction: Transaction, datastore: Datastore, *, extra: str = "") -> None:
    """Ask how full a datastore is, unless that is asked already."""
    if is_asked(transaction, "datastore.monitor", (Kind.DATASTORE, datastore.oid)):
        return
    driver = datastore.tm_mad if datastore.ds_mad == "-" else datastore.ds_mad
    payload = {
        "oid": datastore.oid,
        "driver": f"datastore:{driver}",
        "action": _ACTIONS["datastore.monitor"],
        "message": _datastore_message(datastore, "", extra),
    }
    enqueue(transaction, "datastore.monitor", (Kind.DATASTORE, datastore.oid), payload)


def ask_market(
    transaction: Transaction, kind: str, market: Market, app: App | None = None, *, extra: str = ""
) -> None:
    """Ask for ``kind`` (``market.import`` ...) on an app, or for the state of the marketplace itself."""
    about = (Kind.MARKETPLACE, market.oid) if app is None else (Kind.MARKETPLACEAPP, app.oid)
    body = "" if app is None else app.to_xml()
    payload = {
        "oid": about[1],
        "driver": f"market:{market.market_mad}",
        "action": _ACTIONS[kind],
        "message": f"<MARKET_DRIVER_ACTION_DATA>{body}{market.to_xml()}{extra}</MARKET_DRIVER_ACTION_DATA>",
        "market": market.oid,
    }
    enqueue(transaction, kind, about, payload)


def discard(transaction: Transaction, payload: Mapping[str, Any], source: str) -> None:
    """Have the data at ``source`` removed, which the task with ``payload`` made for what is gone meanwhile."""
    if not source:
        return
    about = Kind.MARKETPLACEAPP if "market" in payload else Kind.IMAGE
    kind = "market.delete" if about is Kind.MARKETPLACEAPP else "image.rm"
    root = parse_root(payload["message"], MAX_ELEMENTS)
    place = root.find(f"{about.name}/SOURCE")
    if place is not None:
        place.text = source
        changed = {"action": _ACTIONS[kind], "message": etree.tostring(root, encoding="unicode")}
        enqueue(transaction, kind, (about, payload["oid"]), {**payload, **changed})
