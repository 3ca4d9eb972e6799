"""The database: reads from several threads, writes one after the other with one commit for all that wait.

A write is a function of a transaction. The writer thread takes what has queued up meanwhile, runs it in one
transaction and commits once, so that the flush of the disk is shared; a caller gets its answer only after that
commit. A function that fails after it has written makes the writer roll back and run each of the others alone.
Functions must therefore depend on nothing but the database.
"""

import itertools
import queue
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import Engine, Executable, Row
from sqlalchemy.engine import Connection, CursorResult
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.sql import Select

from oned.config import DatabaseSettings
from oned.database.batch import Batch, Insert, overlap, tables_of
from oned.database.engine import api_error, make_engine, pause_after, unreachable, worth_retrying

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

    ``touched`` are the objects that were inserted and removed; of one that was inserted with its body. ``deferred``
    are rows that are inserted with those of others just before the commit, or before a statement about their table.
    ``answers`` is what drivers have told the call; None where no call waits (:mod:`oned.drivers.questions`).
    """

    __slots__ = ("_batch", "_connection", "answers", "deferred", "dirty", "mysql", "touched", "writable")

    def __init__(self, connection: Connection, *, mysql: bool, batch: Batch | None = None) -> None:
        self._connection = connection
        self._batch = batch
        self.writable = batch is not None
        self.mysql = mysql
        self.answers: Answers | None = None
        self.dirty = False
        self.touched: list[tuple[object, str]] = []
        self.deferred: list[Insert] = []

    @property
    def batch(self) -> Batch:
        """What it shares with others. Raises :class:`RuntimeError` for a transaction that only reads."""
        if self._batch is None:
            raise RuntimeError("a read transaction cannot write")
        return self._batch

    @property
    def signals(self) -> set[str]:
        """Names of what others wait for (:meth:`Database.listen`), told after the commit."""
        return self.batch.signals

    def _settle(self, statement: Executable) -> None:
        """Insert what waits when ``statement`` may be about it."""
        batch = self._batch
        if batch is None:
            return
        if self.deferred and any(overlap(statement, set(tables_of(insert))) for insert, _ in self.deferred):
            self.dirty = True
            batch.add(self.deferred)
            self.deferred.clear()
        if batch.concerns(statement):
            batch.insert()

    def one(self, statement: Select[Any], parameters: dict[str, Any] | None = None) -> AnyRow | None:
        """The first row, locked until the end of a writable transaction."""
        self._settle(statement)
        if self.writable and self.mysql:
            statement = _locking(statement)
        return self._connection.execute(statement, parameters or {}).fetchone()

    def rows(self, statement: Select[Any], parameters: dict[str, Any] | None = None) -> list[AnyRow]:
        """All rows."""
        self._settle(statement)
        return list(self._connection.execute(statement, parameters or {}))

    def write(self, statement: Executable, parameters: Any = None) -> CursorResult[Any]:  # noqa: ANN401 (as SQLAlchemy)
        """Change the database. Raises :class:`RuntimeError` for a transaction that only reads."""
        self.dirty = bool(self.batch)
        self._settle(statement)
        return self._connection.execute(statement, parameters)

    def insert_at_end(self, statement: Executable, row: dict[str, Any]) -> None:
        """Insert a row just before the commit, together with those of others, or when someone looks for it."""
        if not self.writable:
            raise RuntimeError("a read transaction cannot write")
        self.deferred.append((statement, row))

    def hand_over(self) -> None:
        """Leave the rows that wait to the batch: the job has succeeded."""
        self.batch.add(self.deferred)
        self.deferred.clear()

    def next_oid(self, pool: str) -> int:
        """A new id in the pool table ``pool``: one more than the last, counted in ``pool_control``."""
        if not self.batch.knows_ids_of(pool):
            self.dirty = True
        return self.batch.next_oid(pool)


@lru_cache(maxsize=256)
def _locking(statement: Select[Any]) -> Select[Any]:
    """``statement`` with the rows it finds locked; kept, as most statements are built once."""
    return statement.with_for_update()


def _without_frame(error: Exception) -> Exception:
    """``error`` without the frame that caught it.

    A frame that keeps the error which refers to it would keep all that the call has sent, until garbage is collected.
    """
    trace = error.__traceback__
    return error.with_traceback(None if trace is None else trace.tb_next)


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
                batch = Batch(connection, mysql=self.mysql)
                transaction = Transaction(connection, mysql=self.mysql, batch=batch)
                yield transaction
                transaction.hand_over()
                batch.finish()
        except SQLAlchemyError as error:
            raise unreachable(self.settings, error) from None

    def beside(self, job: Job[Result]) -> Result:
        """Run ``job`` in a transaction of the calling thread; again when others were in its way.

        What it does has to be the same when it is done twice: a commit whose answer is lost is repeated too. Raises
        :class:`DatabaseError`.
        """
        for tries in itertools.count(1):
            try:
                with self._write_engine.begin() as connection:
                    batch = Batch(connection, mysql=self.mysql)
                    transaction = Transaction(connection, mysql=self.mysql, batch=batch)
                    answer = job(transaction)
                    transaction.hand_over()
                    batch.finish()
            except SQLAlchemyError as error:
                if not worth_retrying(error, tries):
                    raise unreachable(self.settings, error) from None
                time.sleep(pause_after(tries))
            else:
                return answer
        raise AssertionError("unreachable")

    @property
    def engine(self) -> Engine:
        """The engine for the definition of tables."""
        return self._write_engine

    def read(self, job: Job[Result]) -> Result:
        """Run ``job`` without a transaction around its statements; once more when the connection was stale."""
        for last in (False, True):
            try:
                with self._read_engine.connect() as connection:
                    return job(Transaction(connection, mysql=self.mysql))
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
        while self._run(self._next_batch()):  # no name for it here: it would keep the last calls in memory
            pass

    def _next_batch(self) -> list[_Queued]:
        """What has queued up, as much as goes into one transaction; nothing at the end."""
        batch: list[_Queued] = []
        while len(batch) < MAX_BATCH and not (batch and self._queue.empty()):
            queued = self._queue.get()
            if queued is None:
                if batch:
                    self._queue.put(None)
                break
            batch.append(queued)
        return batch

    def _run(self, batch: list[_Queued]) -> bool:
        """Commit ``batch`` as one; when that cannot be, each of it alone. What nobody waits for any more is left.

        False when ``batch`` is empty.
        """
        wanted = [queued for queued in batch if queued.future.set_running_or_notify_cancel()]
        if len(wanted) == 1 or (wanted and not self._commit(wanted, alone=False)):
            for queued in wanted:
                self._commit([queued], alone=True)
        return bool(batch)

    def _commit(self, batch: list[_Queued], *, alone: bool) -> bool:
        """Run ``batch`` in one transaction; False when it was rolled back and nobody has an answer yet."""
        for tries in itertools.count(1):
            committing = False
            try:
                with self._write_engine.connect() as connection, connection.begin() as commit:
                    shared = Batch(connection, mysql=self.mysql)
                    answers = self._answers(shared, batch)
                    committing = True
                    commit.commit()
            except _PoisonedError as poisoned:
                if alone:
                    batch[0].future.set_exception(poisoned.error)
                return alone
            except SQLAlchemyError as error:
                if not alone:
                    return False
                if worth_retrying(error, tries) and not committing:
                    time.sleep(pause_after(tries))
                    continue
                batch[0].future.set_exception(api_error(error, committing=committing))
                return True
            for queued, (value, failure) in zip(batch, answers, strict=True):
                if failure is None:
                    queued.future.set_result(value)
                else:
                    queued.future.set_exception(failure)
            for signal in shared.signals:
                for callback in self._listeners.get(signal, ()):
                    callback()
            return True
        raise AssertionError("unreachable")

    def _answers(self, shared: Batch, batch: list[_Queued]) -> list[tuple[Any, Exception | None]]:
        """What each of ``batch`` answers, or how it fails. Raises :class:`_PoisonedError`."""
        answers: list[tuple[Any, Exception | None]] = []
        for queued in batch:
            transaction = Transaction(shared.connection, mysql=self.mysql, batch=shared)
            ids = shared.ids()
            try:
                answers.append((queued.job(transaction), None))
                transaction.hand_over()
            except SQLAlchemyError:
                raise
            except Exception as error:
                if transaction.dirty:
                    raise _PoisonedError(error) from error
                shared.give_back(ids)
                answers.append((None, _without_frame(error)))
        shared.finish()
        return answers
