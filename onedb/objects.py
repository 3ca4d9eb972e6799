"""Objects by the names of the commands: their classes, and their rows."""

from typing import Any, cast

from oned.model.app import App
from oned.model.base import PoolObject
from oned.model.cluster import Cluster
from oned.model.datastore import Datastore
from oned.model.document import Document
from oned.model.group import Group
from oned.model.host import Host
from oned.model.image import Image
from oned.model.market import Market
from oned.model.network import Network
from oned.model.secgroup import SecurityGroup
from oned.model.template import VmTemplate
from oned.model.user import User
from oned.model.vdc import Vdc
from oned.model.vm import Vm
from oned.model.vmgroup import VmGroup
from oned.model.vrouter import VirtualRouter
from oned.model.zone import Zone
from onedb.errors import OnedbError, UsageError
from onedb.fsck.records import Records

CLASSES: dict[str, type[Any]] = {
    "vm": Vm,
    "host": Host,
    "vnet": Network,
    "image": Image,
    "cluster": Cluster,
    "document": Document,
    "group": Group,
    "marketplace": Market,
    "marketplaceapp": App,
    "secgroup": SecurityGroup,
    "template": VmTemplate,
    "vrouter": VirtualRouter,
    "zone": Zone,
    "datastore": Datastore,
    "user": User,
    "vmgroup": VmGroup,
    "vdc": Vdc,
}


def class_of(name: str) -> type[PoolObject]:
    """The class that a command calls ``name``. Raises :class:`UsageError`."""
    found = CLASSES.get(name.strip().lower())
    if found is None:
        raise UsageError(f"Object type '{name}' not supported.", todo=f"It is one of {', '.join(CLASSES)}.")
    return cast("type[PoolObject]", found)


def read(records: Records, cls: type[PoolObject], oid: int) -> str:
    """The body of an object. Raises :class:`OnedbError`."""
    table = cls.table
    row = next(records.pages(table, table.c.body, where=table.c.oid == oid), None)
    if row is None:
        raise OnedbError(f"Object with id {oid} not found.")
    return str(row.body)


def write(records: Records, cls: type[PoolObject], oid: int, body: str) -> None:
    """Write a body, and the columns that follow from it.

    Raises :class:`oned.errors.InternalError` or :class:`ValueError` for one that is no body of the object ``oid``.
    """
    obj = cls.from_xml(body)
    if obj.oid != oid:
        raise ValueError("the ID is another one")
    row = obj.row() | {"body": body}
    del row["oid"]
    records.change(cls.table, {"oid": oid}, row)
