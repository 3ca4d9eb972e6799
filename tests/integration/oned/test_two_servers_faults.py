"""Two servers on one MariaDB when one of them dies, one is held up, or the database dies under both."""

import itertools
import random
import re
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path
from xmlrpc.client import Fault

import pytest

from oned.work.store import LEASE_SECONDS
from tests.integration.oned import journal, machines
from tests.integration.oned.conftest import end, new_daemon
from tests.integration.oned.daemon import Daemon
from tests.integration.oned.journal import Journal
from tests.integration.oned.listener import Listener, Ports, parsed
from tests.integration.oned.machines import until
from tests.integration.oned.mariadb import MariaDb, free_port
from tests.integration.oned.pair import Pair

DEAD = (OSError, HTTPException)
MONITORED = 2
TAKE_OVER_SECONDS = 12
"""What docs/servers.md promises: the lease, the next look at it, the start of the probes."""
MONITORD = """
NETWORK = [ ADDRESS = "127.0.0.1", PORT = PORT_OF_BOTH ]
MANAGER_TIMER = 1
MONITORING_INTERVAL_HOST = 2
PROBES_PERIOD = [ BEACON_HOST = 1, SYSTEM_HOST = 1, MONITOR_HOST = 1, STATE_VM = 1, MONITOR_VM = 1 ]
"""


def new_pair(folder: Path, request: pytest.FixtureRequest, extra: str) -> Pair:
    """Both on one machine: they want the same port for the reports of hosts."""
    pair = new_daemon(folder, "pair", request, extra)
    assert isinstance(pair, Pair)
    for daemon in (pair, pair.second):
        daemon.monitord.write_text(MONITORD.replace("PORT_OF_BOTH", str(pair.monitor_port)))
    return pair


@pytest.fixture
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Pair]:
    """Not started."""
    pair = new_pair(tmp_path / "one", request, journal.drivers(tmp_path / "journal"))
    yield pair
    end(pair)


def said(pair: Pair, words: str) -> int:
    """How often the servers said so in their log."""
    return pair.output.read_text().count(words)


def sql(oned: Daemon, query: str) -> str:
    return str(oned.ok("one.system.sqlquery", query))


def last_report(oned: Daemon, host: int) -> int:
    query = f"SELECT MAX(last_mon_time) AS t FROM host_monitoring WHERE hid = {host}"
    found = re.search(r"<t><!\[CDATA\[(\d+)", sql(oned, query))
    return int(found[1]) if found else 0


def test_the_other_looks_after_hosts_and_tells_what_happens(pair: Pair) -> None:
    ports = Ports()
    for daemon in (pair, pair.second):
        daemon.extra += ports.conf
        daemon.write_conf()
    pair.start()
    here, there = pair.sides
    ground = machines.lay(here, "taken")
    vm = machines.running(ground)
    assert (said(pair, "Listening for reports"), said(pair, "Publishing events")) == (1, 1)
    with Listener(ports.publisher, "EVENT API one.document") as listener:
        listener.joined(there)
        empty = "<RESULT></RESULT>"
        until(lambda: empty in sql(there, "SELECT id FROM oneedge_event"), "what was told is deleted")
        assert pair.process is not None
        pair.process.kill()
        pair.process.wait(10)
        begin, stamp = time.monotonic(), int(time.time())
        wanted = []
        while not (said(pair, "Listening for reports") == 2 and last_report(there, ground.hosts[0]) > stamp + 1):
            assert time.monotonic() - begin < TAKE_OVER_SECONDS, pair.output.read_text()[-2000:]
            wanted.append(str(there.ok("one.document.allocate", "A = 1", 100)))
            for host in ground.hosts:
                assert int(parsed(str(there.ok("one.host.info", host))).findtext("STATE", "")) == MONITORED
            time.sleep(0.2)
        heard = [parsed(listener.next()[1]).findtext("CALL_INFO/EXTRA/DOCUMENT/ID", "") for _ in wanted]
        assert heard == wanted
        Daemon.spawn(pair)
        until(lambda: said(pair, "Starting XML-RPC server") == 3, "the first is back", 20)
        time.sleep(1)
        assert listener.before_mark(there) == [], "nothing is told twice"
    assert (said(pair, "Listening for reports"), said(pair, "Publishing events")) == (2, 2), (
        "it does not take it back"
    )
    assert machines.Machine(there, vm.oid).state == "RUNNING"


def held_up(pair: Pair) -> int:
    """A machine that the first server has in hand, while the second does not run yet: its files are there."""
    Daemon.start(pair)
    shutil.copytree(pair.auth, pair.second.auth, dirs_exist_ok=True)
    ground = machines.lay(pair, "held")
    vm = machines.new(ground, delay="1.5").deploy(ground.hosts[0], ground.system).reaches("BOOT")
    taken = "SELECT owner FROM oneedge_task WHERE kind = 'vm.deploy' AND owner > ''"
    until(lambda: "<owner>" in sql(pair, taken), "it begins")
    return vm.oid


