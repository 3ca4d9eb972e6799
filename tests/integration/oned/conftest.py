"""Servers for the tests of oned: MariaDB once, a fresh database and a fresh process where one is asked for."""

import itertools
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.integration.oned.clients import Client, client
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


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """A server on SQLite without any configuration of its own, shared by the tests of a module."""
    daemon = Daemon(tmp_path_factory.mktemp("usual"))
    daemon.start()
    yield daemon
    end(daemon)


def served(root_name: str, configuration: str = "", settle: Callable[[Daemon], None] | None = None) -> object:
    """A fixture: a server with that configuration, shared by the tests of a module, which use names of their own.

    It runs on each database; ``settle`` waits until it has what the tests count on.
    """

    @pytest.fixture(scope="module", params=PAIRED)
    def oned(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
        daemon = new_daemon(tmp_path_factory.mktemp(root_name), request.param, request, configuration)
        daemon.start()
        if settle is not None:
            settle(daemon)
        yield daemon
        end(daemon)

    return oned


oned = served("oned")


@pytest.fixture
def one(oned: Daemon) -> Iterator[Client]:
    """A client of oneadmin."""
    yield from client(oned)
