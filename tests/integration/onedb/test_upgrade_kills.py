"""Killed at any instant, a database is entirely old or entirely new, and the next run finishes the work."""

import json
import random
import signal
import sys
import time

import pytest

from onedb.link import open_link
from onedb.upgrade.guard import only_one
from onedb.upgrade.run import Options, confirm, rollback, upgrade
from tests.integration.onedb.world import World
from tests.support.old_database import HALVES

OLD, NEW = HALVES["5.12"], ("6.0.0", "6.0.0")


class Judge:
    """Knows the old and the new contents of one world, and brings it back to old."""

    def __init__(self, world: World) -> None:
        self.world = world
        world.fill(vms=10)
        self.old = world.contents()
        upgrade(world.settings, Options())
        self.new = world.contents()
        rollback(world.settings)

    def judge(self) -> str:
        """``old`` or ``new``; anything else fails.

        MariaDB ends the statement of a client that was killed: until then the lock is not free, and whatever is read
        may be of before or of after it.
        """
        assert self.world.versions() in (OLD, NEW)
        with open_link(self.world.settings) as link, only_one(link, self.world.settings):
            versions = self.world.versions()
            assert self.world.contents() == (self.old if versions == OLD else self.new)
        return "old" if versions == OLD else "new"

    def finish(self) -> None:
        """The next run does the rest; then back to the beginning."""
        upgrade(self.world.settings, Options())
        assert self.judge() == "new"
        assert not [name for name in self.world.tables() if name.startswith("oneedge_new_")]
        rollback(self.world.settings)
        assert self.judge() == "old"


def _killed_at(world: World, number: int) -> str:
    """Run an upgrade that kills itself at that event; returns the event, empty when it had fewer."""
    process = world.start(sys.executable, "-m", "tests.integration.onedb.killed", str(number), *world.options)
    out, err = process.communicate(timeout=60)
    assert process.returncode == (-signal.SIGKILL if out else 0), err
    return out.strip()


def _steps(world: World, stride: int) -> None:
    judge = Judge(world)
    seen: dict[str, str] = {}
    number = 0
    while event := _killed_at(world, number):
        seen[event] = judge.judge()
        near_the_end = event.startswith(("verify local_db_versioning", "swap", "done"))
        number += 1 if near_the_end else stride
        judge.finish()
    assert judge.judge() == "new"
    assert len(seen) > 2
    if stride == 1:
        assert {event: state for event, state in seen.items() if state == "new"} == {"done": "new"}


def test_killed_at_steps(world: World) -> None:
    _steps(world, 7)


@pytest.mark.full
def test_killed_at_every_step(world: World) -> None:
    _steps(world, 1)


def _random(world: World, times: int) -> None:
    judge = Judge(world)
    begin = time.monotonic()
    assert world.run("upgrade", "--no-backup").returncode == 0
    longest = (time.monotonic() - begin) * 1.1
    rollback(world.settings)
    chance = random.Random(5)
    for _ in range(times):
        process = world.start(*world.command("upgrade", "--no-backup"))
        time.sleep(chance.uniform(0, longest))
        process.kill()
        process.communicate()
        if judge.judge() == "new":
            rollback(world.settings)
    judge.finish()


def test_killed_at_random_instants(world: World) -> None:
    _random(world, 3)


@pytest.mark.full
def test_killed_at_200_random_instants(world: World) -> None:
    _random(world, 200)


def test_an_upgrade_survives_that_its_database_is_killed(world: World) -> None:
    judge = Judge(world)
    for place in ("plan", "copy", "swap"):
        process = world.start(*world.command("upgrade", "--no-backup", "--json"))
        assert process.stdout is not None
        for line in process.stdout:
            if json.loads(line).get("phase") == place:
                break
        if world.server is None:
            process.kill()
        else:
            world.server.stop(kill=True)
        _, err = process.communicate(timeout=60)
        if world.server is not None:
            world.server.start()
            assert process.returncode in (0, 255)
            assert "Traceback" not in err
        if judge.judge() == "new":
            rollback(world.settings)
        judge.finish()


def test_a_confirmation_that_was_killed_is_finished(world: World) -> None:
    judge = Judge(world)
    upgrade(world.settings, Options())
    world.sql("DROP TABLE oneedge_old_journal")
    assert judge.judge() == "new"
    upgrade(world.settings, Options())
    assert not [name for name in world.tables() if name.startswith("oneedge_")]
    assert confirm(world.settings) == []
