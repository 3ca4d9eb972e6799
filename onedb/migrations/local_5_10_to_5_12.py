"""Local tables, 5.10 to 5.12: networks of services, and monitoring apart from the pools."""

import json
import re
from collections.abc import Iterable
from typing import Any

from lxml import etree

from oned.database import schema
from onedb.migrations.bodies import Element, add, drop, parse, text, value
from onedb.migrations.step import Context, Row, Step, TableChange

_SERVICE, _SERVICE_TEMPLATE = 100, 101
_NODE = ("ID", "UID", "GID", "UNAME", "GNAME", "NAME")
_LEAF = r"\s*<(\w+)>[^<]*</\{}>"
_VM = re.compile(
    rf"(<VM>(?:{_LEAF.format(2)})*\s*<PERMISSIONS>(?:{_LEAF.format(3)})*\s*</PERMISSIONS>)"
    rf"\s*<LAST_POLL>[^<]*</LAST_POLL>((?:{_LEAF.format(5)})*(?:\s*<LOCK>(?:{_LEAF.format(6)})*\s*</LOCK>)?)"
    r"\s*(<MONITORING/>|<MONITORING>.*?</MONITORING>)",
    re.DOTALL,
)
"""The beginning of a machine's body as a server writes it."""
_REPORT = re.compile(
    r"<VM>(\s*<ID>[^<]*</ID>\s*)<LAST_POLL>([^<]*)</LAST_POLL>(\s*(?:<MONITORING/>|<MONITORING>.*</MONITORING>))"
    rf"\s*<TEMPLATE>(?:{_LEAF.format(4)})*\s*</TEMPLATE>(\s*)</VM>",
    re.DOTALL,
)
"""A report of a machine as a server writes it."""
_DISK = ("DISK_USAGE", "MAX_DISK", "FREE_DISK", "USED_DISK")


def _document(_context: Context, row: Row) -> Iterable[Row]:
    """Services and their templates; documents of other programs are not ours to change."""
    if row["type"] not in (_SERVICE, _SERVICE_TEMPLATE):
        return (row,)
    root = parse(schema.document_pool, row, "DOCUMENT")
    element = root.find("TEMPLATE/BODY")
    try:
        body = json.loads((element.text or "") if element is not None else "")
    except ValueError:
        return (row,)
    if element is None or not isinstance(body, dict) or "networks" in body:
        return (row,)
    _set_networks(body, service=row["type"] == _SERVICE)
    written = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    element.text = written if "]]>" in written else etree.CDATA(written)
    return ({**row, "body": text(root)},)


def _set_networks(body: dict[str, Any], *, service: bool) -> None:
    body["networks"] = body.get("custom_attrs") or {}
    body["custom_attrs"] = {}
    if not service:
        return
    body["networks_values"] = body.get("custom_attrs_values") or {}
    body["custom_attrs_values"] = {}
    for role in _objects(body.get("roles")):
        for node in _objects(role.get("nodes")):
            info = node.get("vm_info")
            if isinstance(info, dict) and isinstance(info.get("VM"), dict):
                info["VM"] = {name: info["VM"][name] for name in info["VM"] if name in _NODE}


def _objects(found: object) -> list[dict[str, Any]]:
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def _host_report(_context: Context, row: Row) -> Iterable[Row]:
    root = parse(schema.host_monitoring, {**row}, _root(row, "HOST", "MONITORING"))
    if root.tag == "MONITORING":
        return (row,)
    report = etree.Element("MONITORING")
    add(report, "ID", value(root, "ID"))
    add(report, "TIMESTAMP", value(root, "LAST_MON_TIME"))
    capacity = add(report, "CAPACITY")
    for name, old in (
        ("FREE_CPU",) * 2,
        ("FREE_MEMORY", "FREE_MEM"),
        ("USED_CPU",) * 2,
        ("USED_MEMORY", "USED_MEM"),
    ):
        add(capacity, name, value(root, f"HOST_SHARE/{old}"))
    system = add(report, "SYSTEM")
    for name in ("NETRX", "NETTX"):
        if root.find(f"TEMPLATE/{name}") is not None:
            add(system, name, value(root, f"TEMPLATE/{name}"))
    return ({**row, "body": text(report)},)


