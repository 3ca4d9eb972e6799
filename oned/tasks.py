"""Work outside of the database: written in the transaction that asks for it, so that neither is without the other."""

import json
import time
from collections.abc import Mapping
from typing import Any

from sqlalchemy import delete, insert

from oned.acl import Kind
from oned.db import Transaction
from oned.schema import task


def enqueue(
    transaction: Transaction, kind: str, about: tuple[Kind, int], payload: Mapping[str, Any], *, delay: float = 0
) -> None:
    """Ask for the task ``kind`` on an object, ``delay`` seconds from now at the earliest. ``payload`` is JSON."""
    row = {
        "kind": kind,
        "object": about[0].name,
        "oid": about[1],
        "payload": json.dumps(payload),
        "due": time.time() + delay,
        "attempt": 0,
        "owner": "",
        "lease": 0,
    }
    transaction.write(_INSERT, row)


def cancel(transaction: Transaction, about: tuple[Kind, int]) -> None:
    """Drop all tasks of an object: the results of those that are under way count for nothing any more."""
    transaction.write(delete(task).where(task.c.object == about[0].name, task.c.oid == about[1]))


_INSERT = insert(task)
