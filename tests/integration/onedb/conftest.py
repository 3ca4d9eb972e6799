"""Old databases on SQLite and MariaDB, and the tool as a process."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.oned.mariadb import MariaDb, free_port
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
