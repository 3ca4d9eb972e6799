"""Work outside of the database, written in the transaction that asks for it, so that neither is without the other.

The runner (``oned.work``) claims a task after the commit, carries it out, and applies its result in one transaction
which also deletes the row.
"""

import json
import time
from collections.abc import Mapping
from typing import Any

from sqlalchemy import delete, insert

from oned.access.acl import Kind
from oned.database.db import Transaction
from oned.database.schema import task

SIGNAL = "task"
"""What a transaction gives that wrote a task (:meth:`oned.database.db.Database.listen`)."""
LANE_CHARS = 128


def enqueue(
    transaction: Transaction, kind: str, about: tuple[Kind, int], payload: Mapping[str, Any], *, delay: float = 0
) -> None:
    """Ask for the task ``kind`` on an object, ``delay`` seconds from now at the earliest.

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
    transaction.write(_INSERT, row)
    transaction.signals.add(SIGNAL)


def cancel(transaction: Transaction, about: tuple[Kind, int]) -> None:
    """Drop all tasks of an object: the results of those that are under way count for nothing any more."""
    transaction.write(delete(task).where(task.c.object == about[0].name, task.c.oid == about[1]))
    transaction.signals.add(SIGNAL)


_INSERT = insert(task)
