"""Who looks at a database while its tables are exchanged sees all of the old ones or all of the new ones."""

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from onedb.backup.reader import verify
from onedb.backup.writer import backup
from onedb.errors import OnedbError
from onedb.link import open_link
from onedb.upgrade.run import Options, rollback, upgrade
from onedb.version import read_versions
from tests.integration.oned.mariadb import MariaDb
from tests.integration.onedb.world import World, mysql_world
from tests.support.old_database import HALVES

OLD, NEW = HALVES["5.12"], ("6.0.0", "6.0.0")
PASSING = ("history", "image_pool", "db_versioning", "local_db_versioning")
ENOUGH = 30
"""Looks; without waiting for the end of an exchange, several are wrong."""


@pytest.fixture
def exchanged(tmp_path: Path, mariadb: MariaDb) -> World:
    """A database that was upgraded, with the old tables beside the new ones."""
    world = mysql_world(tmp_path, mariadb)
    world.fill(vms=4)
    upgrade(world.settings, Options())
    return world


def _there() -> str:
    pairs = [pair for name in PASSING for pair in ((name, f"oneedge_new_{name}"), (f"oneedge_old_{name}", name))]
    return _rename([*pairs, ("oneedge_old_journal", "oneedge_new_journal")])


def _back() -> str:
    pairs = [pair for name in PASSING for pair in ((name, f"oneedge_old_{name}"), (f"oneedge_new_{name}", name))]
    return _rename([*pairs, ("oneedge_new_journal", "oneedge_old_journal")])


def _rename(pairs: list[tuple[str, str]]) -> str:
    return "RENAME TABLE " + ", ".join(f"{source} TO {target}" for source, target in pairs)


@contextmanager
def exchanging(world: World) -> Iterator[Callable[[], int]]:
    """The statements of a rollback and of an upgrade, over and over; gives how many there were."""
    ended, done = threading.Event(), 0
    failed: list[Exception] = []
    pause = random.Random(3)

    def work() -> None:
        nonlocal done
        try:
            with open_link(world.settings) as link:
                while not ended.is_set():
                    link.fetch(_there() if done % 2 == 0 else _back())
                    done += 1
                    ended.wait(pause.uniform(0, 0.02))
        except OnedbError as error:
            failed.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield lambda: done
    finally:
        ended.set()
        thread.join()
    assert failed == []


def test_the_versions_are_the_old_or_the_new_ones(exchanged: World) -> None:
    seen: dict[object, int] = {}
    with exchanging(exchanged) as exchanges, open_link(exchanged.settings) as link:
        for _ in range(ENOUGH):
            found = read_versions(link)
            assert found is not None
            key = found.shared.version, found.local.version
            seen[key] = seen.get(key, 0) + 1
        assert exchanges() > 2
    assert set(seen) == {OLD, NEW}


def test_no_table_is_missing(exchanged: World) -> None:
    tables = set(exchanged.tables())
    away = {name.replace("oneedge_old_", "oneedge_new_") for name in tables}
    with exchanging(exchanged) as exchanges, open_link(exchanged.settings) as link:
        for _ in range(ENOUGH):
            assert set(link.tables()) in (tables, away)
        assert exchanges() > 2


def test_a_backup_is_of_one_of_them(exchanged: World, tmp_path: Path) -> None:
    made = []
    with exchanging(exchanged) as exchanges:
        for number in range(12):
            before = exchanges()
            made.append(verify(backup(exchanged.settings, tmp_path / f"{number}.sql").path).contents)
            deadline = time.monotonic() + 60
            while exchanges() == before:
                assert time.monotonic() < deadline, "a backup that has ended holds nothing"
                time.sleep(0.005)
    whole = set(made[0].tables)
    assert set(PASSING) < whole
    for contents in made:
        assert set(contents.tables) == whole
        assert (contents.versions["db_versioning"], contents.versions["local_db_versioning"]) in (OLD, NEW)


def test_the_lock_of_a_run_that_is_ending_is_waited_for(exchanged: World) -> None:
    rollback(exchanged.settings)
    with open_link(exchanged.settings) as link:
        link.fetch("SELECT GET_LOCK(CONCAT('onedb.', LEFT(SHA2(DATABASE(), 256), 24)), 0)")
        timer = threading.Timer(1, link.close)
        timer.start()
        upgrade(exchanged.settings, Options(force=True))
        timer.join()
    assert exchanged.versions() == NEW


def test_who_has_waited_looks_again(exchanged: World) -> None:
    """What another run has upgraded meanwhile is not upgraded once more."""
    rollback(exchanged.settings)
    begun = threading.Event()
    outcomes: list[bool] = []

    def other() -> None:
        begun.wait(60)
        outcomes.append(upgrade(exchanged.settings, Options(force=True)).changed)

    thread = threading.Thread(target=other)
    thread.start()

    def listener(event: object) -> None:
        if not begun.is_set():
            begun.set()
            time.sleep(0.5)  # the other one reads the old versions and waits

    outcomes.append(upgrade(exchanged.settings, Options(force=True), listener).changed)
    thread.join()
    assert sorted(outcomes) == [False, True]
    assert exchanged.versions() == NEW
