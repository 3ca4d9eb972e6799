"""The database: reads from several threads, writes one after the other with one commit for all that wait.

A write is a function of a transaction. The writer thread takes what has queued up meanwhile, runs it in one
transaction and commits once, so that the flush of the disk is shared; a caller gets its answer only after that
commit. A function that fails after it has written makes the writer roll back and run each of the others alone.
Functions must therefore depend on nothing but the database.
"""

import itertools
import queue
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import Engine, Executable, Row, func
from sqlalchemy.dialects import mysql, sqlite
from sqlalchemy.engine import Connection, CursorResult
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.sql import Select

from oned.config import DatabaseSettings
from oned.database.engine import api_error, make_engine, unreachable, worth_retrying
from oned.database.schema import pool_control

if TYPE_CHECKING:
    from oned.drivers.questions import Answers

Result = TypeVar("Result")
AnyRow = Row[*tuple[Any, ...]]
Job = Callable[["Transaction"], Result]

READERS = 2
"""Threads for calls that read an object: more of them only wait for the interpreter."""
BULK_READERS = 4
"""Threads for calls that read a pool, so that those never hold up the others."""
MAX_BATCH = 64
STOP_SECONDS = 2


class Transaction:
    """What a handler sees of the database. ``writable`` transactions may change it.

    ``signals`` are names of what others wait for (:meth:`Database.listen`); they are told after the commit.
    ``touched`` are the objects that were inserted and removed; of one that was inserted with its body. ``answers`` is
    what drivers have told the call; None where no call waits (:mod:`oned.drivers.questions`).
    """

    __slots__ = ("_connection", "answers", "deferred", "dirty", "mysql", "signals", "touched", "writable")

    def __init__(
        self, connection: Connection, *, writable: bool, mysql: bool, signals: set[str] | None = None
    ) -> None:
        self._connection = connection
        self.writable = writable
        self.mysql = mysql
        self.answers: Answers | None = None
        self.dirty = False
        self.signals = set() if signals is None else signals
        self.touched: list[tuple[object, str]] = []
        self.deferred: list[tuple[Executable, dict[str, Any]]] = []

    def one(self, statement: Select[Any], parameters: dict[str, Any] | None = None) -> AnyRow | None:
        """The first row, locked until the end of a writable transaction."""
        if self.writable and self.mysql:
            statement = _locking(statement)
        return self._connection.execute(statement, parameters or {}).fetchone()

    def rows(self, statement: Select[Any], parameters: dict[str, Any] | None = None) -> list[AnyRow]:
        """All rows."""
        return list(self._connection.execute(statement, parameters or {}))

    def write(self, statement: Executable, parameters: Any = None) -> CursorResult[Any]:  # noqa: ANN401 (as SQLAlchemy)
        """Change the database."""
        if not self.writable:
            raise RuntimeError("a read transaction cannot write")
        self.dirty = True
        return self._connection.execute(statement, parameters)

    def insert_at_end(self, statement: Executable, row: dict[str, Any]) -> None:
        """Insert a row just before the commit, together with those of others: who reads it before does not see it."""
        if not self.writable:
            raise RuntimeError("a read transaction cannot write")
        self.deferred.append((statement, row))

    def insert_deferred(self) -> None:
        """Insert what waits for the end, in its order; rows of one table in a row with one statement."""
        for statement, group in itertools.groupby(self.deferred, key=lambda entry: entry[0]):
            self.write(statement, [row for _, row in group])
        self.deferred.clear()

    def next_oid(self, pool: str) -> int:
        """A new id in the pool table ``pool``: one more than the last, counted in ``pool_control``."""
        if self.mysql:
            return self.write(_NEXT_OID_MYSQL, {"tablename": pool}).lastrowid
        return int(self.write(_NEXT_OID_SQLITE, {"tablename": pool}).scalar_one())


@lru_cache(maxsize=256)
def _locking(statement: Select[Any]) -> Select[Any]:
    """``statement`` with the rows it finds locked; kept, as most statements are built once."""
    return statement.with_for_update()


_mysql_insert = mysql.insert(pool_control).values(last_oid=func.last_insert_id(0))
_NEXT_OID_MYSQL = _mysql_insert.on_duplicate_key_update(last_oid=func.last_insert_id(pool_control.c.last_oid + 1))
_sqlite_insert = sqlite.insert(pool_control).values(last_oid=0)
_NEXT_OID_SQLITE = _sqlite_insert.on_conflict_do_update(
    index_elements=["tablename"], set_={"last_oid": pool_control.c.last_oid + 1}
).returning(pool_control.c.last_oid)


class _PoisonedError(Exception):
    """A job failed after it had written: its transaction has to be rolled back."""

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


@dataclass
class _Queued:
    job: Job[Any]
    future: "Future[Any]"


