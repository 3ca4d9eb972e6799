"""Servers for the tests of oned: MariaDB once, a fresh database and a fresh process where one is asked for."""

import itertools
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.oned.daemon import Daemon
from tests.integration.oned.mariadb import MariaDb, free_port
from tests.integration.oned.pair import Pair

_numbers = itertools.count()
BACKENDS = ["sqlite", "mysql"]
PAIRED = [*BACKENDS, pytest.param("pair", marks=pytest.mark.full)]
"""With two servers on one MariaDB, each call to either of them: :class:`tests.integration.oned.pair.Pair`."""


@pytest.fixture(scope="session")
def mariadb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MariaDb]:
    server = MariaDb(tmp_path_factory.mktemp("db"), free_port())
    server.install()
    server.start()
    yield server
    server.stop()


def new_daemon(root: Path, backend: str, request: pytest.FixtureRequest, extra: str = "") -> Daemon:
    """A daemon that is not started, on a database that is empty."""
    if backend == "sqlite":
        return Daemon(root, extra=extra)
    server: MariaDb = request.getfixturevalue("mariadb")
    name = f"one{next(_numbers)}"
    server.create(name)
    db = (
        f'BACKEND = "mysql", SERVER = "127.0.0.1", PORT = {server.port}, USER = "oneadmin", '
        f'PASSWD = "db-secret-word", DB_NAME = "{name}"'
    )
    return Pair(root, db, extra) if backend == "pair" else Daemon(root, db, extra)


def end(daemon: Daemon) -> None:
    if daemon.process is not None:
        daemon.stop(signal.SIGKILL)


@pytest.fixture(params=["sqlite", "mysql"])
def fresh(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Daemon]:
    """Not started, on an empty database, once for each backend."""
    daemon = new_daemon(tmp_path, request.param, request)
    yield daemon
    end(daemon)


@pytest.fixture(scope="module", params=PAIRED)
def oned(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """Running, shared by the tests of a module: they use names of their own."""
    daemon = new_daemon(tmp_path_factory.mktemp("oned"), request.param, request)
    daemon.start()
    yield daemon
    end(daemon)
