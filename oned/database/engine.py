"""Engines for the two databases, and what their errors mean."""

import random
from typing import Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL, Connection
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from oned.config import DatabaseSettings
from oned.database.mysql import QuickConnection
from oned.errors import ApiError, DatabaseError, InternalError, UnavailableError

CONNECT_SECONDS = 5
RECYCLE_SECONDS = 1800
ANSWER_SECONDS = 60
STALLED_SECONDS = 10
_NO_IDLE_TRANSACTION = f"SET @stalled = 0 /*M!100300 , SESSION idle_transaction_timeout = {STALLED_SECONDS} */"
"""So that a server that is stopped in the middle of a transaction does not lock others out; only MariaDB has it."""
JOINED_BYTES = 2**22
"""How long a text may be that MariaDB joins of several."""

_DUPLICATE, _LOCK_TIMEOUT, _DEADLOCK = 1062, 1205, 1213
_TRIES = {_DUPLICATE: 2, _LOCK_TIMEOUT: 2, _DEADLOCK: 8}
"""How often a transaction is tried that MariaDB ends with one of these. The second time a job sees the key that another
server has taken, and answers for itself; servers at work on the same objects deadlock again (a conflict of two Galera
nodes is one too)."""
_PAUSE_SECONDS = 0.005
_NO_CONNECTION = frozenset({1040, 1053, 1927, 2002, 2003, 2006, 2013})
"""MariaDB: too many connections, shutting down, killed, no server, server gone."""


def _connect_mysql(_dialect: object, _record: object, arguments: Any, options: Any) -> QuickConnection:  # noqa: ANN401 (SQLAlchemy's)
    return QuickConnection(*arguments, **options)


def _url(settings: DatabaseSettings) -> URL:
    if settings.backend == "sqlite":
        return URL.create("sqlite", database=str(settings.path))
    socket = settings.server.startswith("/")
    query = {"charset": "utf8mb4"} | ({"unix_socket": settings.server} if socket else {})
    return URL.create(
        "mysql+pymysql",
        username=settings.user,
        host=None if socket else settings.server,
        port=None if socket else settings.port or 3306,
        database=settings.name,
        query=query,
    )


def make_engine(settings: DatabaseSettings, size: int, *, autocommit: bool) -> Engine:
    """An engine with ``size`` connections: ``autocommit`` for reads, else one durable transaction at a time."""
    is_sqlite = settings.backend == "sqlite"
    arguments: dict[str, Any] = (
        {"timeout": 30}
        if is_sqlite
        else {
            # As bytes, because PyMySQL would encode a text as Latin-1, which is not what MariaDB has stored.
            "password": settings.password.encode(),
            "connect_timeout": CONNECT_SECONDS,
            "read_timeout": ANSWER_SECONDS,
            "write_timeout": ANSWER_SECONDS,
            "sql_mode": "STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION",
        }
    )
    if not is_sqlite:
        joined = f"SET SESSION group_concat_max_len = {JOINED_BYTES}"
        arguments["init_command"] = joined if autocommit else _NO_IDLE_TRANSACTION
    if is_sqlite:
        arguments |= {"check_same_thread": False, "isolation_level": None}
    engine = create_engine(
        _url(settings),
        connect_args=arguments,
        pool_size=size,
        max_overflow=0,
        pool_recycle=RECYCLE_SECONDS,
        pool_reset_on_return=None if autocommit else "rollback",
        skip_autocommit_rollback=autocommit,
        hide_parameters=True,
        isolation_level="AUTOCOMMIT" if autocommit else ("SERIALIZABLE" if is_sqlite else "READ COMMITTED"),
    )
    if not is_sqlite:
        event.listen(engine, "do_connect", _connect_mysql)
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


def error_number(error: SQLAlchemyError) -> int:
    """The number of the driver's error, 0 where it has none."""
    arguments = getattr(getattr(error, "orig", None), "args", ())
    return arguments[0] if arguments and isinstance(arguments[0], int) else 0


def _lost(error: SQLAlchemyError) -> bool:
    return isinstance(error, DBAPIError) and error.connection_invalidated


def is_temporary(error: SQLAlchemyError) -> bool:
    """Whether the statement is not to blame: the connection was lost, or others were in the way."""
    return _lost(error) or error_number(error) in {_LOCK_TIMEOUT, _DEADLOCK}


def worth_retrying(error: SQLAlchemyError, tries: int = 1) -> bool:
    """Whether the same statements may succeed on another connection, or a moment later, after ``tries``."""
    return tries < _TRIES.get(error_number(error), 2 if _lost(error) else 1)


def pause_after(tries: int) -> float:
    """How long to wait before the next try, in seconds: by chance, so that two in conflict do not meet again."""
    return random.uniform(0, _PAUSE_SECONDS * tries)  # noqa: S311 (no secret)


def describe(error: SQLAlchemyError) -> str:
    """What the driver said, without statement or parameters."""
    original = getattr(error, "orig", None)
    if original is None:
        return type(error).__name__
    arguments = [str(argument) for argument in getattr(original, "args", ())]
    return ": ".join(arguments) or type(original).__name__


def api_error(error: SQLAlchemyError, *, committing: bool = False) -> ApiError:
    """What a call answers for ``error``; after one in a commit nobody knows whether it took place."""
    if committing:
        return UnavailableError(
            f"The database was lost during the commit ({describe(error)}): the change may or may not be there."
        )
    if is_temporary(error) or error_number(error) in _NO_CONNECTION:
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
