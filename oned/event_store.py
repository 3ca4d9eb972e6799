"""The events that are still to be published, in the database.

No position is kept, what was published is deleted: a row that another server commits late, under a lower number than
others that were published already, is found like any other.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import bindparam, delete, select

from oned.db import Database, Job, Transaction
from oned.schema import event

MOST_ROWS = 20_000
"""Rows that are kept when they cannot be published; beyond, the oldest go."""
AT_A_TIME = 64
WINDOW = 1024

_IDS = select(event.c.id).order_by(event.c.id).limit(WINDOW)
_ROWS = (
    select(event.c.id, event.c.topics, event.c.body)
    .where(event.c.id.in_(bindparam("ids", expanding=True)))
    .order_by(event.c.id)
)
_DELETE = delete(event).where(event.c.id.in_(bindparam("ids", expanding=True)))
_EXCESS = select(event.c.id).order_by(event.c.id.desc()).limit(1).offset(MOST_ROWS)
_DELETE_UNTIL = delete(event).where(event.c.id <= bindparam("last"))
_LAST = select(event.c.id).order_by(event.c.id.desc()).limit(1)


@dataclass(frozen=True)
class Event:
    """One event: a message with ``body`` for each of ``topics``."""

    id: int
    topics: tuple[str, ...]
    body: str


class EventStore:
    """The table of events, as one thread reads and empties it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sent: set[int] = set()

    @property
    def to_forget(self) -> int:
        """How many events were sent and are still in the table."""
        return len(self._sent)

    def next(self) -> list[Event]:
        """The oldest events that were not sent. Raises :class:`oned.errors.ApiError`."""
        return self._database.read(self._next)

    def _next(self, transaction: Transaction) -> list[Event]:
        ids = [row[0] for row in transaction.rows(_IDS)]
        fresh = [number for number in ids if number not in self._sent][:AT_A_TIME]
        if not fresh:
            return []
        rows = transaction.rows(_ROWS, {"ids": fresh})
        return [Event(int(row[0]), tuple(str(row[1]).split("\n")), str(row[2])) for row in rows]

    def sent(self, events: Iterable[Event]) -> None:
        """Note that ``events`` were sent."""
        self._sent.update(event.id for event in events)

    def forget(self) -> None:
        """Delete what was sent. Raises :class:`oned.errors.ApiError` or :class:`oned.errors.DatabaseError`."""
        if self._sent:
            ids = sorted(self._sent)
            self._write(lambda transaction: transaction.write(_DELETE, {"ids": ids}))
            self._sent.clear()

    def trim(self) -> int:
        """Delete the oldest rows beyond ``MOST_ROWS``; returns how many. Raises as :meth:`forget`."""
        excess = self._database.read(lambda transaction: transaction.rows(_EXCESS))
        return self._delete_until(int(excess[0][0])) if excess else 0

    def clear(self) -> int:
        """Delete all rows: nobody is ever told of them. Raises as :meth:`forget`."""
        last = self._database.read(lambda transaction: transaction.rows(_LAST))
        return self._delete_until(int(last[0][0])) if last else 0

    def _delete_until(self, last: int) -> int:
        counts: list[int] = []
        self._write(lambda transaction: counts.append(transaction.write(_DELETE_UNTIL, {"last": last}).rowcount))
        return counts[-1]

    def _write(self, job: Job[object]) -> None:
        """Beside the writer on MariaDB: there the rows of other servers must not hold up this one's calls."""
        if self._database.mysql:
            with self._database.transaction() as transaction:
                job(transaction)
        else:
            self._database.submit(job).result()
