"""The monitoring daemon inside a real server: what hosts send, what becomes of those that fall silent, floods."""

import base64
import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.oned.conftest import end, mariadb, new_daemon  # noqa: F401 (a fixture)
from tests.integration.oned.daemon import ROOT, Daemon
from tests.integration.oned.machines import DRIVERS, Ground, Machine, lay, new, parsed, running, until

PERIODS = "PROBES_PERIOD = [ BEACON_HOST = 1, SYSTEM_HOST = 1, MONITOR_HOST = 1, STATE_VM = 1, MONITOR_VM = 1 ]"


@pytest.fixture(scope="module", params=["sqlite", "mysql"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Daemon, Ground]]:
    daemon = new_daemon(tmp_path_factory.mktemp("monitor"), request.param, request, DRIVERS)
    daemon.monitord.write_text(
        f'NETWORK = [ ADDRESS = "127.0.0.1", PORT = {daemon.monitor_port} ]\nMANAGER_TIMER = 1\n'
        f"MONITORING_INTERVAL_HOST = 2\n{PERIODS}\n"
    )
    daemon.start()
    yield daemon, lay(daemon, "m")
    end(daemon)


def line(kind: str, host: int, text: str, status: str = "SUCCESS", when: int | None = None) -> bytes:
    payload = base64.b64encode(zlib.compress(text.encode())).decode()
    return f"{kind} {status} {host} {int(time.time()) if when is None else when} {payload}".encode()


def udp(daemon: Daemon, *messages: bytes) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as plain:
        for message in messages:
            plain.sendto(message, ("127.0.0.1", daemon.monitor_port))


def tcp(daemon: Daemon, message: bytes) -> None:
    with socket.create_connection(("127.0.0.1", daemon.monitor_port), 5) as connection:
        connection.sendall(message)


def vm(one: Machine, state: str) -> str:
    return f'VM=[ ID="{one.oid}", DEPLOY_ID="one-{one.oid}", STATE="{state}" ]\n'


def silent_host(daemon: Daemon, name: str) -> int:
    """A monitored host whose probes send nothing but what the test sends in their name."""
    host = int(daemon.ok("one.host.allocate", name, "dummy", "able", -1))
    daemon.ok("one.host.update", host, 'DUMMY=[SILENT="YES"]', 1)
    daemon.ok("one.host.status", host, 0)
    until(lambda: state(daemon, host) == 2, "the host is monitored")
    return host


def info(daemon: Daemon, host: int):  # type: ignore[no-untyped-def]  # noqa: ANN201 (an element of lxml)
    return parsed(daemon.ok("one.host.info", host))


def state(daemon: Daemon, host: int) -> int:
    return int(info(daemon, host).findtext("STATE"))


def test_probes_keep_hosts_monitored_and_measure_machines(server: tuple[Daemon, Ground]) -> None:
    daemon, ground = server
    one = running(ground)
    until(lambda: one.body.findtext("MONITORING/MEMORY") == "131072", "the machine is measured")
    found = parsed(daemon.ok("one.vm.monitoring", one.oid)).findall("MONITORING")
    assert found
    assert found[-1].findtext("ID") == str(one.oid)
    until(
        lambda: len(parsed(daemon.ok("one.vm.monitoring", one.oid)).findall("MONITORING")) > 1, "again and again"
    )
    pool = parsed(daemon.ok("one.vmpool.monitoring", -2, -1))
    assert str(one.oid) in [element.text for element in pool.findall("MONITORING/ID")]
    host = parsed(daemon.ok("one.host.monitoring", ground.hosts[0]))
    assert host.findtext("MONITORING/CAPACITY/FREE_CPU")
    time.sleep(2.5)
    assert [state(daemon, host) for host in ground.hosts] == [2, 2]
    one.call("recover", 3)
    one.reaches("DONE")


