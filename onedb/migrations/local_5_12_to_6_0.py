"""Local tables, 5.12 to 6.0: the format of an image, its state before the present one, owners in the last record.

Every record of ``history`` stays, also of machines that the pool no longer has (upstream loses those).
"""

import re
from collections.abc import Iterable
from typing import NamedTuple
from xml.sax.saxutils import escape, unescape

from sqlalchemy import column, func

from oned.database import schema
from onedb.migrations.bodies import Element, add, drop, parse, text, value
from onedb.migrations.step import Context, MigrationError, Reader, Row, Step, TableChange, key_of, pages, query

_HEAD = 1200
"""Characters of a body that hold the owner of a virtual machine, unless names are all entities."""
_OWNER = re.compile(
    r"\s*<VM>\s*<ID>[^<]*</ID>\s*<UID>([^<]*)</UID>\s*<GID>([^<]*)</GID>"
    r"\s*<UNAME>([^<]*)</UNAME>\s*<GNAME>([^<]*)</GNAME>"
)
_LEAF = r"\s*<(\w+)>[^<]*</\2>"
_RECORD = re.compile(
    rf"(<HISTORY>(?:{_LEAF})*\s*<VM>\s*<ID>[^<]*</ID>\s*)<UID>[^<]*</UID>(\s*)<GID>[^<]*</GID>(\s*)"
    r"<UNAME>[^<]*</UNAME>(\s*)<GNAME>[^<]*</GNAME>"
)
"""The record as a server writes it: plain elements up to the owner of the machine in it."""
_FILE = 0


class _Owner(NamedTuple):
    uid: str
    uname: str
    gid: str
    gname: str


def _prepare(reader: Reader) -> Context:
    names: dict[_Owner, _Owner] = {}
    owners: dict[int, _Owner] = {}
    for row in pages(reader, "vm_pool", "oid", (), {"body": _HEAD}):
        owner = _owner(reader, row)
        owners[row["oid"]] = names.setdefault(owner, owner)
    return {"owners": owners, "last": _last_records(reader), "drivers": _drivers(reader)}


def _owner(reader: Reader, row: Row) -> _Owner:
    """Who owns a machine of which ``row`` has the beginning."""
    found = _OWNER.match(row["body"] or "")
    if found:
        uid, gid, uname, gname = (
            unescape(part.strip(), {"&quot;": '"', "&apos;": "'"}) for part in found.groups()
        )
        return _Owner(uid, uname, gid, gname)
    whole = query("vm_pool", column("oid"), column("body")).where(column("oid") == row["oid"])
    root = parse(schema.vm_pool, next(iter(reader.rows(whole))), "VM")
    return _Owner(*(value(root, name) for name in ("UID", "UNAME", "GID", "GNAME")))


def _last_records(reader: Reader) -> dict[int, int]:
    if not reader.has("history"):
        return {}
    newest = query("history", column("vid"), func.max(column("seq")).label("seq")).group_by(column("vid"))
    return {row["vid"]: row["seq"] for row in reader.rows(newest)}


def _drivers(reader: Reader) -> dict[int, str]:
    found = {}
    for row in pages(reader, "datastore_pool", "oid", ("body",), {}):
        found[row["oid"]] = value(parse(schema.datastore_pool, row, "DATASTORE"), "TEMPLATE/DRIVER")
    return found


def _image(context: Context, row: Row) -> Iterable[Row]:
    root = parse(schema.image_pool, row, "IMAGE")
    if root.find("FORMAT") is None:
        _set_format(context, row, root)
    if root.find("PREV_STATE") is None:
        add(root, "PREV_STATE", value(root, "STATE"))
    return ({**row, "body": text(root)},)


def _set_format(context: Context, row: Row, root: Element) -> None:
    kind = value(root, "DISK_TYPE")
    if kind and not re.fullmatch(r"-?\d+", kind):
        raise MigrationError("image_pool", key_of(schema.image_pool, row), f"its DISK_TYPE {kind!r} is no number")
    template = root.find("TEMPLATE")
    chosen = "raw"
    if int(kind or _FILE) != _FILE:
        if template is not None:
            drop(template, "DRIVER")
    else:
        written = (value(root, path) for path in ("TEMPLATE/DRIVER", "FSTYPE", "TEMPLATE/FORMAT"))
        store = value(root, "DATASTORE_ID")
        default = context["drivers"].get(int(store), "") if re.fullmatch(r"-?\d+", store) else ""
        chosen = next(filter(None, written), default) or "raw"
    add(root, "FORMAT", chosen)
    if template is not None:
        drop(template, "FORMAT")
    drop(root, "FSTYPE")


def _record(context: Context, row: Row) -> Iterable[Row]:
    """The last record of a machine gets the machine's owner; all others stay."""
    owner = context["owners"].get(row["vid"])
    if owner is None or context["last"].get(row["vid"]) != row["seq"]:
        return (row,)
    body = row["body"] or ""
    found = _RECORD.match(body)
    if found is None:
        return (_by_tree(owner, row),)
    uid, uname, gid, gname = map(escape, owner)
    start, first, second, third = found[1], found[3], found[4], found[5]
    head = f"{start}<UID>{uid}</UID>{first}<GID>{gid}</GID>{second}<UNAME>{uname}</UNAME>{third}<GNAME>{gname}</GNAME>"
    return (row,) if head == found[0] else ({**row, "body": head + body[found.end() :]},)


def _by_tree(owner: _Owner, row: Row) -> Row:
    root = parse(schema.history, row, "HISTORY")
    for name, written in zip(("UID", "UNAME", "GID", "GNAME"), owner, strict=True):
        element = root.find(f"VM/{name}")
        if element is not None:
            for child in list(element):
                element.remove(child)
            element.text = written
    return {**row, "body": text(root)}


STEP = Step(
    "local",
    "5.12.0",
    "6.0.0",
    (TableChange(schema.image_pool, _image), TableChange(schema.history, _record)),
    _prepare,
)
