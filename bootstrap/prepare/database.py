"""The database before oned: there, and letting us in."""

import json
import time
from typing import ClassVar

from bootstrap.service import ServiceContext
from onelib.errors import OneError

DEADLINE = 120.0
FIRST_PAUSE, LONGEST_PAUSE = 0.02, 1.0


class LoginError(OneError):
    """The database did not let oned in before the deadline."""

    exit_code: ClassVar[int] = 69


def reachable(context: ServiceContext) -> None:
    """Wait until oned's login works (another container may still be creating it). Raises LoginError."""
    import pymysql

    target = json.loads((context.locations.run / "database.json").read_text())
    if "host" not in target:  # SQLite: nothing to wait for
        return
    password = (context.locations.run / "secrets/mysql-password").read_text()
    host, port, user = target["host"], target["port"], target["user"]
    context.phase("waiting", f"the database at {host}:{port} to let {user} in")
    # As bytes, because PyMySQL would encode a text as Latin-1, which is not what MariaDB has stored.
    deadline, pause = time.monotonic() + DEADLINE, FIRST_PAUSE
    while True:
        try:
            pymysql.connect(
                host=host,
                port=port,
                user=user,
                password=password.encode(),
                database=target["database"],
                connect_timeout=5,
            ).close()
        except pymysql.MySQLError as error:
            if time.monotonic() > deadline:
                number = error.args[0] if error.args else 0
                raise LoginError(
                    f"MariaDB at {host}:{port} refuses {user} (error {number}).",
                    todo="MYSQL_USER, MYSQL_PASSWORD and MYSQL_DATABASE must be the same for mysqld and oned.",
                ) from None
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
        else:
            return