def test_states_of_machines(server: tuple[Daemon, Ground]) -> None:
    daemon, ground = server
    one = running(ground)
    here, there = ground.hosts
    tcp(daemon, line("STATE_VM", there, vm(one, "POWEROFF")))
    time.sleep(0.3)
    assert one.state == "RUNNING", "another host does not know"
    tcp(daemon, line("STATE_VM", here, vm(one, "POWEROFF")))
    one.reaches("POWEROFF")
    tcp(daemon, line("STATE_VM", here, vm(one, "RUNNING")) + b"\n")
    one.reaches("RUNNING")
    udp(daemon, line("STATE_VM", here, vm(one, "SUSPENDED"), when=int(time.time()) - 100))
    time.sleep(0.3)
    assert one.state == "RUNNING", "an older message came too late"
    udp(daemon, line("STATE_VM", here, 'SYNC_STATE="yes"\nMISSING_STATE="UNKNOWN"\n'))
    one.reaches("UNKNOWN")
    zombie = 'VM=[ ID="9999", DEPLOY_ID="one-9999", STATE="RUNNING" ]\n'
    udp(
        daemon,
        line("STATE_VM", here, f'SYNC_STATE="yes"\nMISSING_STATE="POWEROFF"\n{vm(one, "RUNNING")}{zombie}'),
    )
    one.reaches("RUNNING")
    until(lambda: info(daemon, here).findtext("TEMPLATE/ZOMBIES") == "9999", "the zombie is noted")
    one.call("recover", 3)
    one.reaches("DONE")


def test_first_reports_tell_of_machines(server: tuple[Daemon, Ground]) -> None:
    daemon, ground = server
    host = int(daemon.ok("one.host.allocate", "first", "dummy", "able", -1))
    until(lambda: state(daemon, host) == 2, "the host is monitored")
    one = new(ground).deploy(host, ground.system).reaches("RUNNING")
    daemon.ok("one.host.update", host, f'DUMMY=[SILENT="YES", VM_STATE="{one.oid}:POWEROFF"]', 1)
    daemon.ok("one.host.status", host, 0)
    one.reaches("POWEROFF")
    one.call("recover", 3)
    one.reaches("DONE")
    daemon.ok("one.host.delete", host)


def test_a_silent_host_is_started_again_and_is_in_error_when_that_fails(server: tuple[Daemon, Ground]) -> None:
    daemon, ground = server
    host = silent_host(daemon, "silent")
    one = new(ground).deploy(host, ground.system).reaches("RUNNING")
    stamp = info(daemon, host).findtext("MONITORING/TIMESTAMP")
    until(lambda: info(daemon, host).findtext("MONITORING/TIMESTAMP") != stamp, "it is started again")
    assert state(daemon, host) == 2
    daemon.ok("one.host.update", host, 'DUMMY=[SILENT="YES", FAIL="start_monitor"]', 1)
    until(lambda: state(daemon, host) == 3, "it is in error")
    assert "Error monitoring Host silent" in info(daemon, host).findtext("TEMPLATE/ERROR")
    one.reaches("UNKNOWN")
    daemon.ok("one.host.update", host, 'DUMMY=[SILENT="NO"]', 1)
    until(lambda: state(daemon, host) == 2, "it is back")
    one.call("recover", 3)
    one.reaches("DONE")
    daemon.ok("one.host.delete", host)


def test_reports_of_a_host(server: tuple[Daemon, Ground]) -> None:
    daemon, _ = server
    host = silent_host(daemon, "spoken-for")
    udp(daemon, line("SYSTEM_HOST", host, 'TOTALCPU="1600"\nTOTALMEMORY="1000"\nMODELNAME="mine \x00"\n'))
    until(lambda: info(daemon, host).findtext("HOST_SHARE/TOTAL_CPU") == "1600", "its processors are known")
    assert info(daemon, host).findtext("TEMPLATE/MODELNAME") == "mine ?"
    udp(daemon, line("MONITOR_HOST", host, 'USEDCPU="77"\n'))
    until(
        lambda: info(daemon, host).findtext("MONITORING/CAPACITY/USED_CPU") == "77", "its load is known", seconds=5
    )
    udp(daemon, line("MONITOR_HOST", host, "libvirt is\naway", "FAILURE"))
    until(lambda: state(daemon, host) == 3, "its probes fail")
    assert info(daemon, host).findtext("TEMPLATE/ERROR").endswith("libvirt is away")
    daemon.ok("one.host.status", host, 2)
    udp(daemon, line("SYSTEM_HOST", host, 'TOTALCPU="3200"\n'), line("MONITOR_HOST", host, 'USEDCPU="78"\n'))
    time.sleep(0.5)
    assert state(daemon, host) == 8, "an offline host is not heard"
    assert "USED_CPU><![CDATA[78" not in str(daemon.ok("one.host.monitoring", host))
    daemon.ok("one.host.delete", host)


