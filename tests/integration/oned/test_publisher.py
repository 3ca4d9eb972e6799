"""Which server publishes, and what becomes of events when one is killed, cannot publish, or need not."""

import os
import shutil
import signal
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from oned.config import read_settings
from oned.database.db import Database
from oned.database.schema import event
from onelib.locations import Locations
from tests.integration.oned.conftest import end, new_daemon
from tests.integration.oned.daemon import Daemon
from tests.integration.oned.listener import Listener, Ports, parsed, report, requester
from tests.integration.oned.machines import until
from tests.integration.oned.mariadb import MariaDb, free_port


@pytest.fixture
def lite(tmp_path: Path) -> Iterator[Daemon]:
    """Not started, on SQLite, for what does not depend on the database."""
    daemon = Daemon(tmp_path)
    yield daemon
    end(daemon)


@pytest.fixture
def ports(fresh: Daemon) -> Ports:
    ports = Ports()
    fresh.extra = ports.conf
    fresh.write_conf()
    return ports


def waiting(daemon: Daemon) -> int:
    """How many events are in the database."""
    database = Database(read_settings(daemon.conf, Locations(daemon.root)).database)
    try:
        return int(
            database.read(lambda transaction: transaction.rows(select(func.count()).select_from(event)))[0][0]
        )
    finally:
        database.close()


def made(found: list[tuple[str, str]]) -> list[str]:
    """The documents that were allocated, as they were told."""
    return [
        parsed(body).findtext("CALL_INFO/EXTRA/DOCUMENT/ID", "")
        for key, body in found
        if key == "EVENT API one.document.allocate 1"
    ]


def allocate(daemon: Daemon) -> str:
    return str(daemon.ok("one.document.allocate", "X=1", 7))


def test_what_was_committed_before_a_kill_is_told_afterwards(fresh: Daemon, ports: Ports) -> None:
    fresh.start()
    oids = [allocate(fresh) for _ in range(5)]  # nobody listens yet: the server still waits for subscribers
    fresh.stop(signal.SIGKILL)
    assert waiting(fresh) >= 5
    begin = time.monotonic()
    with Listener(ports.publisher) as listener:
        fresh.start()
        assert made([listener.next() for _ in range(5)]) == oids
        assert made(listener.before_mark(fresh)) == []
    assert time.monotonic() - begin < 6, "its own right is not waited for"
    until(lambda: waiting(fresh) == 0, "what was told is deleted")


def test_no_event_is_lost_with_servers_that_are_killed(fresh: Daemon, ports: Ports) -> None:
    known: list[str] = []
    stopping = threading.Event()

    def work() -> None:
        while not stopping.is_set():
            try:
                known.append(allocate(fresh))
            except (OSError, AssertionError):  # killed in the middle of it
                time.sleep(0.02)

    fresh.start()
    with Listener(ports.publisher, "EVENT API one.document") as listener:
        listener.joined(fresh)
        clients = [threading.Thread(target=work) for _ in range(3)]
        for client in clients:
            client.start()
        for pause in (0.31, 0.47, 0.38):
            time.sleep(pause)
            fresh.stop(signal.SIGKILL)
            fresh.start()
        stopping.set()
        for client in clients:
            client.join()
        told = made(listener.before_mark(fresh))
    assert len(known) > 50
    assert set(known) - set(told) == set()


def test_a_server_that_stops_tells_what_it_did(fresh: Daemon, ports: Ports) -> None:
    fresh.start()
    with Listener(ports.publisher) as listener:
        listener.joined(fresh)
        oids = [allocate(fresh) for _ in range(20)]
        code, _ = fresh.stop()
        assert code == 0
        assert made([listener.next() for _ in range(20)]) == oids
    assert waiting(fresh) == 0


def test_without_a_port_events_wait(lite: Daemon) -> None:
    ports = Ports()
    lite.extra = ports.conf
    lite.write_conf()
    with socket.socket() as other:
        other.bind(("127.0.0.1", ports.publisher))
        other.listen()
        lite.start()
        oid = allocate(lite)
        until(lambda: f"ports {ports.publisher} and" in lite.output.read_text(), "it says so")
        time.sleep(1.2)
        assert lite.output.read_text().count("cannot be had") == 1, "once"
        assert waiting(lite) == 1
    with Listener(ports.publisher) as listener:
        assert made([listener.next()]) == [oid]


