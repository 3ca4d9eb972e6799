"""The history of machines: a stay that has ended is closed, every stay has begun, its drivers have today's names."""

from collections.abc import Iterator, Mapping
from typing import Any

from lxml import etree
from sqlalchemy import Row, func, or_, select
from sqlalchemy.sql import Select

from oned.database.schema import history, vm_pool
from oned.errors import InternalError
from oned.model.base import number, parse_body
from oned.model.vm_states import VmState
from onedb.fsck.finding import Finding, unrepaired
from onedb.fsck.held import Held
from onedb.fsck.records import Records
from onelib.template_xml import Element

_PARTS = (("PSTIME", "PETIME"), ("RSTIME", "RETIME"), ("ESTIME", "EETIME"))
"""Begin and end of prolog, run and epilog."""

_later = history.alias("later")
_LAST = select(func.max(_later.c.seq)).where(_later.c.vid == history.c.vid).scalar_subquery()
_NEXT = (
    select(_later.c.stime)
    .where(_later.c.vid == history.c.vid, _later.c.seq == history.c.seq + 1)
    .scalar_subquery()
)
_KEYS = (history.c.vid, history.c.seq, history.c.body)
OPEN: Select[Any] = select(*_KEYS, _NEXT.label("next")).where(history.c.etime == 0, history.c.seq != _LAST)
DONE: Select[Any] = (
    select(*_KEYS, vm_pool.c.body.label("vm"))
    .join(vm_pool, vm_pool.c.oid == history.c.vid)
    .where(history.c.etime == 0, history.c.seq == _LAST, vm_pool.c.state == int(VmState.DONE))
)
_RENAMED = {"VMMMAD": "VM_MAD", "TMMAD": "TM_MAD"}
OLD_NAMES: Select[Any] = select(*_KEYS).where(or_(*(history.c.body.like(f"%<{name}>%") for name in _RENAMED)))
NOT_BEGUN: Select[Any] = select(*_KEYS).where(history.c.stime == 0)


def check(records: Records, held: Held) -> Iterator[Finding]:
    """Records without a begin first: the end of the one before is theirs. Then those that ought to be closed."""
    unread = records.unread(vm_pool)  # they may be moving: then two records are open
    for row in records.connection.execute(NOT_BEGUN.order_by(history.c.vid, history.c.seq)).all():
        yield _begin(records, row)
    for row in records.connection.execute(OPEN.order_by(history.c.vid, history.c.seq)).all():
        if row.vid in held.moving or row.vid in unread:
            continue
        yield _close(records, row, row.next or 0, f"{_name(row)} is not closed (etime = 0)")
    for row in records.connection.execute(DONE.order_by(history.c.vid)).all():
        text = f"{_name(row)} is not closed (etime = 0), but the VM is in state DONE"
        yield _close(records, row, _number_in(row.vm, "VM", "ETIME"), text)
    for row in records.connection.execute(OLD_NAMES.order_by(history.c.vid, history.c.seq)).all():
        yield from _rename(records, row)


def _rename(records: Records, row: Row[Any]) -> Iterator[Finding]:
    """The names of drivers in records of very old releases."""
    root = _root(row)
    found = [] if root is None else [element for element in root if element.tag in _RENAMED]
    for element in found:
        new = _RENAMED[str(element.tag)]
        yield Finding(f"{_name(row)} has {element.tag!s}. It will be changed to {new}")
        element.tag = new
    if root is not None and found:
        _write(records, row, root, {}, {})


def _name(row: Row[Any]) -> str:
    return f"History record for VM {row.vid} seq # {row.seq}"


def _number_in(body: str, root: str, path: str) -> int:
    try:
        return number(parse_body(str(body), root), path, 0)
    except InternalError:
        return 0


def _close(records: Records, row: Row[Any], end: int, message: str) -> Finding:
    """Close a record at ``end``, when that is known: the begin of the next one, or the end of the machine."""
    root = _root(row) if end else None
    if root is None:
        return unrepaired(message)
    ends = {"ETIME": end}
    ends |= {last: end for first, last in _PARTS if number(root, first, 0) and not number(root, last, 0)}
    _write(records, row, root, ends, {"etime": end})
    return Finding(message)


def _begin(records: Records, row: Row[Any]) -> Finding:
    """Let a record begin where its body says, or with the first thing that happened in it."""
    message = f"{_name(row)} has no start (stime = 0)"
    root = _root(row)
    times = [] if root is None else [number(root, name, 0) for name in ("STIME", "PSTIME", "RSTIME")]
    begin = next((time for time in times if time), 0)
    if root is None or not begin:
        return unrepaired(message)
    _write(records, row, root, {"STIME": begin}, {"stime": begin})
    return Finding(message)


def _root(row: Row[Any]) -> Element | None:
    try:
        return parse_body(str(row.body), "HISTORY")
    except InternalError:
        return None


def _write(
    records: Records, row: Row[Any], root: Element, times: Mapping[str, int], columns: Mapping[str, int]
) -> None:
    for name, value in times.items():
        element = root.find(name)
        if element is None:
            element = etree.SubElement(root, name)
        element.text = str(value)
    body = etree.tostring(root, encoding="unicode")
    records.change(history, {"vid": row.vid, "seq": row.seq}, {"body": body, **columns})
