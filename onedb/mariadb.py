"""How the tool connects to MariaDB or MySQL."""

from pymysql.err import MySQLError

from oned.config import DatabaseSettings
from oned.database.mysql import QuickConnection
from onedb.errors import UnreachableError

CONNECT_SECONDS = 5
ANSWER_SECONDS = 3600
"""An index over all machines takes its time."""
LOCK_SECONDS = 10


def connect(settings: DatabaseSettings, name: str | None = None, *, autocommit: bool = False) -> QuickConnection:
    """A connection to the database ``name``, else that of ``settings``.

    Raises :class:`UnreachableError`, never with the password.
    """
    socket = settings.server if settings.server.startswith("/") else None
    try:
        return QuickConnection(
            host=None if socket else settings.server,
            port=settings.port or 3306,
            unix_socket=socket,
            user=settings.user,
            password=settings.password.encode(),  # as bytes, or it would be sent as Latin-1
            database=name or settings.name,
            charset="utf8mb4",
            autocommit=autocommit,
            connect_timeout=CONNECT_SECONDS,
            read_timeout=ANSWER_SECONDS,
            write_timeout=ANSWER_SECONDS,
            sql_mode="STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION,NO_AUTO_VALUE_ON_ZERO",
            init_command=f"SET SESSION lock_wait_timeout = {LOCK_SECONDS}",
        )
    except MySQLError as error:
        said = ": ".join(str(argument) for argument in error.args)
        todo = "Start the server, and check host, port, user, password and name of the database."
        raise UnreachableError(f"The {settings.label} cannot be used: {said}.", todo=todo) from None
