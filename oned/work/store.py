"""The tasks in the database: who may carry out which of them. All times are epoch seconds.

Several servers on one database see the same rows, so their clocks have to agree to within half a lease.
"""

import json
import time
from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import and_, bindparam, delete, or_, select, update

from oned.database.db import AnyRow, Transaction
from oned.database.schema import task
from oned.work.context import Job, Task

LEASE_SECONDS = 30.0
"""How long after its last sign of life a server's tasks are its own."""

_MINE = select(task.c.id).where(task.c.owner == bindparam("worker"))
_FOUND = select(task.c.id, task.c.lane, task.c.place)
_EXPIRED = and_(task.c.owner != "", task.c.lease < bindparam("now"))
_FREE = or_(task.c.owner == "", task.c.lease < bindparam("now"))
_CLAIMED = select(task.c.id, task.c.kind, task.c.object, task.c.oid, task.c.payload, task.c.attempt)
_CLAIMED = _CLAIMED.add_columns(task.c.lane, task.c.place).where(task.c.owner == bindparam("worker"))


def mine(transaction: Transaction, worker: str) -> set[int]:
    """The tasks that ``worker`` has."""
    return {row[0] for row in transaction.rows(_MINE, {"worker": worker})}


def free(
    transaction: Transaction, full_lanes: Collection[str], full_places: Collection[str], limit: int
) -> list[AnyRow]:
    """Tasks that are due, the longest waiting first: id, lane, place."""
    found = _FOUND.where(task.c.owner == "", task.c.due <= bindparam("now")).order_by(task.c.due).limit(limit)
    if full_lanes:
        found = found.where(task.c.lane.not_in(sorted(full_lanes)))
    if full_places:
        found = found.where(task.c.place.not_in(sorted(full_places)))
    return transaction.rows(found, {"now": time.time()})


def expired(transaction: Transaction, limit: int) -> list[AnyRow]:
    """Tasks whose worker has not renewed its lease: id, lane, place."""
    return transaction.rows(_FOUND.where(_EXPIRED).limit(limit), {"now": time.time()})


def claim(transaction: Transaction, numbers: Iterable[int], worker: str) -> list[Task]:
    """Take those of ``numbers`` that nobody else has taken meanwhile."""
    wanted = sorted(numbers)
    now = time.time()
    taken = update(task).where(task.c.id.in_(wanted), _FREE, task.c.due <= bindparam("now"))
    taken = taken.values(owner=worker, lease=now + LEASE_SECONDS, attempt=task.c.attempt + 1)
    if not transaction.write(taken, {"now": now}).rowcount:
        return []
    return [_task(row) for row in transaction.rows(_CLAIMED.where(task.c.id.in_(wanted)), {"worker": worker})]


def _task(row: AnyRow) -> Task:
    number, kind, about, oid, payload, attempt, lane, place = row
    return Task(number, kind, about, oid, _payload(payload), attempt, lane, place)


def _payload(text: str) -> dict[str, Any]:
    """The payload; empty for a damaged one, so that only its own task fails."""
    try:
        payload = json.loads(text)
    except ValueError:
        return {}
    return payload if isinstance(payload, dict) else {}


_SAME = and_(
    task.c.id == bindparam("number"), task.c.owner == bindparam("worker"), task.c.attempt == bindparam("claim")
)
"""Whether a row still is what a worker has from a claim (:func:`_same`)."""
_FINISH = delete(task).where(_SAME)
_GIVE_BACK = update(task).where(_SAME).values(owner="", lease=0, due=bindparam("when"))


def _same(claimed: Task, worker: str) -> dict[str, Any]:
    return {"number": claimed.id, "worker": worker, "claim": claimed.attempt}


def free_all(transaction: Transaction, installation: str) -> None:
    """Give back what a server of ``installation`` had that has ended: nobody waits for its leases."""
    old = update(task).where(task.c.owner.startswith(installation, autoescape=True))
    transaction.write(old.values(owner="", lease=0))


def renew(transaction: Transaction, numbers: Iterable[int], worker: str) -> None:
    """Keep ``numbers`` for another lease."""
    kept = update(task).where(task.c.id.in_(sorted(numbers)), task.c.owner == worker)
    transaction.write(kept.values(lease=time.time() + LEASE_SECONDS))


def finish(transaction: Transaction, claimed: Task, worker: str, job: Job | None) -> bool:
    """Delete the task and write its result; False, and nothing is written, when it is not ``worker``'s any more."""
    if transaction.write(_FINISH, _same(claimed, worker)).rowcount != 1:
        return False
    if job is not None:
        job(transaction)
    return True


def give_back(transaction: Transaction, claimed: Task, worker: str, seconds: float = 0) -> None:
    """Leave the task to whoever comes, ``seconds`` from now at the earliest."""
    transaction.write(_GIVE_BACK, _same(claimed, worker) | {"when": time.time() + seconds})
