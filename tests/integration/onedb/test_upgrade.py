"""What an upgrade does, and what it refuses."""

import json
import sys
from pathlib import Path

import pytest

from onedb.errors import BusyError, OnedbError
from onedb.link import open_link
from onedb.upgrade import guard
from onedb.upgrade.run import Options, confirm, rollback, upgrade
from tests.integration.onedb.world import World
from tests.support.old_database import HALVES

NEWEST = ("6.0.0", "6.0.0")


def _passing(world: World) -> list[str]:
    return [name for name in world.tables() if name.startswith("oneedge_")]


@pytest.mark.parametrize("version", ["5.6", "5.8", "5.10", "5.12"])
def test_every_release_comes_up_goes_back_and_comes_up_again(world: World, version: str) -> None:
    world.fill(version)
    before, tables = world.contents(), world.tables()
    outcome = upgrade(world.settings, Options())
    assert (outcome.before, outcome.after, world.versions()) == (HALVES[version], NEWEST, NEWEST)
    after = world.contents()
    assert after != before
    assert set(rollback(world.settings)) == set(outcome.tables)
    assert (world.versions(), world.contents(), world.tables()) == (HALVES[version], before, tables)
    upgrade(world.settings, Options())
    assert confirm(world.settings)
    assert (world.versions(), world.contents(), _passing(world)) == (NEWEST, after, [])
    with pytest.raises(OnedbError, match="no upgrade to take back"):
        rollback(world.settings)


def test_the_command_backs_up_upgrades_and_says_so(world: World) -> None:
    world.fill()
    file = world.root / "before.sql"
    done = world.run("upgrade", "--backup", str(file), "-v")
    assert done.returncode == 0, done.stderr
    assert "shared 5.12.0 to 6.0.0, local 5.12.0 to 6.0.0" in done.stdout
    assert "> swap" in done.stderr
    assert file.stat().st_size > 1000
    assert world.run("version").returncode == 0
    again = world.run("upgrade", "--backup", str(world.root / "other.sql"))
    assert (again.returncode, again.stdout) == (0, "Database schema is up to date.\n")
    assert not (world.root / "other.sql").exists()
    assert world.run("upgrade", "--rollback").returncode == 0
    assert world.run("version").returncode == 2
    taken = world.run("upgrade", "--backup", str(file))
    assert (taken.returncode, world.versions()) == (255, HALVES["5.12"])
    assert f"File {file} exists, backup aborted. Use -f to overwrite." in taken.stderr


def test_half_an_upgrade_of_the_old_command_is_finished(world: World) -> None:
    world.fill()
    world.sql("UPDATE db_versioning SET version = '6.0.0'")
    outcome = upgrade(world.settings, Options())
    assert (outcome.before, world.versions()) == (("6.0.0", "5.12.0"), NEWEST)
    assert "db_versioning" not in outcome.tables


def test_dry_run_changes_nothing(world: World) -> None:
    world.fill()
    before, tables = world.contents(), world.tables()
    done = world.run("upgrade", "--dry-run", "--json")
    assert done.returncode == 0, done.stderr
    last = json.loads(done.stdout.splitlines()[-1])
    assert (last["result"], last["after"]) == ("dry-run", list(NEWEST))
    assert "image_pool" in last["tables"]
    assert (world.contents(), world.tables(), world.versions()) == (before, tables, HALVES["5.12"])


@pytest.mark.parametrize("backup", [True, False])
def test_a_failing_migration_leaves_the_old_database(world: World, backup: bool) -> None:
    world.fill()
    world.sql("UPDATE image_pool SET body = '<IMAGE><NAME>' WHERE oid = 3")
    before, tables = world.contents(), world.tables()
    file = world.root / "b.sql"
    done = world.run("upgrade", *(["--backup", str(file)] if backup else ["--no-backup"]))
    assert done.returncode == 255
    assert "image_pool" in done.stderr
    assert "oid=3" in done.stderr
    assert (world.contents(), world.tables(), world.versions()) == (before, tables, HALVES["5.12"])
    assert file.exists() == backup


@pytest.mark.parametrize(
    ("shared", "local", "code"),
    [
        ("6.2.0", "6.0.0", 255),
        ("6.0.0", "6.4.0", 255),
        ("5.4.0", "5.4.0", 255),
        ("5.13.0", "5.12.0", 255),
        ("x", "5.12.0", 254),
    ],
)
def test_what_is_newer_or_unknown_is_refused_untouched(world: World, shared: str, local: str, code: int) -> None:
    world.fill(vms=2)
    world.sql(f"UPDATE db_versioning SET version = '{shared}'")
    world.sql(f"UPDATE local_db_versioning SET version = '{local}'")
    before, tables = world.contents(), world.tables()
    data = world.settings.path.read_bytes() if world.server is None else b""
    assert world.run("upgrade", "--no-backup").returncode == code
    assert (world.contents(), world.tables()) == (before, tables)
    assert world.server is not None or world.settings.path.read_bytes() == data


def test_an_empty_database_is_254(world: World) -> None:
    world.settings.path.touch()
    assert world.run("upgrade", "--no-backup").returncode == 254


def test_only_one_at_a_time_and_a_lock_ends_with_its_process(world: World) -> None:
    world.fill()
    with open_link(world.settings) as link, guard.only_one(link, world.settings):
        done = world.run("upgrade", "--no-backup")
        assert done.returncode == 255
        assert "Another onedb is at work" in done.stderr
    holder = world.start(sys.executable, "-c", _HOLD, *world.options)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    with open_link(world.settings) as link, pytest.raises(BusyError), guard.only_one(link, world.settings):
        pass
    holder.kill()
    holder.communicate()
    assert world.run("upgrade", "--no-backup").returncode == 0


_HOLD = """
import argparse, sys, time
from onedb.connection import add_options, database_settings
from onedb.link import open_link
from onedb.upgrade import guard
parser = argparse.ArgumentParser()
add_options(parser)
settings = database_settings(parser.parse_args(sys.argv[1:]))
with open_link(settings) as link, guard.only_one(link, settings):
    print("held", flush=True)
    time.sleep(60)
"""


def test_two_at_once_are_one(world: World) -> None:
    world.fill()
    both = [world.start(*world.command("upgrade", "--no-backup")) for _ in range(2)]
    ends = [(*process.communicate(timeout=60), process.returncode) for process in both]
    upgraded = [out for out, _, _ in ends if "Upgraded shared" in out]
    assert len(upgraded) == 1, ends
    assert world.versions() == NEWEST


def test_no_room_is_noticed_before_the_start(tmp_path: Path) -> None:
    guard.check_room(tmp_path, 1, "the new tables")
    with pytest.raises(OnedbError, match="no room for the new tables"):
        guard.check_room(tmp_path, 2**60, "the new tables")
