"""The events that are still to be published, in the database.

What was published is deleted. A row that another server commits late, under a lower number than rows that were
published already, is found because it is there and was not sent.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, delete, select

from oned.database.db import AnyRow, Database, Job, Transaction
from oned.database.schema import event

MOST_ROWS = 20_000
"""Rows that are kept when they cannot be published; beyond, the oldest go."""
AT_A_TIME = 64
SWEEP_SECONDS = 0.2
"""How soon a row is found that was committed after one with a higher number."""

_COLUMNS = (event.c.id, event.c.topics, event.c.body)
_LATER = select(*_COLUMNS).where(event.c.id > bindparam("last")).order_by(event.c.id).limit(AT_A_TIME)
_EARLIER = select(event.c.id).where(event.c.id <= bindparam("last")).order_by(event.c.id)
_THESE = select(*_COLUMNS).where(event.c.id.in_(bindparam("ids", expanding=True))).order_by(event.c.id)
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
        self._last = 0
        self._swept = 0.0

    @property
    def to_forget(self) -> int:
        """How many events were sent and are still in the table."""
        return len(self._sent)

    def next(self) -> list[Event]:
        """Some of the events that were not sent, late ones first. Raises :class:`oned.errors.ApiError`."""
        rows: list[AnyRow] = []
        if time.monotonic() - self._swept > SWEEP_SECONDS:
            self._swept = time.monotonic()
            rows = self._database.read(self._late)
        rows = rows or self._database.read(lambda transaction: transaction.rows(_LATER, {"last": self._last}))
        return [Event(int(row[0]), tuple(str(row[1]).split("\n")), str(row[2])) for row in rows]

    def _late(self, transaction: Transaction) -> list[AnyRow]:
        """Rows that were not there when rows with higher numbers were."""
        earlier = transaction.rows(_EARLIER, {"last": self._last})
        ids = [row[0] for row in earlier if row[0] not in self._sent][:AT_A_TIME]
        return transaction.rows(_THESE, {"ids": ids}) if ids else []

    def sent(self, events: Sequence[Event]) -> None:
        """Note that ``events`` were sent."""
        self._sent.update(sent.id for sent in events)
        self._last = max(self._last, *(sent.id for sent in events), 0)

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
            self._database.beside(job)
        else:
            self._database.submit(job).result()
