"""A server that dies at any instant: every virtual machine goes on to its end, and nothing stays in use."""

import os
import random
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from http.client import HTTPException
from threading import Timer

import pytest

from oned.model.vm_states import LcmState, VmState
from tests.integration.oned import machines
from tests.integration.oned.conftest import end, new_daemon
from tests.integration.oned.daemon import Daemon
from tests.integration.oned.machines import Ground, Machine

FULL = os.environ.get("ONEEDGE_TEST_FULL") == "1"
KILLS = 100 if FULL else 10
"""For each database."""
MACHINES = 20
DEAD = (OSError, HTTPException)
"""What a client of a dead server sees."""
LIVES = (
    ("deploy", "terminate"),
    ("deploy", "suspend", "resume", "terminate"),
    ("deploy", "stop", "deploy", "terminate"),
    ("deploy", "poweroff", "attach", "resume", "terminate-hard"),
    ("deploy", "migrate", "attachnic", "undeploy", "terminate"),
    ("deploy", "live", "disk-snapshot", "poweroff", "terminate"),
)
RESTING = {"PENDING", "RUNNING", "POWEROFF", "SUSPENDED", "STOPPED", "UNDEPLOYED", "DONE"}


@pytest.fixture(scope="module", params=["sqlite", "mysql"])
def oned(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    daemon = new_daemon(tmp_path_factory.mktemp("kills"), request.param, request, machines.DRIVERS)
    daemon.start()
    yield daemon
    end(daemon)


class Life:
    """A machine and what is still to be done with it."""

    def __init__(self, vm: Machine, ground: Ground, words: tuple[str, ...]) -> None:
        self.vm = vm
        self.ground = ground
        self.todo = list(words)

    def go_on(self, state: str) -> None:
        """Do the next thing, if the machine rests; a server that dies meanwhile may have done it or not."""
        if not self.todo or state not in RESTING:
            return
        oned, oid = self.vm.oned, self.vm.oid
        here, there = self.ground.hosts
        calls = {
            "deploy": ("one.vm.deploy", oid, here, False, self.ground.system),
            "migrate": ("one.vm.migrate", oid, there, False),
            "live": ("one.vm.migrate", oid, there, True),
            "attach": ("one.vm.attach", oid, 'DISK=[TYPE="fs", SIZE="1", FORMAT="raw"]'),
            "attachnic": ("one.vm.attachnic", oid, f'NIC=[NETWORK_ID="{self.ground.network}"]'),
            "disk-snapshot": ("one.vm.disksnapshotcreate", oid, 0, ""),
        }
        method, *params = calls.get(self.todo[0], ("one.vm.action", self.todo[0], oid))
        with suppress(*DEAD):
            answer = oned.call(str(method), *params)
            if answer[0]:
                self.todo.pop(0)
            else:
                # Done just before the server died, so that its answer was lost.
                assert "state" in answer[1] or "already running" in answer[1], answer
                self.todo.pop(0)


def states(oned: Daemon) -> dict[int, str]:
    """The state of each machine that is not DONE; every one is legal."""
    found = {}
    pool = str(oned.ok("one.vmpool.infoextended", -2, -1, -1, -1))
    for oid, state, lcm in re.findall(
        r"<VM><ID>(\d+)</ID>.*?<STATE>(\d+)</STATE><LCM_STATE>(\d+)</LCM_STATE>", pool
    ):
        name = VmState(int(state)).name
        found[int(oid)] = LcmState(int(lcm)).name if name == "ACTIVE" else name
    return found


def work(oned: Daemon, lives: list[Life], seconds: float) -> None:
    """Let all go on for a while, or until the server is gone."""
    stop = time.monotonic() + seconds
    while time.monotonic() < stop:
        try:
            now = states(oned)
        except DEAD:
            return
        for life in lives:
            life.go_on(now.get(life.vm.oid, "DONE"))


def test_killed_at_random_instants_every_machine_goes_on_to_its_end(oned: Daemon) -> None:
    dice = random.Random(20)
    ground = machines.lay(oned, "killed")
    killed = 0
    while killed < KILLS:
        lives = [
            Life(machines.new(ground, machines.furnished(ground)), ground, LIVES[number % len(LIVES)])
            for number in range(MACHINES)
        ]
        while any(life.todo for life in lives) and killed < KILLS:
            work(oned, lives, dice.uniform(0.0, 0.1))
            kill(oned, lives, dice.uniform(0.0, 0.15))
            killed += 1
            oned.start()
        finish(oned, lives)
        ground.is_given_back()


def kill(oned: Daemon, lives: list[Life], seconds: float) -> None:
    """Work until the server dies in the middle of it."""
    process = oned.process
    assert process is not None
    timer = Timer(seconds, process.kill)
    timer.start()
    work(oned, lives, seconds + 1)
    timer.join()
    process.wait(10)


def finish(oned: Daemon, lives: list[Life]) -> None:
    """Nothing more is killed: every machine comes to its end."""
    stop = time.monotonic() + 60
    while left := states(oned):
        assert time.monotonic() < stop, left
        for life in lives:
            state = left.get(life.vm.oid, "DONE")
            if not life.todo and state in RESTING - {"DONE"}:
                life.todo = ["terminate"]
            life.go_on(state)
        time.sleep(0.02)
