"""What happens after the pauses between restarts. They add up to six seconds, so all front-ends wait side by side."""

import contextlib
import os
import re
import signal
from collections.abc import Iterator
from datetime import datetime

import pytest

from tests.integration.supervision.conftest import removed_afterwards
from tests.integration.supervision.front import Front, entry, need, until

PREPARATIONS = "tests.integration.supervision.preparations"
IN_VAIN = 15.0
"""Seconds within which five starts in vain are over, on a busy machine too."""

BOOTS = {
    "passing": {"one": entry("sleep", "600", prepare=[f"{PREPARATIONS}:passing"], essential=False)},
    "killed": {"one": entry("sleep", "600", essential=False)},
    "essential": {
        "well": entry(
            "sh", "-c", "trap 'echo stopped; exit 0' TERM; echo set; while :; do sleep 0.05; done", priority=1
        ),
        "broken": entry("sh", "-c", "echo no disk; exit 3"),
    },
    "extra": {
        "well": entry("sleep", "600"),
        "extra": entry("sh", "-c", "echo '2026-01-02 03:04:05 0 [ERROR] Out of luck'; exit 1", essential=False),
    },
    "for good": {
        "database": entry("sleep", "600", prepare=[f"{PREPARATIONS}:permanent"], priority=200),
        "configure": entry("true", kind="oneshot", needs=[need("service", "database")], wait_seconds=4),
        "client": entry("sleep", "600", needs=[need("service", "configure")], wait_seconds=4),
        "other": entry("sleep", "600", needs=[need("tcp", "127.0.0.1:1")], wait_seconds=0, priority=300),
    },
    "extra for good": {"extra": entry("sh", "-c", "exit 78", essential=False), "broken": entry("false")},
}


@pytest.fixture(scope="module")
def fronts() -> Iterator[dict[str, Front]]:
    """All front-ends of this module, started at once; a test that must see the beginning stands first."""
    with contextlib.ExitStack() as stack:
        made = {name: stack.enter_context(removed_afterwards()) for name in BOOTS}
        for name, services in BOOTS.items():
            made[name].start(services)
        yield made


def exit_code(front: Front) -> int:
    assert front.process
    return front.process.wait(IN_VAIN)


BUSY = "exit status 75: The disk is busy. Wait."


def test_passing_failure_of_a_preparation_is_retried_and_told(fronts: dict[str, Front]) -> None:
    until(lambda: fronts["passing"].probe() == (1, f"starting (waiting for one: restart after {BUSY})"))


def test_service_killed_again_and_again_pauses_longer_and_longer(fronts: dict[str, Front]) -> None:
    front = fronts["killed"]
    front.ready()
    for pause in (0, 1, 2):
        pid = front.pid("one")
        os.kill(pid, signal.SIGKILL)
        if pause:
            until(lambda: "BACKOFF" in front.control("status", "one"), 2)
            assert front.probe() == (1, "starting (waiting for one: restart after terminated by SIGKILL)")
        until(lambda pid=pid: front.state("one").get("pid") not in (0, pid))  # type: ignore[misc]
        assert pause - 0.05 < front.pauses("one")[-1] < pause + 0.9
    front.ready()


def test_passing_failure_of_a_preparation_that_does_not_pass_is_told(fronts: dict[str, Front]) -> None:
    until(lambda: fronts["passing"].probe() == (1, f"failed: one: {BUSY}, 5 times in a row"), IN_VAIN)


def test_essential_service_that_cannot_run_ends_the_front_end_with_70(fronts: dict[str, Front]) -> None:
    front = fronts["essential"]
    assert exit_code(front) == 70
    log = front.log()
    assert log.count("broken | no disk") == 5
    assert "well | set\n" in log
    assert "well | stopped\n" in log
    end = "essential service broken cannot be kept up: exit status 3: no disk; stopping the front-end"
    times = [
        datetime.fromisoformat(stamp)
        for stamp, text in re.findall(r"^(\S+ \S+) [A-Z]+ (.*)$", log, re.MULTILINE)
        if text == end or text.startswith("supervisord started")
    ]
    assert len(times) == 2
    assert 5 < (times[1] - times[0]).total_seconds() < 10


def test_a_service_that_is_not_essential_fails_alone(fronts: dict[str, Front]) -> None:
    front = fronts["extra"]
    told = "failed: extra: exit status 1: Out of luck, 5 times in a row"
    until(lambda: front.probe() == (1, told), IN_VAIN)
    assert front.process
    assert front.process.poll() is None
    assert front.details("well")["ready"] is True
    assert front.probe("--live") == (0, "ok")
    assert "extra: started" in front.control("start", "extra")  # an operator's start begins a new count
    until(lambda: front.state("extra")["phase"] == "started" and front.state("extra")["starts"] == 7)


def test_failure_for_good_is_not_retried_and_the_container_stays_up(fronts: dict[str, Front]) -> None:
    """Also when others need what failed, by its name, through a third or otherwise."""
    front = fronts["for good"]
    reason = "The database is of a newer version. Take a newer image."
    told = f"failed: database: {reason}"  # though those that wait for it come first
    until(lambda: front.probe() == (1, told))
    assert front.state("database")["phase"] == "failed"
    until(lambda: "other failed while database is down for good" in front.log(), IN_VAIN)
    assert front.process
    assert front.process.poll() is None
    assert front.log().count("[SERVICE database] ERROR:") == 1
    assert front.probe() == (1, told)
    assert front.probe("--startup")[0] == 1
    for name in ("configure", "client"):
        state = front.state(name)
        waiting = ("waiting", f"database, which failed: {reason}", 1)
        assert (state["phase"], state["detail"], state["starts"]) == waiting


def test_failure_for_good_of_what_is_not_essential_explains_nothing(fronts: dict[str, Front]) -> None:
    assert exit_code(fronts["extra for good"]) == 70
