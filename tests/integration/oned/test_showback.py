"""The daily calculation of costs against a real server, and what it calculates of real histories."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.integration.oned.conftest import served
from tests.integration.oned.daemon import ROOT, Daemon
from tests.integration.oned.machines import Ground, Machine, lay, parsed, running, until
from tests.integration.oned.vms import CONFIGURATION

oned = served("showback", CONFIGURATION)
COSTS = "CPU_COST = 3600000\nMEMORY_COST = 3600\nDISK_COST = 7200"
NEVER = "does not answer"


@pytest.fixture(scope="module")
def ground(oned: Daemon) -> Ground:
    return lay(oned, "showback")


def environment(oned: Daemon) -> dict[str, str]:
    return oned.environment() | {"ONE_XMLRPC": oned.uri, "TZ": "UTC", "PATH": os.environ["PATH"]}


def stamp(oned: Daemon) -> Path:
    return oned.root / "var/lib/one/.one/showback"


def calculate(oned: Daemon, **changed: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bootstrap.showback", "now"],
        env=environment(oned) | changed,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@contextmanager
def service(oned: Daemon) -> Iterator[Path]:
    """The service; gives its log."""
    log = oned.root / "showback.log"
    with log.open("wb") as stream:
        command = [sys.executable, "-I", "-m", "bootstrap.showback"]
        process = subprocess.Popen(command, env=environment(oned), stdout=stream, stderr=stream, cwd=ROOT)
    try:
        yield log
        assert process.poll() is None, log.read_text()
    finally:
        process.terminate()
        process.wait(10)


def costs(oned: Daemon, machine: Machine) -> dict[str, float]:
    """What is written for a machine, over all months."""
    names = ("CPU_COST", "MEMORY_COST", "DISK_COST", "TOTAL_COST", "HOURS")
    records = [
        record
        for record in parsed(oned.ok("one.vmpool.showback", -2, -1, -1, -1, -1))
        if record.findtext("VMID") == str(machine.oid)
    ]
    assert len(records) == len({(each.findtext("YEAR"), each.findtext("MONTH")) for each in records})
    return {name: sum(float(each.findtext(name) or 0) for each in records) for name in names}


def test_stays_on_two_hosts_cost_what_they_last(oned: Daemon, ground: Ground) -> None:
    """Hours by 6.0's formula: of all stays, from STIME to ETIME, whatever the machine did there."""
    disk = 'DISK = [ TYPE = "fs", SIZE = "5", FORMAT = "raw" ]'
    machine = running(ground, f"NAME = moved\n{COSTS}\n{disk}")
    time.sleep(1.2)
    machine.act("poweroff").reaches("POWEROFF")
    machine.call("migrate", ground.hosts[1], False, False, -1, 0)
    machine.reaches("POWEROFF")
    machine.act("resume").reaches("RUNNING")
    time.sleep(1.2)
    machine.act("terminate-hard").reaches("DONE")
    stays = parsed(oned.ok("one.vmpool.accounting", -2, -1, -1)).findall("HISTORY")
    times = [
        (stay.findtext("STIME"), stay.findtext("ETIME"))
        for stay in stays
        if stay.findtext("OID") == str(machine.oid)
    ]
    assert len(times) >= 2
    seconds = sum(int(end or 0) - int(begin or 0) for begin, end in times)
    assert seconds >= 2
    for _ in range(2):
        assert calculate(oned).returncode == 0
        found = costs(oned, machine)
        assert found["CPU_COST"] == pytest.approx(0.01 * 3600000 / 3600 * seconds, rel=0.001)
        assert found["MEMORY_COST"] == pytest.approx(128 * seconds, rel=0.001)
        assert found["DISK_COST"] == pytest.approx(5 * 2 * seconds, rel=0.001)
        assert found["TOTAL_COST"] == pytest.approx(
            sum(found[name] for name in ("CPU_COST", "MEMORY_COST", "DISK_COST")), abs=0.05
        )


def test_the_service_catches_up_at_its_start(oned: Daemon, ground: Ground) -> None:
    machine = running(ground, f"NAME = waiting\n{COSTS}")
    time.sleep(1.1)
    stamp(oned).write_text("2026-1-31")
    with service(oned) as log:
        until(lambda: "calculated the costs since 2026-01" in log.read_text(), "the costs are calculated")
    assert costs(oned, machine)["CPU_COST"] >= 10
    done = stamp(oned).read_text()
    assert done == time.strftime("%Y-%-m-%-d", time.gmtime())
    with service(oned) as log:
        time.sleep(1)
        assert log.read_text() == ""
    machine.act("terminate-hard").reaches("DONE")


def test_a_calculation_that_fails_is_told_and_not_noted(oned: Daemon) -> None:
    stamp(oned).unlink(missing_ok=True)
    failed = calculate(oned, ONE_XMLRPC="http://127.0.0.1:1/RPC2")
    assert failed.returncode != 0
    assert NEVER in failed.stderr
    assert "Traceback" not in failed.stderr
    assert not stamp(oned).exists()
    assert "since the first record" in calculate(oned).stdout
    assert stamp(oned).exists()
