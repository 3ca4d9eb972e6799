"""Images, datastores, marketplaces and apps for tests, straight into a database."""

from collections.abc import Callable
from typing import Any, TypeVar

from lxml import etree
from sqlalchemy import insert, select

from oned.database.db import Database, Transaction
from oned.database.pools import create, load
from oned.database.schema import event, task, user_quotas
from oned.model.app import App, AppState
from oned.model.base import PoolObject
from oned.model.datastore import Datastore
from oned.model.image import Image, ImageState
from oned.model.market import Market
from onelib.template import Template

Obj = TypeVar("Obj", bound=PoolObject)
Result = TypeVar("Result")
UID, GID = 2, 0
"""The owner of everything here; the group has no quotas."""


def fields(name: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401 (fields of many types)
    common = {
        "oid": -1,
        "uid": UID,
        "gid": GID,
        "uname": "joe",
        "gname": "users",
        "name": name,
        "bits": [1, 1, 0, 0, 0, 0, 0, 0, 0],
        "template": Template(),
        "lock": None,
    }
    return common | more


def image(name: str = "image", **more: Any) -> Image:  # noqa: ANN401 (fields of many types)
    defaults: dict[str, Any] = {"datastore_id": 0, "datastore": "store", "state": ImageState.READY}
    if more.get("state", ImageState.READY) is not ImageState.LOCKED:
        defaults |= {"source": f"/ds/{name}", "prev_state": more.get("state", ImageState.READY)}
    return Image(**fields(name, **(defaults | more)))


def datastore(name: str = "store", **more: Any) -> Datastore:  # noqa: ANN401 (fields of many types)
    return Datastore(**fields(name, **({"ds_mad": "dummy", "tm_mad": "dummy", "free_mb": 1000} | more)))


def market(name: str = "market", **more: Any) -> Market:  # noqa: ANN401 (fields of many types)
    return Market(**fields(name, **({"market_mad": "http"} | more)))


def app(name: str = "app", **more: Any) -> App:  # noqa: ANN401 (fields of many types)
    defaults: dict[str, Any] = {"market_id": 0, "market": "market", "state": AppState.LOCKED, "origin_id": 0}
    return App(**fields(name, **(defaults | more)))


def run(database: Database, job: Callable[[Transaction], Result]) -> Result:
    """What ``job`` returns from a transaction of the writer."""
    return database.submit(job).result(30)


def put(database: Database, *objects: PoolObject) -> None:
    """Insert ``objects``; ids count up from 0 in each pool."""

    def job(transaction: Transaction) -> None:
        for obj in objects:
            create(transaction, obj)

    run(database, job)


def get(database: Database, cls: type[Obj], oid: int = 0) -> Obj:
    return database.read(lambda transaction: load(transaction, cls, oid))


def tasks(database: Database) -> list[str]:
    """The kinds of the tasks that wait."""
    return [row[0] for row in database.read(lambda t: t.rows(select(task.c.kind).order_by(task.c.id)))]


def payloads(database: Database) -> list[str]:
    return [str(row[0]) for row in database.read(lambda t: t.rows(select(task.c.payload).order_by(task.c.id)))]


def topics(database: Database) -> list[str]:
    """The first key of each event."""
    rows = database.read(lambda t: t.rows(select(event.c.topics).order_by(event.c.id)))
    return [str(row[0]).split("\n", maxsplit=1)[0] for row in rows]


def quotas(database: Database, body: str) -> None:
    """The quotas of the owner."""
    row = {"user_oid": UID, "body": f"<QUOTAS><ID>{UID}</ID>{body}</QUOTAS>"}
    run(database, lambda transaction: transaction.write(insert(user_quotas), row))


def used(size: int, *, limit: int = -1) -> str:
    """The quotas of a user with one image in the datastore 0."""
    return (
        "<DATASTORE_QUOTA><DATASTORE><ID>0</ID><IMAGES>-1</IMAGES><IMAGES_USED>1</IMAGES_USED>"
        f"<SIZE>{limit}</SIZE><SIZE_USED>{size}</SIZE_USED></DATASTORE></DATASTORE_QUOTA>"
    )


def size_used(database: Database) -> str:
    """What the owner uses of the datastore 0."""
    root = etree.fromstring(quota_body(database))
    return root.findtext("DATASTORE_QUOTA/DATASTORE/SIZE_USED") or ""


def quota_body(database: Database) -> str:
    rows = database.read(lambda t: t.rows(select(user_quotas.c.body).where(user_quotas.c.user_oid == UID)))
    return str(rows[0][0])
