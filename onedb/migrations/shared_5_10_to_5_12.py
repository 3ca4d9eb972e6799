"""Shared tables, 5.10 to 5.12: ``acl.user`` becomes ``userset``, and there is a marketplace DockerHub."""

from collections.abc import Iterable

from sqlalchemy import column, func

from oned.database import schema
from onedb.migrations.step import Context, Reader, Row, Step, TableChange, query, unchanged

_NAME = "DockerHub"
_POOL = "marketplace_pool"
_DESCRIPTION = (
    "DockerHub is the world's largest library and  community for container images hosted at hub.docker.com/"
)
_BODY = (
    "<MARKETPLACE><ID>{oid}</ID><UID>0</UID><GID>0</GID><UNAME>oneadmin</UNAME><GNAME>oneadmin</GNAME>"
    f"<NAME>{_NAME}</NAME><MARKET_MAD><![CDATA[dockerhub]]></MARKET_MAD><ZONE_ID><![CDATA[0]]></ZONE_ID>"
    "<TOTAL_MB>0</TOTAL_MB><FREE_MB>0</FREE_MB><USED_MB>0</USED_MB><MARKETPLACEAPPS/>"
    "<PERMISSIONS><OWNER_U>1</OWNER_U><OWNER_M>1</OWNER_M><OWNER_A>1</OWNER_A><GROUP_U>1</GROUP_U>"
    "<GROUP_M>0</GROUP_M><GROUP_A>0</GROUP_A><OTHER_U>1</OTHER_U><OTHER_M>0</OTHER_M><OTHER_A>0</OTHER_A></PERMISSIONS>"
    f"<TEMPLATE><DESCRIPTION><![CDATA[{_DESCRIPTION}]]></DESCRIPTION>"
    "<MARKET_MAD><![CDATA[dockerhub]]></MARKET_MAD></TEMPLATE></MARKETPLACE>"
)


def _prepare(reader: Reader) -> Context:
    """The number of the new marketplace: the one after the last that there is."""
    if not reader.has(_POOL):
        return {"oid": 0}
    newest = query(_POOL, func.max(column("oid")).label("oid"))
    found = [row["oid"] for row in reader.rows(newest)]
    return {"oid": 0 if not found or found[0] is None else int(found[0]) + 1}


def _rule(_context: Context, row: Row) -> Iterable[Row]:
    if "user" not in row:
        return (row,)
    return ({("userset" if name == "user" else name): value for name, value in row.items()},)


def _marketplace(context: Context) -> Iterable[Row]:
    oid = context["oid"]
    rights = {"uid": 0, "gid": 0, "owner_u": 1, "group_u": 1, "other_u": 1}
    return ({"oid": oid, "name": _NAME, "body": _BODY.format(oid=oid), **rights},)


def _last_oid(context: Context, row: Row) -> Iterable[Row]:
    """Count the new number as given away, or the next marketplace would be refused for having the same."""
    if row["tablename"] != _POOL or int(row["last_oid"] or 0) >= context["oid"]:
        return (row,)
    return ({**row, "last_oid": context["oid"]},)


STEP = Step(
    "shared",
    "5.10.0",
    "5.12.0",
    (
        TableChange(schema.acl, _rule),
        TableChange(schema.marketplace_pool, unchanged, _marketplace),
        TableChange(schema.pool_control, _last_oid),
    ),
    _prepare,
)