class Database:
    """Engines, reader threads and the writer thread of one database."""

    def __init__(self, settings: DatabaseSettings) -> None:
        self.settings = settings
        self.mysql = settings.backend == "mysql"
        self._read_engine = make_engine(settings, READERS + BULK_READERS, autocommit=True)
        self._write_engine = make_engine(settings, 2, autocommit=False)
        self.readers = ThreadPoolExecutor(READERS, "reader")
        self.bulk_readers = ThreadPoolExecutor(BULK_READERS, "bulk")
        self._queue: queue.SimpleQueue[_Queued | None] = queue.SimpleQueue()
        self._writer = threading.Thread(target=self._write_loop, name="writer", daemon=True)
        self._started = False
        self._listeners: dict[str, list[Callable[[], object]]] = {}

    def listen(self, signal: str, callback: Callable[[], object]) -> None:
        """Call ``callback`` in the writer's thread after each commit of transactions that gave ``signal``.

        It must return at once and not raise.
        """
        self._listeners.setdefault(signal, []).append(callback)

    def start(self) -> None:
        """Start the writer thread."""
        self._started = True
        self._writer.start()

    def close(self) -> None:
        """Finish what is queued and close all connections; a database that hangs is not waited for."""
        if self._started:
            self._queue.put(None)
            self._writer.join(STOP_SECONDS)
        for threads in (self.readers, self.bulk_readers):
            threads.shutdown(wait=not self._writer.is_alive(), cancel_futures=True)
        self._read_engine.dispose()
        self._write_engine.dispose()

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """One write transaction of the calling thread, outside of the queue. Raises :class:`DatabaseError`."""
        try:
            with self._write_engine.begin() as connection:
                transaction = Transaction(connection, writable=True, mysql=self.mysql)
                yield transaction
                transaction.insert_deferred()
        except SQLAlchemyError as error:
            raise unreachable(self.settings, error) from None

    @property
    def engine(self) -> Engine:
        """The engine for the definition of tables."""
        return self._write_engine

    def read(self, job: Job[Result]) -> Result:
        """Run ``job`` without a transaction around its statements; once more when the connection was stale."""
        for last in (False, True):
            try:
                with self._read_engine.connect() as connection:
                    return job(Transaction(connection, writable=False, mysql=self.mysql))
            except SQLAlchemyError as error:
                if last or not worth_retrying(error):
                    raise api_error(error) from None
        raise AssertionError("unreachable")

    def submit(self, job: Job[Result]) -> "Future[Result]":
        """Queue ``job`` for the writer; the future is done after its commit."""
        future: Future[Result] = Future()
        self._queue.put(_Queued(job, future))
        return future

    def _write_loop(self) -> None:
        while True:
            first = self._queue.get()
            if first is None:
                return
            batch = [first]
            stop = False
            while len(batch) < MAX_BATCH and not self._queue.empty():
                queued = self._queue.get()
                if queued is None:
                    stop = True
                    break
                batch.append(queued)
            self._run(batch)
            if stop:
                return

    def _run(self, batch: list[_Queued]) -> None:
        """Commit ``batch`` as one; when that cannot be, each of it alone. What nobody waits for any more is left."""
        batch = [queued for queued in batch if queued.future.set_running_or_notify_cancel()]
        if len(batch) > 1 and self._commit(batch, alone=False):
            return
        for queued in batch:
            self._commit([queued], alone=True)

    def _commit(self, batch: list[_Queued], *, alone: bool) -> bool:
        """Run ``batch`` in one transaction; False when it was rolled back and nobody has an answer yet."""
        for last in (False, True):
            committing = False
            signals: set[str] = set()
            try:
                with self._write_engine.connect() as connection, connection.begin() as commit:
                    answers = self._answers(connection, batch, signals)
                    committing = True
                    commit.commit()
            except _PoisonedError as poisoned:
                if alone:
                    batch[0].future.set_exception(poisoned.error)
                return alone
            except SQLAlchemyError as error:
                if not alone:
                    return False
                if worth_retrying(error) and not last and not committing:
                    continue
                batch[0].future.set_exception(api_error(error, committing=committing))
                return True
            for queued, (value, failure) in zip(batch, answers, strict=True):
                if failure is None:
                    queued.future.set_result(value)
                else:
                    queued.future.set_exception(failure)
            for signal in signals:
                for callback in self._listeners.get(signal, ()):
                    callback()
            return True
        raise AssertionError("unreachable")

    def _answers(
        self, connection: Connection, batch: list[_Queued], signals: set[str]
    ) -> list[tuple[Any, Exception | None]]:
        answers: list[tuple[Any, Exception | None]] = []
        whole = Transaction(connection, writable=True, mysql=self.mysql, signals=signals)
        for queued in batch:
            transaction = Transaction(connection, writable=True, mysql=self.mysql, signals=signals)
            try:
                answers.append((queued.job(transaction), None))
                whole.deferred += transaction.deferred
            except SQLAlchemyError:
                raise
            except Exception as error:
                if transaction.dirty:
                    raise _PoisonedError(error) from error
                answers.append((None, error))
        whole.insert_deferred()
        return answers
