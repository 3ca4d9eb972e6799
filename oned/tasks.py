"""Work outside of the database, written in the transaction that asks for it, so that neither is without the other.

The runner (``oned.work``) claims a task after the commit, carries it out, and applies its result in one transaction
which also deletes the row.
"""

import json
import time
from collections.abc import Mapping
from typing import Any

from sqlalchemy import bindparam, delete, insert, select, update

from oned.access.acl import Kind
from oned.database.db import Transaction
from oned.database.schema import task

SIGNAL = "task"
"""What a transaction gives that wrote a task (:meth:`oned.database.db.Database.listen`)."""
LANE_CHARS = 128


def enqueue(
    transaction: Transaction, kind: str, about: tuple[Kind, int], payload: Mapping[str, Any], *, delay: float = 0
) -> int:
    """Ask for the task ``kind`` on an object, ``delay`` seconds from now at the earliest. Returns its id.

    ``payload`` is JSON. The runner looks at three keys: ``driver`` (``vmm:kvm``) and ``host`` bound how many tasks are
    under way at the same time, and ``action`` and ``message`` are what the driver is asked (:mod:`oned.work.drive`).
    """
    lane = str(payload.get("driver") or kind)
    host = str(payload.get("host") or "")
    row = {
        "kind": kind,
        "object": about[0].name,
        "oid": about[1],
        "payload": json.dumps(payload),
        "due": time.time() + delay,
        "attempt": 0,
        "owner": "",
        "lease": 0,
        "lane": lane[:LANE_CHARS],
        "place": f"{lane} {host}"[:LANE_CHARS] if host else "",
    }
    key = transaction.write(_INSERT, row).inserted_primary_key
    transaction.signals.add(SIGNAL)
    return int(key[0]) if key else 0


def drop(transaction: Transaction, number: int) -> bool:
    """Delete a task that nobody has begun; False when it has been begun, or is gone."""
    return transaction.write(_DROP, {"number": number}).rowcount == 1


def hasten(transaction: Transaction, number: int, added: Mapping[str, Any]) -> None:
    """Let a task that nobody has begun begin now, with ``added`` in its payload."""
    row = transaction.one(_PAYLOAD, {"number": number})
    if row is not None:
        payload = json.dumps(json.loads(row[0]) | added)
        transaction.write(_HASTEN, {"number": number, "text": payload, "now": time.time()})
        transaction.signals.add(SIGNAL)


def cancel(transaction: Transaction, about: tuple[Kind, int]) -> None:
    """Drop all tasks of an object: the results of those that are under way count for nothing any more."""
    transaction.write(_CANCEL, {"kind": about[0].name, "number": about[1]})
    transaction.signals.add(SIGNAL)


_INSERT = insert(task)
_WAITING = (task.c.id == bindparam("number"), task.c.owner == "")
_DROP = delete(task).where(*_WAITING)
_CANCEL = delete(task).where(task.c.object == bindparam("kind"), task.c.oid == bindparam("number"))
_PAYLOAD = select(task.c.payload).where(*_WAITING)
_HASTEN = update(task).where(*_WAITING).values(payload=bindparam("text"), due=bindparam("now"))
