"""The servers that work on one database: what one remembers of users never outlives a change by another.

Each has a row in ``oneedge_lease`` that it renews. It may remember who called for ``MEMORY_SECONDS``, and only while
its row is in force. One that has changed users or groups looks for the rows of others after its commit, and where
there are some it answers when those have forgotten what they knew before. So a call never asks the database whether
something has changed, and a change of users takes longer only where there are several servers.

On SQLite there is one server.
"""

import math
import threading
from pathlib import Path

from sqlalchemy import delete, select

from oned.database.db import Database, Transaction
from oned.database.lease import NOW, RENEW_SECONDS, RowLease, identity
from oned.database.schema import lease
from oned.errors import ApiError, DatabaseError
from onelib.logs import ERROR, Log

MEMORY_SECONDS = 0.25
MARGIN_SECONDS = 0.01
"""Clocks of two machines do not run at quite the same pace."""
PREFIX = "server "
GONE_SECONDS = 3600.0
"""When the row of a server that was killed and did not come back is deleted."""

_ROWS = lease.c.name.startswith(PREFIX)


class Peers:
    """This server's row, and what others have."""

    def __init__(self, database: Database, folder: Path, log: Log) -> None:
        self._database = database
        self._log = log
        self._until = -math.inf if database.mysql else math.inf
        self._trouble = ""
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        if database.mysql:
            own = identity(folder)
            self._name = PREFIX + own
            self._lease = RowLease(database, self._name, own)
            self._thread = threading.Thread(target=self._run, name="peers", daemon=True)

    @property
    def until(self) -> float:
        """Until when, by the monotonic clock, others heed that this server remembers; it may be past."""
        return self._until

    def start(self) -> None:
        """Make the row, and renew it from now on. The tables have to be there."""
        if self._thread is not None:
            self._thread.start()

    def stop(self, seconds: float = 1.0) -> None:
        """Let others know that nobody remembers anything here any more."""
        self._stopping.set()
        if self._thread is not None and self._thread.is_alive():
            self._thread.join(seconds)

    def wait_seconds(self) -> float:
        """How long others may still remember what was before a change that has just been committed."""
        if not self._database.mysql:
            return 0.0
        try:
            others = self._database.read(self._others)
        except ApiError:
            others = True
        return MEMORY_SECONDS + MARGIN_SECONDS if others else 0.0

    def _others(self, transaction: Transaction) -> bool:
        query = select(lease.c.name).where(_ROWS, lease.c.name != self._name, lease.c.expires >= NOW)
        return bool(transaction.rows(query))

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._renew()
            self._stopping.wait(RENEW_SECONDS)
        self._until = -math.inf
        try:
            self._lease.release()
        except DatabaseError as error:
            self._complain(str(error))

    def _renew(self) -> None:
        try:
            if self._lease.hold():
                if self._until == -math.inf:
                    self._forget_gone()
                self._until = self._lease.until
            self._trouble = ""
        except DatabaseError as error:
            self._complain(str(error))

    def _forget_gone(self) -> None:
        old = delete(lease).where(_ROWS, lease.c.expires < NOW - GONE_SECONDS)
        self._database.beside(lambda transaction: transaction.write(old))

    def _complain(self, trouble: str) -> None:
        """Log what is wrong, once."""
        if trouble != self._trouble:
            self._trouble = trouble
            self._log.write("ONE", ERROR, trouble)
