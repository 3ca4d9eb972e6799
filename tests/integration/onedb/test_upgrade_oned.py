"""An oned at work blocks an upgrade; the lock of one that was killed does not."""

import signal

import pytest

from onedb.errors import OnedbError
from onedb.upgrade.run import Options, rollback, upgrade
from tests.integration.oned.daemon import Daemon
from tests.integration.onedb.world import PASSWORD, World

OLD = ("UPDATE db_versioning SET version = '5.12.0'", "UPDATE local_db_versioning SET version = '5.12.0'")


def _daemon(world: World) -> Daemon:
    if world.server is None:
        world.settings.path.parent.mkdir(parents=True, exist_ok=True)
        daemon = Daemon(world.root)
    else:
        conf = (
            f'BACKEND = "mysql", SERVER = "127.0.0.1", PORT = {world.settings.port}, USER = "oneadmin", '
            f'PASSWD = "{PASSWORD}", DB_NAME = "{world.settings.name}"'
        )
        daemon = Daemon(world.root, conf)
    daemon.start()
    return daemon


def _upgrade_from_conf(world: World, *, elsewhere: bool) -> tuple[int, str]:
    """With oned.conf of the server's tree, or with options from a tree where no server is known."""
    if elsewhere:
        database = str(world.root / "var/lib/one/one.db")
        options = ["-s", database] if world.server is None else world.options
        other = World(world.settings, world.root / "elsewhere", world.server)
        process = other.start(*world.command()[:3], "upgrade", "--no-backup", *options)
    else:
        process = world.start(*world.command()[:3], "upgrade", "--no-backup")
    _, err = process.communicate(timeout=60)
    return process.returncode, err


def test_a_running_oned_blocks_and_a_killed_one_does_not(world: World) -> None:
    daemon = _daemon(world)
    if world.server is None:
        world = World(
            type(world.settings)("sqlite", "", 0, "", "", "", world.root / "var/lib/one/one.db", 2), world.root
        )
    try:
        for statement in OLD:
            world.sql(statement)
        for elsewhere in (False, True):
            code, err = _upgrade_from_conf(world, elsewhere=elsewhere)
            assert code == 255
            assert "First stop OpenNebula" in err
            assert world.versions() == ("5.12.0", "5.12.0")
    finally:
        daemon.stop(signal.SIGKILL)
    code, err = _upgrade_from_conf(world, elsewhere=False)
    assert code == 0, err
    assert world.versions() == ("6.0.0", "6.0.0")
    daemon.start()
    daemon.stop()
    with pytest.raises(OnedbError, match="has worked on the database"):
        rollback(world.settings)


def test_nobody_goes_back_behind_an_oned_that_has_worked(world: World) -> None:
    world.fill()
    upgrade(world.settings, Options())
    world.sql("CREATE TABLE oneedge_task (id INTEGER)")  # of an oned before the upgrade
    rollback(world.settings)
    upgrade(world.settings, Options())
    world.sql("INSERT INTO oneedge_old_journal VALUES ('.oned', 'used')")  # as oned does when it starts
    with pytest.raises(OnedbError, match="has worked on the database"):
        rollback(world.settings)
    rollback(world.settings, force=True)
    assert world.versions() == ("5.12.0", "5.12.0")
