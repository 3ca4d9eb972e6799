"""Tasks in real servers, two on one database, that are killed at any instant: each result is applied exactly once."""

import itertools
import json
import random
import shutil
import signal
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pymysql
import pytest

from tests.integration.drivers.conftest import ODD, alive
from tests.integration.oned.conftest import BACKENDS, end, mariadb, new_daemon
from tests.integration.oned.daemon import Daemon
from tests.integration.oned.mariadb import MariaDb, free_port

__all__ = ["mariadb"]
WORKER = Path(__file__).with_name("worker.py")
COLUMNS = ("kind", "object", "oid", "payload", "due", "attempt", "owner", "lease", "lane", "place")
Row = tuple[object, ...]


class Worker(Daemon):
    """A real oned that knows one more kind of task."""

    poll = ""
    """How often it looks for tasks by itself, in seconds; else as oned does."""

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, str(WORKER), *arguments]

    def environment(self) -> dict[str, str]:
        return super().environment() | ({"TEST_POLL_SECONDS": self.poll} if self.poll else {})


@dataclass
class Site:
    """A database, the servers on it, and our own view of its tables."""

    query: Callable[[str, tuple[object, ...]], list[Row]]
    workers: list[Worker]
    put: int = 0
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def add(self, message: str = "<A/>", *, driver: str = "vmm:dummy", host: str = "", count: int = 1) -> None:
        """Write tasks as another server would: these workers have to find them."""
        payload = {"driver": driver, "action": "DEPLOY", "message": message, "host": host}
        for _ in range(count):
            place = f"{driver} {host}" if host else ""
            row = ("test", "VM", next(self.numbers), json.dumps(payload), time.time(), 0, "", 0, driver, place)
            self.query(f"INSERT INTO oneedge_task ({', '.join(COLUMNS)}) VALUES ({', '.join(['?'] * 10)})", row)
            self.put += 1

    @property
    def results(self) -> dict[str, str]:
        rows = self.query("SELECT name, body FROM system_attributes WHERE name LIKE 'task-%'", ())
        return {str(name): str(body) for name, body in rows}

    @property
    def left(self) -> list[Row]:
        return self.query("SELECT id, attempt, owner, lease FROM oneedge_task WHERE kind = 'test'", ())

    def settle(self, seconds: float = 60) -> None:
        """Wait until no task is left."""
        deadline = time.monotonic() + seconds
        while self.left:
            assert time.monotonic() < deadline, (self.left, self.workers[0].output.read_text())
            time.sleep(0.05)


def open_sqlite(path: Path) -> Callable[[str, tuple[object, ...]], list[Row]]:
    connection = sqlite3.connect(path, timeout=30, isolation_level=None)
    return lambda statement, values: connection.execute(statement, values).fetchall()


def open_mysql(server: MariaDb, name: str) -> Callable[[str, tuple[object, ...]], list[Row]]:
    connection = pymysql.connect(unix_socket=str(server.socket), user="root", database=name, autocommit=True)

    def query(statement: str, values: tuple[object, ...]) -> list[Row]:
        with connection.cursor() as cursor:
            cursor.execute(statement.replace("%", "%%").replace("?", "%s"), values)
            return list(cursor.fetchall())

    return query


def conf(folder: Path) -> str:
    """Drivers that take a moment, one of each kind of implementation."""
    program = folder / "odd"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -S -E {ODD} {folder / "journal"} "$@"\n')
    program.chmod(0o755)
    return (
        'VM_MAD = [ NAME="dummy", EXECUTABLE="one_vmm_dummy", ARGUMENTS="-p -t 15 -d 0.05" ]\n'
        'VM_MAD = [ NAME="single", EXECUTABLE="one_vmm_dummy", ARGUMENTS="-t 15 -d 0.1" ]\n'
        f'VM_MAD = [ NAME="odd", EXECUTABLE="{program}", ARGUMENTS="-p" ]\n'
        'IM_MAD = [ NAME="dummy", EXECUTABLE="one_im_sh", ARGUMENTS="dummy" ]\n'
    )


