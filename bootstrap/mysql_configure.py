"""The one-shot service ``mysqld-configure``: database, user, privileges, hardening. Safe to repeat at every start.

It logs in through the socket as the system's root, so that a changed MYSQL_ROOT_PASSWORD or MYSQL_PASSWORD is simply
set: neither can lock the front-end out of its database.
"""

import json
import sys
from pathlib import Path
from typing import ClassVar

import pymysql
from pymysql.cursors import Cursor

from bootstrap.mysql_client import connect, identifier, pattern
from onelib.errors import OneError, report
from onelib.locations import Locations


class ConfigureError(OneError):
    """MariaDB refused a statement of the configuration."""

    exit_code: ClassVar[int] = 74


def _secret(path: Path) -> str:
    return path.read_text() if path.is_file() else ""


def harden(cursor: Cursor) -> None:
    """No anonymous users, no root from other hosts, no test database."""
    cursor.execute("SELECT User, Host FROM mysql.global_priv")
    for user, host in cursor.fetchall():
        if user == "" or (user == "root" and host not in ("localhost", "127.0.0.1", "::1")):
            cursor.execute("DROP USER IF EXISTS %s@%s", (user, host))
    cursor.execute("DROP DATABASE IF EXISTS test")


def grant(cursor: Cursor, database: str, user: str, password: str) -> None:
    """Create the database and give ``user`` all of it, from any host, with exactly this password."""
    cursor.execute(f"CREATE DATABASE IF NOT EXISTS {identifier(database)} CHARACTER SET utf8mb4")
    cursor.execute("CREATE USER IF NOT EXISTS %s@'%%' IDENTIFIED BY %s", (user, password))
    cursor.execute("ALTER USER %s@'%%' IDENTIFIED BY %s", (user, password))
    grants = f"GRANT ALL PRIVILEGES ON {pattern(database)}.*".replace("%", "%%")
    cursor.execute(f"{grants} TO %s@'%%'", (user,))


def root_password(cursor: Cursor, password: str) -> None:
    """Let root log in with ``password`` too, or through the local socket alone without one."""
    if password:
        cursor.execute(
            "ALTER USER root@localhost IDENTIFIED VIA unix_socket OR mysql_native_password USING PASSWORD(%s)",
            (password,),
        )
    else:
        cursor.execute("ALTER USER root@localhost IDENTIFIED VIA unix_socket")


def configure(locations: Locations) -> None:
    """Do all of it. Raises ConfigureError, in whose text no password stands."""
    target = json.loads((locations.run / "database.json").read_text())
    secrets = locations.run / "secrets"
    try:
        connection = connect(locations)
        with connection, connection.cursor() as cursor:
            root_password(cursor, _secret(secrets / "mysql-root-password"))
            grant(cursor, target["database"], target["user"], _secret(secrets / "mysql-password"))
            harden(cursor)
    except pymysql.MySQLError as error:
        number = error.args[0] if error.args else 0
        raise ConfigureError(
            f"MariaDB refused its configuration (error {number}).",
            todo="Look at its log; MYSQL_DATABASE and MYSQL_USER must be names that MariaDB allows.",
        ) from None


def main() -> int:
    """Configure, and return an exit code."""
    try:
        configure(Locations.from_environment())
    except OneError as error:
        return report(error)
    return 0


if __name__ == "__main__":
    sys.exit(main())