def goes_on_without(pair: Pair, oid: int, seconds: float) -> None:
    """The second server does the rest; it starts the machine anew when the first comes back with its own start."""
    vm = machines.Machine(pair.second, oid)
    until(lambda: vm.state == "RUNNING", "the second goes on", seconds)
    vm.wish().act("undeploy").reaches("UNDEPLOYED")
    vm.wish(delay="3").deploy(int(vm.records()[0].findtext("HID") or 0)).reaches("BOOT_UNDEPLOY")
    assert pair.process is not None
    pair.process.send_signal(signal.SIGCONT)
    wait_for_journal(pair, oid)
    time.sleep(1)
    assert vm.state == "BOOT_UNDEPLOY", "the start that the first has ended is not the one that is waited for"
    vm.reaches("RUNNING")
    assert "Traceback" not in pair.output.read_text()
    machines.Machine(pair.alone, oid).wish().act("poweroff").reaches("POWEROFF")


def wait_for_journal(pair: Pair, oid: int) -> None:
    """Until the driver of the first server has done what it had in hand."""
    first = pair.process.pid if pair.process else 0

    def done() -> bool:
        found = [each for each in Journal(pair.root.parent / "journal").done if each.oid == oid]
        return [each.action for each in found if each.pid == first][-1:] == ["DEPLOY"]

    until(done, "it ends", 5)


@pytest.mark.full
def test_a_server_is_held_up_for_longer_than_its_lease(pair: Pair) -> None:
    oid = held_up(pair)
    assert pair.process is not None
    pair.process.send_signal(signal.SIGSTOP)
    pair.second.start()
    goes_on_without(pair, oid, LEASE_SECONDS + 15)


class Client:
    """Makes documents as fast as it can: the names of those that were acknowledged, and of those that may be there."""

    def __init__(self, pair: Pair, number: int, stop: threading.Event) -> None:
        self.sure: dict[str, int] = {}
        self.unsure: set[str] = set()
        self._pair, self._number, self._stop = pair, number, stop
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self) -> None:
        sides = itertools.cycle(self._pair.sides)
        for number in itertools.count():
            if self._stop.is_set():
                return
            name = f"d-{self._number}-{number}"
            self.unsure.add(name)
            answer = [False]
            with suppress(*DEAD, Fault):
                answer = next(sides).call("one.document.allocate", f"NAME = {name}", 100)
            if answer[0]:
                self.sure[name] = int(answer[1])
                self.unsure.discard(name)
            else:
                time.sleep(0.02)


@pytest.mark.parametrize("kills", [2, pytest.param(20, marks=pytest.mark.full)])
def test_the_database_dies_under_load(tmp_path: Path, kills: int) -> None:
    """Both servers stay, find it again, and nothing that was acknowledged is lost or there twice."""
    folder = Path(tempfile.mkdtemp())  # a short path: it holds the server's socket
    server = MariaDb(folder, free_port())
    server.install()
    server.start()
    server.create("killed")
    db = f'BACKEND = "mysql", SERVER = "127.0.0.1", PORT = {server.port}, PASSWD = "db-secret-word", DB_NAME = "killed"'
    pair = Pair(tmp_path / "one", db)
    stop = threading.Event()
    clients: list[Client] = []
    dice = random.Random(kills)
    try:
        pair.start()
        clients = [Client(pair, number, stop) for number in range(4)]
        for _ in range(kills):
            time.sleep(dice.uniform(0.3, 1.0))
            server.stop(kill=True)
            time.sleep(dice.uniform(0.0, 0.5))
            server.start()
        time.sleep(0.5)
        for side in pair.sides:
            until(lambda: bool(side.call("one.document.allocate", "A = 1", 100)[0]), "it has found it again", 5)  # noqa: B023
        stop.set()
        for client in clients:
            client.thread.join(60)
        found = server.query("SELECT name, oid FROM document_pool WHERE name LIKE 'd-%'", database="killed")
        there = {str(name): oid for name, oid in found}
        assert len(there) == len(found), "none is there twice"
        for client in clients:
            assert client.sure.items() <= there.items()
            assert len(client.sure) > 20
        assert there.keys() <= {name for client in clients for name in (*client.sure, *client.unsure)}
        for daemon in (pair, pair.second):
            assert daemon.process is not None
            assert daemon.process.poll() is None, "it stays"
    finally:
        stop.set()
        end(pair)
        server.stop(kill=True)
        shutil.rmtree(folder)
