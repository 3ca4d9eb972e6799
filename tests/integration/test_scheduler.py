"""The scheduler as a process beside a real server with dummy drivers."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from onelib.api import Api
from onelib.auth import Credentials
from scheduler.cycle import Outcome, Round
from scheduler.settings import read
from tests.integration.oned.conftest import end
from tests.integration.oned.daemon import PASSWORD, ROOT, Daemon
from tests.integration.oned.machines import DRIVERS, Ground, Machine, lay, new, until


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Daemon, Ground]]:
    daemon = Daemon(tmp_path_factory.mktemp("sched"), extra=DRIVERS)
    daemon.start()
    yield daemon, lay(daemon, "s")
    end(daemon)


def write_conf(daemon: Daemon, text: str = "") -> Path:
    path = daemon.root / "etc/one/sched.conf"
    path.write_text(f'ONE_XMLRPC = "{daemon.uri}"\nSCHED_INTERVAL = 1\nMAX_HOST = 100\n{text}')
    return path


def one_round(daemon: Daemon, text: str = "") -> Outcome:
    """A round of a scheduler with this configuration."""
    with closing(Api(daemon.uri, Credentials("oneadmin", PASSWORD))) as api:
        return Round(api, read(write_conf(daemon, text)), lambda _letter, _text: None).run()


def host_of(vm: Machine) -> int:
    return int(vm.text("HISTORY_RECORDS/HISTORY/HID"))


def clear(daemon: Daemon, *machines: Machine) -> None:
    for vm in machines:
        vm.call("recover", 3)
        vm.reaches("DONE")


def test_waiting_machines_are_spread_over_the_hosts(server: tuple[Daemon, Ground]) -> None:
    daemon, ground = server
    machines = [new(ground) for _ in range(4)]
    assert one_round(daemon).placed == 4
    for vm in machines:
        vm.reaches("RUNNING")
    assert sorted(host_of(vm) for vm in machines) == sorted(ground.hosts * 2)
    assert {int(vm.text("HISTORY_RECORDS/HISTORY/DS_ID")) for vm in machines} <= {ground.system, 0}
    clear(daemon, *machines)


def test_requirements_rank_and_priority(server: tuple[Daemon, Ground]) -> None:
    daemon, ground = server
    second = f'SCHED_REQUIREMENTS="ID = {ground.hosts[1]}"'
    here = new(ground, second)
    fixed = new(ground, 'SCHED_RANK="ID"')
    assert one_round(daemon).placed == 2
    assert [host_of(vm.reaches("RUNNING")) for vm in (here, fixed)] == [ground.hosts[1]] * 2
    clear(daemon, here, fixed)


@pytest.mark.parametrize(
    ("template", "says"),
    [
        ('SCHED_REQUIREMENTS="NAME = nowhere"', "No host meets capacity and SCHED_REQUIREMENTS"),
        ('SCHED_REQUIREMENTS="NAME ="', "Error in SCHED_REQUIREMENTS"),
        ('SCHED_DS_REQUIREMENTS="ID = 12345"', "No system datastore meets capacity and SCHED_DS_REQUIREMENTS"),
        ('SCHED_RANK="1 +"', "Error in RANK"),
        (
            'NIC=[NETWORK_MODE="auto",SCHED_REQUIREMENTS="ID = 12345"]',
            "No network meets capacity and REQUIREMENTS",
        ),
    ],
)
def test_the_owner_is_told_why_not(server: tuple[Daemon, Ground], template: str, says: str) -> None:
    daemon, ground = server
    vm = new(ground, template)
    assert one_round(daemon).placed == 0
    assert says in vm.text("USER_TEMPLATE/SCHED_MESSAGE")
    stamp = vm.text("USER_TEMPLATE/SCHED_MESSAGE")
    time.sleep(1.1)
    one_round(daemon)
    assert vm.text("USER_TEMPLATE/SCHED_MESSAGE") == stamp, "the same words are not written again"
    clear(daemon, vm)


def test_what_does_not_fit_waits(server: tuple[Daemon, Ground]) -> None:
    daemon, _ = server
    big = Machine(daemon, int(daemon.ok("one.vm.allocate", 'CPU="1000"\nMEMORY="128"')))
    assert one_round(daemon).placed == 0
    assert "No host with enough capacity to deploy the VM" in big.text("USER_TEMPLATE/SCHED_MESSAGE")
    clear(daemon, big)


def test_limits_of_a_round(server: tuple[Daemon, Ground]) -> None:
    daemon, ground = server
    machines = [new(ground) for _ in range(5)]
    outcome = one_round(daemon, "MAX_DISPATCH = 1\n")
    assert (outcome.placed, outcome.more) == (1, True)
    outcome = one_round(daemon, "MAX_HOST = 1\n")
    assert outcome.placed >= 2
    one_round(daemon)
    for vm in machines:
        vm.reaches("RUNNING")
    clear(daemon, *machines)


def test_a_network_is_chosen_for_an_interface_that_leaves_it_open(server: tuple[Daemon, Ground]) -> None:
    daemon, ground = server
    vm = new(ground, 'NIC=[NETWORK_MODE="auto"]')
    assert one_round(daemon).placed == 1
    vm.reaches("RUNNING")
    assert int(vm.text("TEMPLATE/NIC/NETWORK_ID")) == ground.network
    assert vm.text("TEMPLATE/NIC/IP").startswith("10.0.0.")
    clear(daemon, vm)


def test_resched_moves_a_machine(server: tuple[Daemon, Ground]) -> None:
    daemon, ground = server
    vm = new(ground)
    one_round(daemon)
    before = host_of(vm.reaches("RUNNING"))
    vm.act("resched")
    assert one_round(daemon).placed == 1
    until(lambda: int(vm.body.findall("HISTORY_RECORDS/HISTORY")[-1].findtext("HID") or -1) != before, "it moves")
    vm.reaches("RUNNING")
    clear(daemon, vm)


def test_actions_at_a_time(server: tuple[Daemon, Ground]) -> None:
    daemon, ground = server
    now = int(time.time())
    vm = new(ground, f'SCHED_ACTION=[ID="0",ACTION="poweroff",TIME="{now + 3600}"]')
    one_round(daemon)
    vm.reaches("RUNNING")
    actions = (
        f'SCHED_ACTION=[ID="0",ACTION="poweroff",TIME="{now - 1}"]\n'
        f'SCHED_ACTION=[ID="1",ACTION="explode",TIME="{now - 1}"]\n'
        f'SCHED_ACTION=[ID="2",ACTION="resume",TIME="{now + 3600}"]'
    )
    vm.call("update", actions, 1)
    one_round(daemon)
    vm.reaches("POWEROFF")
    done, refused, later = vm.body.findall("USER_TEMPLATE/SCHED_ACTION")
    assert int(done.findtext("DONE") or 0) >= now
    assert "This action is not supported." in (refused.findtext("MESSAGE") or "")
    assert later.find("DONE") is None
    clear(daemon, vm)


def test_the_process_is_woken_by_events_survives_the_server_and_stops_at_once(tmp_path: Path) -> None:
    daemon = Daemon(tmp_path, extra=DRIVERS)
    daemon.start()
    ground = lay(daemon, "p")
    write_conf(daemon, 'LOG = [ SYSTEM = "file", DEBUG_LEVEL = 3 ]\n')
    environment = {"PATH": os.environ["PATH"], "ONEEDGE_ROOT": str(daemon.root), "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen([sys.executable, "-m", "scheduler.cli"], env=environment)
    try:
        new(ground).reaches("RUNNING")
        daemon.stop(signal.SIGKILL)
        time.sleep(1.5)
        daemon.start()
        new(ground).reaches("RUNNING")
        process.send_signal(signal.SIGTERM)
        assert process.wait(3) == 0
    finally:
        process.kill()
        process.wait()
        end(daemon)
