"""A restore into MariaDB: into new tables, and one RENAME TABLE, which takes place entirely or not at all."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pymysql.err import MySQLError

from oned.config import DatabaseSettings
from oned.database.mysql import QuickConnection
from onedb.backup.mysql import fetch, quoted, stream
from onedb.backup.snapshot import fault, kept_by_upgrade, superseded
from onedb.backup.sql import Table
from onedb.backup.values import Row, literal_row, mysql_literal
from onedb.errors import BusyError
from onedb.mariadb import connect
from onedb.server import check_server
from onedb.upgrade.guard import is_here
from onedb.upgrade.names import RESTORED, TAKEN_AWAY

_LOCK_TIMEOUT = 1205


class MysqlTarget:
    """See :class:`onedb.backup.restore.Target`."""

    def __init__(self, connection: QuickConnection, settings: DatabaseSettings) -> None:
        self._connection = connection
        self._settings = settings

    @classmethod
    @contextmanager
    def open(cls, settings: DatabaseSettings) -> Iterator["MysqlTarget"]:
        """After a failure the new tables are dropped, where the server still listens."""
        connection = connect(settings)
        target = cls(connection, settings)
        try:
            try:
                yield target
            except BaseException:
                if connection.open:
                    target.clear(RESTORED)
                raise
        except MySQLError as error:
            if error.args and error.args[0] == _LOCK_TIMEOUT:
                raise BusyError(
                    f"The {settings.label} is in use.", todo="Stop what uses it, such as oned."
                ) from None
            raise fault(settings, error) from None
        finally:
            if connection.open:
                connection.close()

    def _tables(self) -> list[str]:
        rows = fetch(self._connection, "SHOW FULL TABLES")
        return [name for name, kind in rows if kind == "BASE TABLE"]

    def clear(self, *prefixes: str) -> None:
        """Drop the tables with these prefixes."""
        self._drop([name for name in self._tables() if name.startswith(prefixes)])

    def _drop(self, names: list[str]) -> None:
        if names:
            fetch(self._connection, f"DROP TABLE {', '.join(map(quoted, names))}")

    def exists(self) -> bool:
        """Whether a user 0 was ever bootstrapped there."""
        return "user_pool" in self._tables() and bool(
            fetch(self._connection, "SELECT 1 FROM user_pool WHERE oid = 0")
        )

    def room(self, size: int) -> tuple[Path | None, int]:
        """In the server's folder, where it is one of this host."""
        if not is_here(self._settings):
            return None, size
        return Path(str(fetch(self._connection, "SELECT @@datadir")[0][0])), size

    def begin(self) -> None:
        """Remove what a killed run has left, before or after its swap; refuse a server that is too old for the swap."""
        check_server(str(fetch(self._connection, "SELECT VERSION()")[0][0]))
        self.clear(RESTORED, TAKEN_AWAY)
        fetch(self._connection, "SET SESSION unique_checks = 0, foreign_key_checks = 0")

    def table(self, table: Table) -> None:
        """Under a name of its own."""
        name = quoted(RESTORED + table.name)
        fetch(self._connection, f"DROP TABLE IF EXISTS {name}")
        with self._connection.cursor() as cursor:
            cursor.execute(table.named(name))

    def insert(self, table: str, columns: tuple[str, ...], rows: list[Row]) -> None:
        """As one statement, in one transaction."""
        names = f" ({', '.join(map(quoted, columns))})" if columns else ""
        head = f"INSERT INTO {quoted(RESTORED + table)}{names} VALUES ".encode()  # noqa: S608 (identifiers)
        self._connection.query(head + b",".join([literal_row(row, mysql_literal) for row in rows]))
        self._connection.commit()

    def index(self, statement: str) -> None:
        """MariaDB's tables bring theirs; the plain clients of others do not concern this one."""

    def rows(self, table: str) -> Iterator[Row]:
        """From the new table."""
        return stream(self._connection, f"SELECT * FROM {quoted(RESTORED + table)}")  # noqa: S608 (an identifier)

    def settle(self) -> None:
        """Let go of what was read, so that others may work on the new tables."""
        self._connection.commit()

    def finish(self, tables: list[str], *, whole: bool) -> None:
        """Swap, and drop what was there before."""
        present = self._tables()
        replaced = [name for name in tables if name in present]
        away = replaced + (superseded(present, tables) if whole else kept_by_upgrade(present))
        moves = [(name, TAKEN_AWAY + name) for name in away] + [(RESTORED + name, name) for name in tables]
        fetch(
            self._connection,
            "RENAME TABLE " + ", ".join(f"{quoted(source)} TO {quoted(target)}" for source, target in moves),
        )
        self.clear(TAKEN_AWAY)