def test_hostile_senders_are_harmless(server: tuple[Daemon, Ground]) -> None:
    daemon, ground = server
    one = running(ground)
    here = ground.hosts[0]
    chance = random.Random(4)
    bomb = base64.b64encode(zlib.compress(b"A" * 50_000_000, 9)).decode()
    now = int(time.time())
    nonsense = [
        b"",
        b"\n",
        b"STATE_VM",
        b"STATE_VM SUCCESS -1 0 ",
        b"STATE_VM SUCCESS 999999999 1 AAAA",
        f"STATE_VM SUCCESS {here} {now} !!!!".encode(),
        f"MONITOR_VM SUCCESS {here} {now} {bomb[:60000]}".encode(),
        f"SYSTEM_HOST SUCCESS 77777 {now} ".encode(),
        line("MONITOR_VM", here, f'VM=[ ID="{one.oid}", MONITOR="{bomb[:2000]}" ]'),
        line("MONITOR_VM", here, 'VM=[ ID="99999", MONITOR="Q1BVPSIxIg==" ]'),
        line("STATE_VM", here, "VM=[[["),
        line("STATE_VM", here, 'VM=[ ID="999999999999999999", STATE="RUNNING" ]'),
    ]
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for number in range(4000):
        message = chance.choice(nonsense) if number % 2 else chance.randbytes(chance.randrange(1, 1400))
        sender.sendto(message, ("127.0.0.1", daemon.monitor_port))
    sender.close()
    with contextlib.suppress(OSError):
        tcp(daemon, f"STATE_VM SUCCESS {here} {now} {bomb}".encode())
    with contextlib.suppress(OSError):
        tcp(daemon, b"x" * 3_000_000)
    slow = []
    for _ in range(2000):
        connection = socket.socket()
        connection.settimeout(2)
        connection.connect(("127.0.0.1", daemon.monitor_port))
        with contextlib.suppress(OSError):
            connection.sendall(b"STATE_VM SUCC")
        slow.append(connection)
        if len(slow) > 500:
            slow.pop(0).close()

    def is_heard() -> bool:
        """What came in the name of the same host may have crowded this out: hosts say again what they know."""
        tcp(daemon, line("STATE_VM", here, vm(one, "POWEROFF")))
        return one.state == "POWEROFF"

    until(is_heard, "the host is heard")
    for connection in slow:
        connection.close()
    stamps = len(parsed(daemon.ok("one.host.monitoring", here)))
    until(lambda: len(parsed(daemon.ok("one.host.monitoring", here))) > stamps, "other reports still come")
    assert "<ID>99999<" not in str(daemon.ok("one.vmpool.monitoring", -2, -1))
    assert state(daemon, here) == 2
    assert "Traceback" not in daemon.output.read_text()
    one.call("recover", 3)
    one.reaches("DONE")


def test_hosts_are_asked_again_at_the_start_and_a_lone_daemon_serves(tmp_path: Path) -> None:
    daemon = Daemon(tmp_path, extra=DRIVERS)
    daemon.start()
    host = silent_host(daemon, "again")
    daemon.stop(signal.SIGKILL)
    environment = {"PATH": os.environ["PATH"], "ONEEDGE_ROOT": str(daemon.root), "PYTHONPATH": str(ROOT)}
    lone = subprocess.Popen([sys.executable, "-m", "monitor.cli"], env=environment, stdout=subprocess.DEVNULL)
    try:
        until(lambda: _listens(daemon), "it listens")
        stamp = time.time()
        time.sleep(1.1)
        daemon.start()
        until(lambda: int(info(daemon, host).findtext("MONITORING/TIMESTAMP")) > stamp, "the host is asked")
        udp(daemon, line("MONITOR_HOST", host, 'USEDCPU="11"\n'))
        until(lambda: info(daemon, host).findtext("MONITORING/CAPACITY/USED_CPU") == "11", "it is written")
        lone.send_signal(signal.SIGTERM)
        assert lone.wait(5) == 0
        until(lambda: _listens(daemon), "the server has the port")
    finally:
        lone.kill()
        lone.wait()
        end(daemon)


def _listens(daemon: Daemon) -> bool:
    try:
        socket.create_connection(("127.0.0.1", daemon.monitor_port), 1).close()
    except OSError:
        return False
    return True
