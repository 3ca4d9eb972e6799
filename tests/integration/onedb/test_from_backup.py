"""What a backup of an old release holds, upgraded, in the place of the database: all of it or nothing."""

import json
from pathlib import Path

import pytest

from onedb.backup.restore import restore
from onedb.backup.writer import backup
from onedb.errors import OnedbError
from onedb.migrations.step import MigrationError
from onedb.staged import StagedLink, StagedSettings
from onedb.upgrade.from_backup import upgrade_from_backup
from onedb.upgrade.progress import Event, Listener, silent
from onedb.upgrade.run import Options, upgrade
from tests.integration.oned.mariadb import MariaDb
from tests.integration.onedb.killing import killed_at
from tests.integration.onedb.world import World, mysql_world, sqlite_world
from tests.support.old_database import HALVES

NEWEST = ("6.0.0", "6.0.0")
FORCE = Options(force=True)


@pytest.fixture
def other(world: World, tmp_path: Path) -> World:
    """A second database of the same kind, of another release, with other machines."""
    found = mysql_world(tmp_path, world.server) if world.server else sqlite_world(tmp_path / "other")
    found.root.mkdir(exist_ok=True)
    found.fill("5.12", vms=5)
    return found


def _leftovers(world: World) -> list[str]:
    hidden = [path.name for path in world.settings.path.parent.glob(".*")] if world.server is None else []
    return hidden + [name for name in world.tables() if name.startswith("oneedge_")]


@pytest.mark.parametrize("version", ["5.6", "5.12", "6.0"])
def test_a_backup_of_every_release_comes_up(world: World, other: World, version: str) -> None:
    world.fill(version)
    file = backup(world.settings, world.root / "old.sql").path
    was = world.contents()
    before = other.contents()
    with pytest.raises(OnedbError, match="exists, use -f to overwrite"):
        upgrade_from_backup(other.settings, file, Options())
    assert other.contents() == before
    arrived = upgrade_from_backup(other.settings, file, FORCE)
    assert (arrived.outcome.before, arrived.outcome.after) == (HALVES[version], NEWEST)
    assert world.contents() == was
    upgrade(world.settings, Options())
    assert (other.versions(), other.contents()) == (NEWEST, world.contents())
    assert _leftovers(other) == []


def test_the_command_tells_what_it_would_do_backs_up_and_does_it(world: World, other: World) -> None:
    world.fill()
    file = backup(world.settings, world.root / "old.sql").path
    before = other.contents()
    words = ("upgrade", "--from-backup", str(file))
    dry = other.run(*words, "--dry-run", "--json")
    said = json.loads(dry.stdout.splitlines()[-1])
    assert (dry.returncode, said["result"], said["after"]) == (0, "dry-run", list(NEWEST)), dry.stderr
    assert other.contents() == before
    kept = other.root / "kept.sql"
    assert other.run(*words, "-b", str(kept)).returncode == 255
    assert other.run(*words, "-f", "-b", str(file)).returncode == 255
    done = other.run(*words, "-f", "-b", str(kept))
    assert (done.returncode, done.stderr) == (0, done.stderr)
    assert "shared 5.12.0 to 6.0.0" in done.stdout
    assert other.run("version").returncode == 0
    assert other.run("restore", "-f", str(kept)).returncode == 0
    assert other.contents() == before
    assert other.run(*words, "--rollback").returncode == 255


def test_an_empty_database_takes_one_too(world: World, tmp_path: Path) -> None:
    world.fill()
    file = backup(world.settings, world.root / "old.sql").path
    empty = mysql_world(tmp_path, world.server) if world.server else sqlite_world(tmp_path / "empty")
    empty.root.mkdir(exist_ok=True)
    upgrade_from_backup(empty.settings, file, Options())
    assert empty.versions() == NEWEST


def test_a_row_that_cannot_be_migrated_changes_nothing(world: World, other: World) -> None:
    world.fill()
    world.sql("UPDATE image_pool SET body = '<IMAGE><NAME>' WHERE oid = 3")
    file = backup(world.settings, world.root / "old.sql").path
    before = other.contents(), other.tables()
    with pytest.raises(MigrationError, match="image_pool"):
        upgrade_from_backup(other.settings, file, FORCE)
    assert (other.contents(), other.tables(), _leftovers(other)) == (*before, [])
    world.sql("UPDATE db_versioning SET version = '5.4.0'")
    file = backup(world.settings, world.root / "older.sql").path
    with pytest.raises(OnedbError, match=r"no way from version 5\.4\.0"):
        upgrade_from_backup(other.settings, file, FORCE)
    assert (other.contents(), other.tables(), _leftovers(other)) == (*before, [])


def test_killed_at_steps_it_is_old_or_new(world: World, other: World) -> None:
    world.fill(vms=10)
    file = backup(world.settings, world.root / "old.sql").path
    kept = backup(other.settings, other.root / "kept.sql").path
    old = other.contents()
    phases: dict[str, None] = {}

    def work(listener: Listener) -> None:
        upgrade_from_backup(other.settings, file, FORCE, listener)

    work(lambda event: phases.setdefault(event.phase))
    new = other.contents()
    restore(other.settings, kept, overwrite=True)
    assert {"restore", "verify", "copy", "swap", "done"} <= set(phases)
    for phase in phases:
        assert other.contents() == old
        killed_at(lambda event, phase=phase: event.phase == phase, work)  # type: ignore[misc]  # a default binds it
    assert other.contents() == new  # the last one is done
    work(silent)
    assert (other.contents(), _leftovers(other)) == (new, [])


def test_a_server_that_is_killed_keeps_the_old_database(tmp_path: Path, mariadb: MariaDb) -> None:
    first, other = mysql_world(tmp_path, mariadb), mysql_world(tmp_path, mariadb)
    first.fill(vms=10)
    other.fill("5.10", vms=5)
    file = backup(first.settings, tmp_path / "old.sql").path
    old = other.contents()
    for phase in ("restore", "copy"):

        def stop(event: Event, phase: str = phase) -> None:
            if event.phase == phase and mariadb.process is not None:
                mariadb.stop(kill=True)

        with pytest.raises(OnedbError):
            upgrade_from_backup(other.settings, file, FORCE, stop)
        mariadb.start()
        assert other.contents() == old
    upgrade_from_backup(other.settings, file, FORCE)
    assert (other.versions(), _leftovers(other)) == (NEWEST, [])


def test_names_in_quotes_are_not_those_of_tables(tmp_path: Path, mariadb: MariaDb) -> None:
    world = mysql_world(tmp_path, mariadb)
    world.sql("CREATE TABLE oneedge_restore_pool_control (tablename VARCHAR(32), last_oid INT)")
    with StagedLink(StagedSettings.of(world.settings)) as link:
        link.insert("pool_control", ("tablename", "last_oid"), [("vm_pool", 5), ("it's acl", 6)])
        found = link.fetch("SELECT last_oid FROM `pool_control` WHERE tablename = 'vm_pool'")
        assert (found, link.tables()) == ([(5,)], ["pool_control"])
        assert link.columns("pool_control") == ["tablename", "last_oid"]
        assert [tuple(row) for row in link.stream("SELECT * FROM pool_control WHERE last_oid > 5")] == [
            ("it's acl", 6)
        ]
