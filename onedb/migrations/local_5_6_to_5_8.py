"""Local tables, 5.6 to 5.8: numbers of the next snapshots, kinds of bridges, short bodies, templates of networks.

What upstream does besides, writing keys of disks into a running vCenter, is not a change of the database.
"""

import re
from collections.abc import Iterable

from oned.database import schema
from onedb.migrations import layout
from onedb.migrations.bodies import Element, add, parse, text, value
from onedb.migrations.short_vm import search_token, short_body
from onedb.migrations.step import Context, Row, Step, TableChange, unchanged

_BRIDGES = {"vcenter": "vcenter_port_groups", "ovswitch": "openvswitch", "ovswitch_vxlan": "openvswitch"}
_VMS = layout.vm_pool(short=True)


def _count_snapshots(root: Element) -> bool:
    """Give every SNAPSHOTS the number after its highest; whether there was one without."""
    changed = False
    for snapshots in root.iterfind("SNAPSHOTS"):
        if snapshots.find("NEXT_SNAPSHOT") is None:
            ids = [value(found, "ID") for found in snapshots.iterfind("SNAPSHOT")]
            highest = max((int(oid) for oid in ids if re.fullmatch(r"\d+", oid)), default=-1)
            add(snapshots, "NEXT_SNAPSHOT", str(highest + 1))
            changed = True
    return changed


def _name_bridge(element: Element) -> bool:
    """Say of a network or an interface what kind of bridge it has; whether that was missing."""
    if element.find("BRIDGE_TYPE") is not None:
        return False
    add(element, "BRIDGE_TYPE", _BRIDGES.get(value(element, "VN_MAD"), "linux"))
    return True


def _image(_context: Context, row: Row) -> Iterable[Row]:
    root = parse(schema.image_pool, row, "IMAGE")
    return ({**row, "body": text(root)} if _count_snapshots(root) else row,)


def _network(_context: Context, row: Row) -> Iterable[Row]:
    root = parse(schema.network_pool, row, "VNET")
    return ({**row, "body": text(root)} if _name_bridge(root) else row,)


def _vm(_context: Context, row: Row) -> Iterable[Row]:
    root = parse(_VMS, row, "VM")
    changed = _count_snapshots(root)
    for nic in root.iterfind("TEMPLATE/NIC"):
        changed |= _name_bridge(nic)
    body = text(root) if changed else row["body"]
    return ({**row, "body": body, "short_body": short_body(root), "search_token": search_token(root)},)


def _record(_context: Context, row: Row) -> Iterable[Row]:
    """A record of the log says of itself whether it was applied; until 5.6 its time did."""
    return ({**row, "applied": row["timestamp"] != 0},)


STEP = Step(
    "local",
    "5.6.0",
    "5.8.0",
    (
        TableChange(schema.image_pool, _image),
        TableChange(_VMS, _vm),
        TableChange(schema.network_pool, _network),
        TableChange(schema.vn_template_pool, unchanged),
        TableChange(layout.logdb(applied=True), _record),
    ),
)