@pytest.fixture(scope="module", params=["sqlite", "mysql"])
def shared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Two servers on one database, once for each backend."""
    folder = tmp_path_factory.mktemp("tasks")
    extra = conf(folder)
    db = 'BACKEND = "sqlite"'
    if request.param == "mysql":
        server: MariaDb = request.getfixturevalue("mariadb")
        name = f"tasks{time.monotonic_ns()}"
        server.create(name)
        db = (
            f'BACKEND = "mysql", SERVER = "127.0.0.1", PORT = {server.port}, USER = "oneadmin", '
            f'PASSWD = "db-secret-word", DB_NAME = "{name}"'
        )
    first, second = Worker(folder / "one", db, extra), Worker(folder / "two", db, extra)
    first.start()
    shutil.copytree(first.auth, second.auth, dirs_exist_ok=True)
    file = Path("var/lib/one/one.db")
    if request.param == "sqlite":
        (second.root / file).symlink_to(first.root / file)
    query = open_mysql(server, name) if request.param == "mysql" else open_sqlite(first.root / file)
    yield Site(query, [first, second])
    for worker in (first, second):
        end(worker)


@pytest.fixture
def site(shared: Site) -> Iterator[Site]:
    """Both servers run, and nothing is left of the test before."""
    shared.query("DELETE FROM oneedge_task WHERE kind = 'test'", ())
    shared.query("DELETE FROM system_attributes WHERE name LIKE 'task-%'", ())
    shared.put, shared.numbers = 0, itertools.count()
    for worker in shared.workers:
        if worker.process is None:
            worker.start()
    yield shared
    for worker in shared.workers:
        text = worker.output.read_text()
        assert text.find("Traceback") == -1, text[text.find("Traceback") - 2000 :][:6000]


@pytest.mark.parametrize(
    ("shared", "kills"),
    [
        ("sqlite", 15),
        ("mysql", 40),
        pytest.param("sqlite", 200, marks=pytest.mark.full),
        pytest.param("mysql", 200, marks=pytest.mark.full),
    ],
    indirect=["shared"],
)
def test_killed_at_any_instant(site: Site, kills: int) -> None:
    """Nothing is lost, nothing is applied twice, no lease stays, and no driver outlives its server."""
    chance = random.Random(kills)
    for _ in range(kills):
        site.add(count=3)
        site.add("ok=done", driver="vmm:odd")
        site.add("wait=0.05 ok=done", driver="vmm:odd")
        victim = chance.choice(site.workers)
        time.sleep(chance.uniform(0, 0.12))
        victim.stop(signal.SIGKILL)
        victim.spawn()
        time.sleep(chance.uniform(0, 0.5))
    site.settle()
    results = site.results
    assert len(results) == site.put
    assert {body.split()[0] for body in results.values()} == {"1"}, results
    assert {body.split()[1] for body in results.values() if "one-" not in body} == {"done"}, results
    assert len(alive(site.workers[0].root.parent)) <= 2


def test_a_server_that_does_not_come_back(site: Site) -> None:
    """Its tasks go to the other one when their leases end; until then nobody touches them."""
    first, second = site.workers
    second.stop()
    site.add("<VM><DUMMY><DELAY>30</DELAY></DUMMY></VM>", count=4)
    while len([row for row in site.left if row[2]]) < 4:
        time.sleep(0.02)
    first.stop(signal.SIGKILL)
    second.start()
    time.sleep(1.2)
    assert {row[1] for row in site.left} == {1}
    message = json.dumps({"driver": "vmm:dummy", "action": "DEPLOY", "message": "<A/>"})
    site.query("UPDATE oneedge_task SET lease = ?, payload = ? WHERE kind = 'test'", (time.time() - 1, message))
    site.settle(20)
    assert len(site.results) == 4


def test_a_server_that_is_held_up_for_longer_than_its_lease(site: Site) -> None:
    """What it did meanwhile counts for nothing: another one had its tasks by then."""
    first, second = site.workers
    second.stop()
    site.add("<VM><DUMMY><DELAY>1</DELAY></DUMMY></VM>", count=4)
    while len([row for row in site.left if row[2]]) < 4:
        time.sleep(0.02)
    assert first.process is not None
    first.process.send_signal(signal.SIGSTOP)
    second.start()
    site.query("UPDATE oneedge_task SET lease = ? WHERE kind = 'test'", (time.time() - 1,))
    while {row[1] for row in site.left} != {2}:
        time.sleep(0.02)
    first.process.send_signal(signal.SIGCONT)
    site.settle(20)
    time.sleep(1)
    assert set(site.results.values()) == {f"1 one-{number}" for number in range(4)}


def test_it_comes_back_before_its_leases_end(site: Site) -> None:
    site.workers[1].stop()
    site.add("<VM><DUMMY><DELAY>1</DELAY></DUMMY></VM>", count=4)
    while len([row for row in site.left if row[2]]) < 4:
        time.sleep(0.02)
    site.workers[0].stop(signal.SIGKILL)
    begin = time.monotonic()
    site.workers[0].start()
    site.settle(20)
    assert time.monotonic() - begin < 6
    assert set(site.results.values()) == {f"1 one-{number}" for number in range(4)}


def test_a_stop_gives_back_what_is_under_way(site: Site) -> None:
    first = site.workers[0]
    site.add("<VM><DUMMY><DELAY>4</DELAY></DUMMY></VM>", count=10)
    while len([row for row in site.left if row[2]]) < 10:
        time.sleep(0.02)
    code, _ = first.stop()
    assert code == 0
    assert site.results == {}, "it did not wait for its drivers"
    site.settle(20)
    assert len(site.results) == 10
    assert {body[0] for body in site.results.values()} == {"1"}


def test_a_cancelled_task_is_not_waited_for(site: Site) -> None:
    site.add("<VM><DUMMY><HANG>deploy</HANG></DUMMY></VM>", count=30)
    while len([row for row in site.left if row[2]]) < 30:
        time.sleep(0.02)
    site.add()  # the lanes of both are full
    time.sleep(0.7)
    assert site.results == {}
    site.query("DELETE FROM oneedge_task WHERE kind = 'test' AND attempt > 0", ())
    site.settle(5)
    assert len(site.results) == 1


@pytest.mark.parametrize("shared", ["sqlite"], indirect=True)
def test_a_driver_that_dies_again_and_again(site: Site, tmp_path: Path) -> None:
    site.add("die", driver="vmm:odd")
    site.settle(30)
    site.add(f"die_once={tmp_path / 'mark'} ok=then", driver="vmm:odd")
    site.settle(30)
    site.add("fail=no", driver="vmm:odd")
    site.add(driver="vmm:nobody")
    site.settle(30)
    assert sorted(site.results.values()) == [
        "1 failed: The driver 'nobody' is not available. Check VM_MAD in oned.conf.",
        "1 failed: The driver ended before it answered.",
        "1 failed: no",
        "1 then",
    ]


def test_a_host_gets_one_task_at_a_time(site: Site) -> None:
    site.workers[1].stop()
    for host in ("h1", "h2"):
        site.add(driver="vmm:single", host=host, count=5)
    begin = time.monotonic()
    site.settle(20)
    assert 0.4 < time.monotonic() - begin < 5
    assert len(site.results) == 10


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_dummy_host_is_monitored_by_itself(backend: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """At once: the commit wakes the runner, whose clock would let it look an hour later."""
    worker = Worker(tmp_path, new_daemon(tmp_path / "none", backend, request).db, conf(tmp_path))
    worker.poll = "3600"
    try:
        worker.start()
        time.sleep(1)  # it has looked for the first time
        host = worker.ok("one.host.allocate", "pretended", "dummy", "dummy", -1)
        deadline = time.monotonic() + 30
        while "<STATE>2</STATE>" not in str(worker.ok("one.host.info", host)):
            assert time.monotonic() < deadline, worker.output.read_text()
            time.sleep(0.01)
        body = str(worker.ok("one.host.info", host))
    finally:
        end(worker)
    assert "<TOTAL_CPU>800</TOTAL_CPU>" in body.replace("MAX_CPU", "TOTAL_CPU")
    assert "<HYPERVISOR><![CDATA[dummy]]></HYPERVISOR>" in body


def test_a_database_that_is_away_for_a_while(tmp_path: Path) -> None:
    """What drivers did meanwhile is written when it is back, once."""
    server = MariaDb(tmp_path / "db", free_port())
    server.folder.mkdir()
    server.install()
    server.start()
    server.create("away")
    db = (
        f'BACKEND = "mysql", SERVER = "127.0.0.1", PORT = {server.port}, USER = "oneadmin", '
        'PASSWD = "db-secret-word", DB_NAME = "away"'
    )
    worker = Worker(tmp_path / "one", db, conf(tmp_path))
    try:
        worker.start()
        site = Site(open_mysql(server, "away"), [worker])
        site.add("wait=0.5 ok=done", driver="vmm:odd", count=5)
        while len([row for row in site.left if row[2]]) < 5:
            time.sleep(0.01)
        server.stop(kill=True)
        time.sleep(1)
        server.start()
        site.query = open_mysql(server, "away")
        site.settle(20)
        assert set(site.results.values()) == {"1 done"}
        assert len(site.results) == 5
        deploys = [line for line in (tmp_path / "journal").read_text().splitlines() if line.startswith("DEPLOY")]
        assert len(deploys) == 5
    finally:
        end(worker)
        server.stop(kill=True)