def test_nothing_is_kept_when_nobody_is_to_be_told(lite: Daemon) -> None:
    lite.start()
    lite.ok("one.host.allocate", "h", "dummy", "dummy", -1)
    until(lambda: waiting(lite) == 0, "events are deleted")


def test_a_wrong_option_is_named_at_the_start(lite: Daemon) -> None:
    lite.extra = 'HM_MAD = [ ARGUMENTS = "-p none" ]'
    lite.write_conf()
    result = lite.run("-f")
    assert result.returncode == 78
    assert "HM_MAD/ARGUMENTS -p" in result.stderr


@pytest.fixture
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Daemon, Daemon, Ports]]:
    """Two servers on one MariaDB."""
    ports = Ports()
    one = new_daemon(tmp_path / "one", "mysql", request, ports.conf)
    one.start()
    other = Daemon(tmp_path / "other", one.db, ports.conf)
    for path in one.auth.glob("*_auth"):
        (other.auth / path.name).write_text(path.read_text())
    other.start()
    yield one, other, ports
    end(one)
    end(other)


def test_one_of_two_servers_publishes_and_is_replaced(pair: tuple[Daemon, Daemon, Ports]) -> None:
    one, other, ports = pair
    with Listener(ports.publisher, "EVENT API one.document") as listener:
        listener.joined(one)
        oids = [allocate(daemon) for daemon in (one, other, one, other)]
        assert sorted(made(listener.before_mark(other)), key=int) == oids
        assert "Publishing" not in other.output.read_text()
        until(lambda: waiting(one) == 0, "what was told is deleted")
        one.stop(signal.SIGKILL)
        begin = time.monotonic()
        oids = [allocate(other) for _ in range(3)]
        assert made([listener.next() for _ in range(3)]) == oids
        assert time.monotonic() - begin < 10
        one.start()
        oids = [allocate(daemon) for daemon in (one, other)]
        assert sorted(made(listener.before_mark(one)), key=int) == oids
        other.stop()
        begin = time.monotonic()
        oid = allocate(one)
        assert made([listener.next()]) == [oid]
        assert time.monotonic() - begin < 4, "a server that stops gives its right back"


def test_a_lost_database_is_waited_for(tmp_path: Path) -> None:
    folder = Path(tempfile.mkdtemp())  # a short path: it holds the server's socket
    server = MariaDb(folder, free_port())
    server.install()
    server.start()
    server.create("lost")
    db = f'BACKEND = "mysql", SERVER = "127.0.0.1", PORT = {server.port}, PASSWD = "db-secret-word", DB_NAME = "lost"'
    ports = Ports()
    daemon = Daemon(tmp_path, db, ports.conf)
    try:
        daemon.start()
        hook = int(daemon.ok("one.hook.allocate", "NAME=h\nTYPE=api\nCALL=one.vm.allocate\nCOMMAND=x"))
        with Listener(ports.publisher, "EVENT API one.document") as listener, requester(ports.logger) as manager:
            listener.joined(daemon)
            first = allocate(daemon)
            assert made([listener.next()]) == [first]  # and is still in the table
            server.stop(kill=True)
            before = cpu_seconds(daemon)
            time.sleep(2)
            assert cpu_seconds(daemon) - before < 0.5, "it waits, and does not try all the time"
            manager.send(report(hook))
            assert manager.recv().startswith(b"AGAIN ")
            server.start()
            second = allocate(daemon)
            assert set(made(listener.before_mark(daemon))) - {first} == {second}
            manager.send(report(hook))
            assert manager.recv() == b"ACK"
        until(lambda: waiting(daemon) == 0, "what was told is deleted")
        assert "db-secret-word" not in daemon.output.read_text()
    finally:
        end(daemon)
        server.stop(kill=True)
        shutil.rmtree(folder)


def cpu_seconds(daemon: Daemon) -> float:
    """User and system time of a server so far."""
    assert daemon.process is not None
    fields = Path(f"/proc/{daemon.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
