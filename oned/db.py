"""The database: reads from several threads, writes one after the other with one commit for all that wait.

A write is a function of a transaction. The writer thread takes what has queued up meanwhile, runs it in one
transaction and commits once, so that the flush of the disk is shared; a caller gets its answer only after that
commit. A function that fails after it has written makes the writer roll back and run each of the others alone.
Functions must therefore depend on nothing but the database.
"""

import queue
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Engine, Executable, Row, create_engine, event, func, select
from sqlalchemy.dialects import mysql, sqlite
from sqlalchemy.engine import URL, Connection, CursorResult
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.sql import Select

from oned.config import DatabaseSettings
from oned.errors import ApiError, DatabaseError, InternalError, UnavailableError
from oned.schema import pool_control

Result = TypeVar("Result")
AnyRow = Row[*tuple[Any, ...]]
Job = Callable[["Transaction"], Result]

READERS = 8
MAX_BATCH = 64
CONNECT_SECONDS = 5
RECYCLE_SECONDS = 1800
ANSWER_SECONDS = 60
STOP_SECONDS = 2


class Transaction:
    """What a handler sees of the database. ``writable`` transactions may change it."""

    __slots__ = ("_connection", "dirty", "mysql", "writable")

    def __init__(self, connection: Connection, *, writable: bool, mysql: bool) -> None:
        self._connection = connection
        self.writable = writable
        self.mysql = mysql
        self.dirty = False

    def one(self, statement: Select[Any], parameters: dict[str, Any] | None = None) -> AnyRow | None:
        """The first row, locked until the end of a writable transaction."""
        if self.writable and self.mysql:
            statement = statement.with_for_update()
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

    def next_oid(self, pool: str) -> int:
        """A new id in the pool table ``pool``: one more than the last, counted in ``pool_control``."""
        if self.mysql:
            return self.write(_NEXT_OID_MYSQL, {"tablename": pool}).lastrowid
        return int(self.write(_NEXT_OID_SQLITE, {"tablename": pool}).scalar_one())


_mysql_insert = mysql.insert(pool_control).values(last_oid=func.last_insert_id(0))
_NEXT_OID_MYSQL = _mysql_insert.on_duplicate_key_update(last_oid=func.last_insert_id(pool_control.c.last_oid + 1))
_sqlite_insert = sqlite.insert(pool_control).values(last_oid=0)
_NEXT_OID_SQLITE = _sqlite_insert.on_conflict_do_update(
    index_elements=["tablename"], set_={"last_oid": pool_control.c.last_oid + 1}
).returning(pool_control.c.last_oid)


@dataclass
class _Queued:
    job: Job[Any]
    future: "Future[Any]"


def _url(settings: DatabaseSettings) -> URL:
    if settings.backend == "sqlite":
        return URL.create("sqlite", database=str(settings.path))
    socket = settings.server.startswith("/")
    query = {"charset": "utf8mb4"} | ({"unix_socket": settings.server} if socket else {})
    return URL.create(
        "mysql+pymysql",
        username=settings.user,
        password=settings.password,
        host=None if socket else settings.server,
        port=None if socket else settings.port or 3306,
        database=settings.name,
        query=query,
    )


def _engine(settings: DatabaseSettings, size: int, *, autocommit: bool) -> Engine:
    is_sqlite = settings.backend == "sqlite"
    arguments: dict[str, Any] = (
        {"timeout": 30}
        if is_sqlite
        else {
            "connect_timeout": CONNECT_SECONDS,
            "read_timeout": ANSWER_SECONDS,
            "write_timeout": ANSWER_SECONDS,
        }
    )
    if is_sqlite:
        arguments |= {"check_same_thread": False, "isolation_level": None}
    engine = create_engine(
        _url(settings),
        connect_args=arguments,
        pool_size=size,
        max_overflow=0,
        pool_recycle=RECYCLE_SECONDS,
        pool_reset_on_return=None if autocommit else "rollback",
        hide_parameters=True,
        isolation_level="AUTOCOMMIT" if autocommit else ("SERIALIZABLE" if is_sqlite else "READ COMMITTED"),
    )
    if is_sqlite:
        event.listen(engine, "connect", _prepare_sqlite)
        if not autocommit:
            event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:  # noqa: ANN401 (the driver's own type)
    """Durable commits and readers that do not wait for the writer."""
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _lost(error: SQLAlchemyError) -> bool:
    return isinstance(error, DBAPIError) and error.connection_invalidated


