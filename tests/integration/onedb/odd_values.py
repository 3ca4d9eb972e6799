"""A small database of OpenNebula with everything in it that a text format could stumble over."""

import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy.schema import CreateTable

from oned.config import DatabaseSettings
from oned.database.engine import make_engine
from oned.database.schema import metadata
from tests.integration.oned.mariadb import MariaDb

BODIES = [
    None,
    "",
    "it's 'quoted' \"twice\" `thrice`, '' and \\' and \\\\",
    "tail of backslashes \\\\\\",
    "lines\n--\n;\n-- end {}\r\nof\rall\tkinds\n.quit\n\\q\ndelimiter $\n",
    "nul \0 and \x1a and \x08",
    "beyond the plane \U0001f5a5 \U00020000 e\u0301 \u2028",
    "NULL",
    "X'00'), (1, 'x');DROP TABLE vm_pool;--",
    "%_\\%\\_",
    "char(10)',char(10))",
]
LAST_UNSIGNED = 2**64 - 1
NUMBERS = (-1, 0, 2**31 - 1)


def sqlite_settings(path: Path) -> DatabaseSettings:
    return DatabaseSettings("sqlite", "", 0, "", "", "", path, 2)


def mysql_settings(server: MariaDb, name: str) -> DatabaseSettings:
    """A new empty database."""
    server.query(f"DROP DATABASE IF EXISTS {name}")
    server.create(name)
    server.query(f"ALTER DATABASE {name} CHARACTER SET utf8mb4")
    here = Path("/nonexistent/one.db")
    return DatabaseSettings("mysql", "127.0.0.1", server.port, "oneadmin", "db-secret-word", name, here, 2)


def fill(settings: DatabaseSettings, version: str = "6.0.0", big: int = 1 << 16) -> None:
    """Make all tables, with odd rows in some; the longest body has ``big`` characters."""
    engine = make_engine(settings, 1, autocommit=False)
    with engine.begin() as connection:
        if settings.backend == "mysql":
            for table in metadata.sorted_tables:
                connection.exec_driver_sql(str(CreateTable(table).compile(engine)))
        else:
            metadata.create_all(connection)
        bodies = [*BODIES, "<VM>" + ("x'\\" + "text" * 15) * (big // 63)]
        insert = metadata.tables["vm_pool"].insert()
        connection.execute(
            insert,
            [
                {
                    "oid": number,
                    "name": f"vm{number}",
                    "body": body,
                    "uid": NUMBERS[number % 3],
                    "search_token": body,
                }
                for number, body in enumerate(bodies)
            ],
        )
        unsigned = LAST_UNSIGNED if settings.backend == "mysql" else 2**63 - 1
        connection.execute(
            metadata.tables["logdb"].insert(), [{"log_index": unsigned, "fed_index": 0, "applied": True}]
        )
        connection.execute(metadata.tables["acl"].insert(), [{"oid": 0, "userset": -(2**63), "rights": 2**63 - 1}])
        connection.execute(
            metadata.tables["oneedge_lease"].insert(), [{"name": "a", "expires": 1769.1234567890123}]
        )
        connection.execute(metadata.tables["oneedge_task"].insert(), [{"id": 41, "kind": "x", "due": 0.1}])
        connection.execute(metadata.tables["user_pool"].insert(), [{"oid": 0, "name": "oneadmin"}])
        for name in ("db_versioning", "local_db_versioning"):
            connection.execute(metadata.tables[name].insert(), [{"oid": 0, "version": version, "comment": "made"}])
    engine.dispose()


def everything(settings: DatabaseSettings) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table, read in another way than the code under test does."""
    if settings.backend == "sqlite":
        with sqlite3.connect(settings.path) as connection:
            names = [r[0] for r in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            found = {name: connection.execute(f'SELECT * FROM "{name}"').fetchall() for name in names}
        connection.close()
    else:
        engine = make_engine(settings, 1, autocommit=True)
        with engine.connect() as link:
            names = [row[0] for row in link.exec_driver_sql("SHOW TABLES")]
            found = {
                name: [tuple(row) for row in link.exec_driver_sql(f"SELECT * FROM `{name}`")] for name in names
            }
        engine.dispose()
    return {name: sorted(rows, key=repr) for name, rows in found.items()}


def elsewhere(settings: DatabaseSettings, server: MariaDb | None, name: str) -> DatabaseSettings:
    """An empty database of the same kind."""
    if server is not None:
        return mysql_settings(server, name)
    return replace(settings, path=settings.path.with_name(f"{name}.db"))