def _root(row: Row, old: str, new: str) -> str:
    """``new`` for a body that a 5.12 server has written already."""
    return new if str(row["body"] or "").lstrip().startswith(f"<{new}") else old


def _host(_context: Context, row: Row) -> Iterable[Row]:
    root = parse(schema.host_pool, row, "HOST")
    drop(root, "LAST_MON_TIME")
    template, share = root.find("TEMPLATE"), root.find("HOST_SHARE")
    if template is not None:
        drop(template, "NETRX", "NETTX")
    if share is not None:
        drop(share, "FREE_MEM", "FREE_CPU", "USED_MEM", "USED_CPU")
        _move_disks(share)
    return ({**_without(row, "last_mon_time"), "body": text(root)},)


def _move_disks(share: Element) -> None:
    found = [element for element in (share.find(name) for name in _DISK) if element is not None]
    stores = share.find("DATASTORES")
    if stores is None and found:
        stores = add(share, "DATASTORES")
    for element in found:
        stores.append(element)  # type: ignore[union-attr]  # made above


def _vm_report(_context: Context, row: Row) -> Iterable[Row]:
    body = row["body"] or ""
    found = _REPORT.fullmatch(body)
    if found and body.count("</MONITORING>") < 2 and body.count("<MONITORING") == 1:
        new = f"<MONITORING>{found[1]}<TIMESTAMP>{found[2]}</TIMESTAMP>{found[3]}{found[5]}</MONITORING>"
        return ({**row, "body": new},)
    root = parse(schema.vm_monitoring, row, _root(row, "VM", "MONITORING"))
    if root.tag == "MONITORING":
        return (row,)
    drop(root, "STATE", "TEMPLATE")
    for element in root.findall("LAST_POLL"):
        element.tag = "TIMESTAMP"
    root.tag = "MONITORING"
    return ({**row, "body": text(root)},)


def _vm(_context: Context, row: Row) -> Iterable[Row]:
    return ({**_without(row, "last_poll"), "body": _quick(row["body"] or "") or _by_tree(row)},)


def _quick(body: str) -> str:
    """The new body by text alone; empty where only a parser can tell.

    Sound for well-formed bodies: up to LAST_POLL and MONITORING there is nothing but plain elements; what is cut out
    does not end inside a CDATA section (each one that begins in it ends in it); and neither name is in the rest.
    """
    found = _VM.match(body)
    if found is None or not body.endswith("</VM>") or "<!--" in body:
        return ""
    cut, rest = found[7], body[found.end() : -len("</VM>")]
    kept = found[1] + found[4]
    new = kept + rest
    if (
        cut.count("<![CDATA[") != cut.count("]]>")
        or "<LAST_POLL" in new
        or "<MONITORING" in new
        or "<MONITORING" in cut[1:]
    ):
        return ""
    return f"{new}<MONITORING/></VM>"


def _by_tree(row: Row) -> str:
    root = parse(schema.vm_pool, row, "VM")
    drop(root, "LAST_POLL", "MONITORING")
    add(root, "MONITORING")
    return text(root)


def _without(row: Row, name: str) -> dict[str, Any]:
    new = dict(row)
    new.pop(name, None)
    return new


STEP = Step(
    "local",
    "5.10.0",
    "5.12.0",
    (
        TableChange(schema.document_pool, _document),
        TableChange(schema.host_monitoring, _host_report),
        TableChange(schema.host_pool, _host),
        TableChange(schema.vm_monitoring, _vm_report),
        TableChange(schema.vm_pool, _vm),
    ),
)
