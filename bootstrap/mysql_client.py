"""A login to the container's own MariaDB as its root, through the local socket (no password, no network)."""

import pymysql
from pymysql.connections import Connection
from pymysql.cursors import Cursor

from onelib.locations import Locations

SOCKET = "/run/mysqld/mysqld.sock"


def connect(locations: Locations) -> "Connection[Cursor]":
    """The connection. Raises pymysql.OperationalError."""
    return pymysql.connect(
        unix_socket=str(locations.under(SOCKET)),
        user="root",
        charset="utf8mb4",
        autocommit=True,
        connect_timeout=10,
    )


def identifier(name: str) -> str:
    """``name`` quoted as an identifier (MariaDB manual, Identifier Names)."""
    return "`" + name.replace("`", "``") + "`"


def pattern(name: str) -> str:
    """``name`` quoted for GRANT, where ``_`` and ``%`` would otherwise stand for any letters."""
    return identifier(name.replace("\\", "\\\\").replace("_", "\\_").replace("%", "\\%"))
