"""What virtual machines were seen to use: the rows of ``vm_monitoring``, one per machine and time, and their end.

A body is an element MONITORING with ID, TIMESTAMP and what the hypervisor's probe says (OpenNebula 6.0, "Monitoring").
"""

import re
from collections.abc import Iterable

from sqlalchemy import Select, bindparam, delete, func, insert, select, update

from oned.database.db import Transaction
from oned.database.schema import vm_monitoring
from onelib.template import Template

RETENTION = 43200
"""Seconds that rows are kept, unless the configuration of the monitoring daemon says otherwise."""
_COLUMNS = vm_monitoring.c
_KEY = (_COLUMNS.vmid == bindparam("key_vmid"), _COLUMNS.last_poll == bindparam("key_poll"))
_KNOWN = select(_COLUMNS.vmid, _COLUMNS.last_poll).where(_COLUMNS.vmid.in_(bindparam("ids", expanding=True)))
_INSERT = insert(vm_monitoring)
_UPDATE = update(vm_monitoring).where(*_KEY)
_EMPTY = re.compile(r"<MONITORING\s*/>|<MONITORING></MONITORING>")
_POLL = re.compile(r"<LAST_POLL>\d*</LAST_POLL>")


def record(vm_id: int, when: int, values: Template) -> tuple[int, int, str]:
    """One row: what was seen of the machine ``vm_id`` at ``when`` (epoch seconds)."""
    content = values.copy()
    content.set("ID", str(vm_id))
    content.set("TIMESTAMP", str(when))
    return vm_id, when, content.to_xml("MONITORING")


def store(transaction: Transaction, rows: Iterable[tuple[int, int, str]]) -> None:
    """Write rows made by :func:`record`; one for the same machine and time replaces the one before."""
    wanted = {(vm_id, when): body for vm_id, when, body in rows}
    if not wanted:
        return
    times = {when for _, when in wanted}
    query = _KNOWN.where(_COLUMNS.last_poll.in_(sorted(times)))
    known = {
        (int(row[0]), int(row[1])) for row in transaction.rows(query, {"ids": sorted({i for i, _ in wanted})})
    }
    new = [{"vmid": i, "last_poll": t, "body": b} for (i, t), b in wanted.items() if (i, t) not in known]
    old = [{"key_vmid": i, "key_poll": t, "body": b} for (i, t), b in wanted.items() if (i, t) in known]
    if new:
        transaction.write(_INSERT, new)
    if old:
        transaction.write(_UPDATE, old)


def expire(transaction: Transaction, now: float, retention: float = RETENTION) -> None:
    """Drop rows older than ``retention`` seconds; 0 drops all, a negative number none."""
    if retention < 0:
        return
    transaction.write(delete(vm_monitoring).where(_COLUMNS.last_poll < int(now - retention)))


def forget(transaction: Transaction, vm_id: int) -> None:
    """Drop all rows of a machine."""
    transaction.write(delete(vm_monitoring).where(_COLUMNS.vmid == vm_id))


def newest() -> Select[tuple[int, int]]:
    """Machine and time of each machine's last row."""
    return select(_COLUMNS.vmid, func.max(_COLUMNS.last_poll).label("last_poll")).group_by(_COLUMNS.vmid)


def insert_last(body: str, monitoring: str, when: int) -> str:
    """``body`` of a machine with its last row in it.

    What is replaced stands before any text that users write, so the first place is the right one.
    """
    body = _POLL.sub(f"<LAST_POLL>{when}</LAST_POLL>", body, count=1)
    return _EMPTY.sub(lambda _: monitoring, body, count=1)
