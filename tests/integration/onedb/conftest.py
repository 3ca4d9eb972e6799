"""Old databases on SQLite and MariaDB, and the tool as a process; for fsck, databases that a server has filled."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from onelib.locations import Locations
from tests.integration.oned.conftest import BACKENDS
from tests.integration.oned.mariadb import MariaDb, free_port
from tests.integration.onedb import fsck_world
from tests.integration.onedb.world import World, mysql_world, sqlite_world


@pytest.fixture(scope="session")
def mariadb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MariaDb]:
    server = MariaDb(tmp_path_factory.mktemp("onedb"), free_port())
    server.install()
    server.start()
    yield server
    server.stop()


@pytest.fixture(params=["sqlite", "mysql"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> World:
    """An empty database, once for each backend."""
    if request.param == "sqlite":
        return sqlite_world(tmp_path)
    return mysql_world(tmp_path, request.getfixturevalue("mariadb"))


@pytest.fixture(scope="session", params=BACKENDS)
def filled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[fsck_world.World]:
    """A database that a server has filled and left, in which fsck finds nothing."""
    root = tmp_path_factory.mktemp("fsck")
    with fsck_world.world(request.param, request, root, fsck_world.STATES) as found:
        Locations(found.daemon.root).log.mkdir(parents=True, exist_ok=True)
        assert found.fsck() == [], "a database that only the server has written is clean"
        yield found


@pytest.fixture
def made(filled: fsck_world.World) -> Iterator[fsck_world.World]:
    """The same, put back afterwards."""
    kept = filled.keep()
    yield filled
    filled.restore(kept)
