"""From SQLite to MariaDB: every row, all or nothing."""

import json
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from onedb.errors import OnedbError
from onedb.sqlite2mysql.move import move
from onedb.upgrade.progress import Event
from tests.integration.oned.daemon import Daemon
from tests.integration.oned.mariadb import MariaDb
from tests.integration.onedb.killing import killed_at
from tests.integration.onedb.odd_values import everything, fill
from tests.integration.onedb.world import PASSWORD, World, mysql_world, sqlite_world


@dataclass
class Both:
    """A full database of SQLite, an empty one of MariaDB."""

    old: World
    new: World

    def run(self, *words: str) -> CompletedProcess[str]:
        return self.new.run("sqlite2mysql", "-s", str(self.old.settings.path), *words)

    def fill(self, version: str = "6.0.0") -> None:
        """MariaDB too, with less."""
        self.new.sql("ALTER DATABASE CHARACTER SET utf8mb4")
        fill(self.new.settings, version, big=3)

    def sqlite(self, *statements: str) -> None:
        connection = sqlite3.connect(self.old.settings.path)
        with connection:
            for statement in statements:
                connection.execute(statement)
        connection.close()


@pytest.fixture
def both(tmp_path: Path, mariadb: MariaDb) -> Both:
    (tmp_path / "var/lib/one").mkdir(parents=True)
    old, new = sqlite_world(tmp_path), mysql_world(tmp_path, mariadb)
    fill(old.settings)
    return Both(old, new)


def test_every_row_is_moved_as_it_is(both: Both) -> None:
    before = everything(both.old.settings)
    done = both.run("--json")
    assert (done.returncode, done.stderr) == (0, "")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert {"copy", "verify"} <= {line.get("phase") for line in lines}
    last = lines[-1]
    assert (last["result"], last["backup"], last["left_out"]) == ("sqlite2mysql", None, [])
    sequence = dict(before.pop("sqlite_sequence"))
    assert last["tables"] == {name: len(rows) for name, rows in before.items()}
    assert everything(both.new.settings) == before
    assert everything(both.old.settings) | {} == before | {"sqlite_sequence": sorted(sequence.items())}
    indexes = both.new.rows("SHOW INDEX FROM vm_pool")
    assert {row[2] for row in indexes} == {"PRIMARY", "state_oid_idx", "ftidx"}
    both.new.sql("INSERT INTO oneedge_task (kind) VALUES ('next')")
    assert both.new.rows("SELECT MAX(id) FROM oneedge_task") == [(sequence["oneedge_task"] + 1,)]


def test_a_first_start_is_replaced_and_more_is_not(both: Both, mariadb: MariaDb) -> None:
    conf = (
        f'BACKEND = "mysql", SERVER = "127.0.0.1", PORT = {mariadb.port}, USER = "oneadmin", '
        f'PASSWD = "{PASSWORD}", DB_NAME = "{both.new.settings.name}"'
    )
    daemon = Daemon(both.new.root / "front", conf)
    daemon.start()
    daemon.stop()
    done = both.run("-b", str(both.new.root / "before.sql"))
    assert done.returncode == 0, done.stderr
    for said in ("Starting migration from SQLite to MySQL", "> vm_pool (12 records)", "Migration successful."):
        assert said in done.stdout
    assert (both.new.root / "before.sql").exists()
    moved = both.new.contents()
    again = both.run()
    assert (again.returncode, "exists, use -f to overwrite." in again.stderr) == (255, True)
    both.sqlite("DELETE FROM vm_pool WHERE oid < 3")
    assert both.new.contents() == moved
    forced = both.run("-f")
    assert (forced.returncode, "MySQL dump stored in" in forced.stdout) == (0, True)
    assert "> vm_pool (9 records)" in forced.stdout


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE db_versioning SET version = '5.12.0'", "SQLite version: 5.12.0"),
        ("UPDATE vm_pool SET uid = 'nobody' WHERE oid = 3", "A number of vm_pool (oid=3) is none"),
        ("UPDATE vm_pool SET uid = 99999999999 WHERE oid = 3", "refused a value of vm_pool"),
        (f"UPDATE vm_pool SET name = '{'n' * 200}' WHERE oid = 3", "refused a value of vm_pool"),
        ("INSERT INTO cluster_pool (oid, name) VALUES (8, 'Same'), (9, 'same')", "Rows of cluster_pool"),
        ("ALTER TABLE host_pool ADD COLUMN mine TEXT", "columns that no front-end of this release knows: mine"),
        ("DELETE FROM user_pool", "Database is not correctly bootstraped."),
    ],
)
def test_what_does_not_fit_is_named_and_nothing_changes(both: Both, statement: str, said: str) -> None:
    both.sqlite(statement)
    done = both.run()
    assert (done.returncode, said in done.stderr, "Traceback" in done.stderr) == (255, True, False), done.stderr
    assert both.new.tables() == []


def test_other_versions_are_refused(both: Both) -> None:
    both.fill("5.12.0")
    done = both.run("-f")
    assert (done.returncode, "The MySQL and SQLite versions do not match." in done.stderr) == (255, True)
    assert both.new.versions() == ("5.12.0", "5.12.0")


def test_numbers_as_texts_and_tables_of_others(both: Both) -> None:
    both.sqlite(
        "CREATE TABLE mine (a)",
        "CREATE TABLE oneedge_old_x (a)",
        "UPDATE vm_pool SET uid = 4.0, body = CAST('<VM>\U0001f5a5</VM>' AS BLOB) WHERE oid = 3",
    )
    both.new.sql("ALTER DATABASE CHARACTER SET utf8mb4")
    moved = move(both.old.settings, both.new.settings)
    assert moved.left_out == ("mine",)
    assert both.new.rows("SELECT uid, body FROM vm_pool WHERE oid = 3") == [(4, "<VM>\U0001f5a5</VM>")]


def test_killed_half_way_the_target_is_as_it_was(both: Both) -> None:
    both.fill()
    both.new.sql("DELETE FROM vm_pool WHERE oid > 5")
    kept = both.new.contents()
    for phase in ("copy", "verify", "swap"):

        def kill(event: Event, phase: str = phase) -> bool:
            return event.phase == phase and event.table in {"vm_pool", ""}

        killed_at(kill, lambda listener: move(both.old.settings, both.new.settings, listener))
        assert both.new.contents() == kept
        assert any(name.startswith("oneedge_restore_") for name in both.new.tables())
    move(both.old.settings, both.new.settings)
    assert both.new.contents() != kept
    assert not any(name.startswith(("oneedge_restore_", "oneedge_replaced_")) for name in both.new.tables())


def test_a_database_that_is_killed_keeps_what_it_had(both: Both, mariadb: MariaDb) -> None:
    both.fill()
    kept = both.new.contents()

    def stop(event: Event) -> None:
        if (event.phase, event.table) == ("copy", "vm_pool"):
            mariadb.stop(kill=True)

    with pytest.raises(OnedbError):
        move(both.old.settings, both.new.settings, stop)
    mariadb.start()
    assert both.new.contents() == kept
    move(both.old.settings, both.new.settings)
    assert both.new.contents() != kept