def describe(error: SQLAlchemyError) -> str:
    """What the driver said, without statement or parameters."""
    original = getattr(error, "orig", None)
    if original is None:
        return type(error).__name__
    arguments = [str(argument) for argument in getattr(original, "args", ())]
    return ": ".join(arguments) or type(original).__name__


class Database:
    """Engines, reader threads and the writer thread of one database."""

    def __init__(self, settings: DatabaseSettings) -> None:
        self.settings = settings
        self.mysql = settings.backend == "mysql"
        readers = min(READERS, settings.connections)
        self._read_engine = _engine(settings, readers, autocommit=True)
        self._write_engine = _engine(settings, 2, autocommit=False)
        self.readers = ThreadPoolExecutor(readers, "reader")
        self._queue: queue.SimpleQueue[_Queued | None] = queue.SimpleQueue()
        self._writer = threading.Thread(target=self._write_loop, name="writer", daemon=True)
        self._started = False

    def start(self) -> None:
        """Start the writer thread."""
        self._started = True
        self._writer.start()

    def close(self) -> None:
        """Finish what is queued and close all connections; a database that hangs is not waited for."""
        if self._started:
            self._queue.put(None)
            self._writer.join(STOP_SECONDS)
        self.readers.shutdown(wait=not self._writer.is_alive(), cancel_futures=True)
        self._read_engine.dispose()
        self._write_engine.dispose()

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """One write transaction of the calling thread, outside of the queue. Raises :class:`DatabaseError`."""
        try:
            with self._write_engine.begin() as connection:
                yield Transaction(connection, writable=True, mysql=self.mysql)
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
                if last or not _lost(error):
                    raise _api_error(error) from None
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
        """Commit ``batch`` as one; when that cannot be, each of it alone."""
        if len(batch) > 1 and self._commit(batch, alone=False):
            return
        for queued in batch:
            self._commit([queued], alone=True)

    def _commit(self, batch: list[_Queued], *, alone: bool) -> bool:
        """Run ``batch`` in one transaction; False when it was rolled back and nobody has an answer yet."""
        for last in (False, True):
            committing = False
            try:
                with self._write_engine.connect() as connection, connection.begin() as commit:
                    answers = self._answers(connection, batch)
                    committing = True
                    commit.commit()
            except _PoisonedError as poisoned:
                if alone:
                    batch[0].future.set_exception(poisoned.error)
                return alone
            except SQLAlchemyError as error:
                if not alone:
                    return False
                if _lost(error) and not last and not committing:
                    continue
                batch[0].future.set_exception(_api_error(error))
                return True
            for queued, (value, failure) in zip(batch, answers, strict=True):
                if failure is None:
                    queued.future.set_result(value)
                else:
                    queued.future.set_exception(failure)
            return True
        raise AssertionError("unreachable")

    def _answers(self, connection: Connection, batch: list[_Queued]) -> list[tuple[Any, ApiError | None]]:
        answers: list[tuple[Any, ApiError | None]] = []
        for queued in batch:
            transaction = Transaction(connection, writable=True, mysql=self.mysql)
            try:
                answers.append((queued.job(transaction), None))
            except ApiError as error:
                if transaction.dirty:
                    raise _PoisonedError(error) from None
                answers.append((None, error))
            except SQLAlchemyError:
                raise
            except Exception as error:  # (a defect in one job must not end the writer)
                raise _PoisonedError(error) from error
        return answers


class _PoisonedError(Exception):
    """A job failed after it had written: its transaction has to be rolled back."""

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


def _api_error(error: SQLAlchemyError) -> ApiError:
    if _lost(error) or getattr(error, "code", "") in {"e3q8", "3o7r"}:
        return UnavailableError(f"The database does not answer ({describe(error)}).")
    return InternalError(f"The database refused the operation ({describe(error)}).")


def unreachable(settings: DatabaseSettings, error: SQLAlchemyError) -> DatabaseError:
    """The error for a database that cannot be used at the start."""
    if settings.backend == "sqlite":
        todo = f"Make {settings.path.parent} a folder that this user can write, on a disk with free space."
    else:
        todo = (
            f"Start MariaDB, and check SERVER, PORT, USER, PASSWD and DB_NAME of DB in oned.conf: the user "
            f"{settings.user} needs all rights on the database {settings.name}."
        )
    return DatabaseError(f"The {settings.label} cannot be used: {describe(error)}.", todo=todo)


def ping(transaction: Transaction) -> None:
    """Ask the database for nothing."""
    transaction.rows(select(1))
