"""Servers that die at any instant: every virtual machine goes on to its end, and nothing is left or done twice."""

import itertools
import random
import re
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from http.client import HTTPException
from pathlib import Path
from threading import Timer

import pytest

from oned.infrastructure.vnc import unpack
from oned.model.vm_states import LcmState, VmState
from tests.integration.oned import journal, machines
from tests.integration.oned.conftest import end, new_daemon
from tests.integration.oned.daemon import Daemon
from tests.integration.oned.journal import Journal
from tests.integration.oned.machines import Ground, Machine
from tests.integration.oned.pair import Pair

MACHINES = 12
DRIVER_SECONDS = "0.03"
COMMIT_SECONDS = 1.0
"""The longest time between what a driver has done and the commit of its result, on a machine that is busy."""
MANY = 100
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


@dataclass
class Site:
    """The servers, what their drivers write, and who was killed when."""

    oned: Daemon
    path: Path
    killed: dict[int, float] = field(default_factory=dict)

    @property
    def victims(self) -> list[Daemon]:
        return [self.oned, self.oned.second] if isinstance(self.oned, Pair) else [self.oned]

    def kill(self, victim: Daemon) -> None:
        process = victim.process
        assert process is not None
        process.kill()
        process.wait(10)
        self.killed[process.pid] = time.time()


@pytest.fixture(scope="module")
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("kills")
    path = folder / "journal"
    daemon = new_daemon(folder / "one", request.param, request, journal.drivers(path))
    daemon.start()
    yield Site(daemon, path)
    end(daemon)


class Life:
    """A machine and what is still to be done with it."""

    def __init__(self, vm: Machine, ground: Ground, words: tuple[str, ...]) -> None:
        self.vm = vm
        self.ground = ground
        self.words = words
        self.todo = list(words)
        self.before: object = None
        """What the machine was when a server died that had been asked for the next thing."""

    def go_on(self, state: str) -> None:
        """Do the next thing, if the machine rests."""
        if not self.todo or state not in RESTING:
            return
        with suppress(*DEAD):
            now = self._shape()
            if self.before is None:
                self.before = now
                self._ask()
            elif now != self.before:  # the answer was lost, not what was asked for
                self._next()
            else:
                self._ask()

    def _next(self) -> None:
        self.todo.pop(0)
        self.before = None

    def _shape(self) -> object:
        """What each thing that is done with a machine changes."""
        body = self.vm.body
        state = [body.findtext(name) for name in ("STATE", "LCM_STATE")]
        counts = [len(body.findall(f"{path}")) for path in ("TEMPLATE/DISK", "TEMPLATE/NIC", ".//SNAPSHOT")]
        return state, counts, [record.findtext("SEQ") for record in self.vm.records()]

    def _ask(self) -> None:
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
        answer = oned.call(str(method), *params)
        if answer[0]:
            self._next()
        else:  # the thing is under way: the answer to it was lost
            assert "state" in answer[1] or "already running" in answer[1] or "database" in answer[1], answer


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
            if time.monotonic() > stop:
                return


def finish(oned: Daemon, lives: list[Life]) -> None:
    """Nothing more is killed: every machine comes to its end."""
    stop = time.monotonic() + 60
    while states(oned) or any(life.todo for life in lives):
        left = [(life.vm.oid, life.vm.state, life.todo) for life in lives if life.todo]
        assert time.monotonic() < stop, (left, states(oned))
        work(oned, lives, 0.1)


def new_lives(ground: Ground, count: int) -> list[Life]:
    words = itertools.islice(itertools.cycle(LIVES), count)
    return [
        Life(machines.new(ground, machines.furnished(ground), delay=DRIVER_SECONDS), ground, each)
        for each in words
    ]


def answers(victim: Daemon) -> bool:
    with suppress(*DEAD):
        return bool(victim.alone.call("one.system.version")[0])
    return False


def kill_one(site: Site, lives: list[Life], dice: random.Random) -> None:
    """Work until a server dies in the middle of it; of two sometimes both."""
    victims = site.victims if dice.random() < 0.2 else [dice.choice(site.victims)]
    seconds = dice.uniform(0.0, 0.4)
    timers = [Timer(seconds, site.kill, [victim]) for victim in victims]
    for timer in timers:
        timer.start()
    work(site.oned, lives, seconds)
    for timer in timers:
        timer.join()
    work(site.oned, lives, dice.uniform(0.0, 0.2))
    for victim in victims:
        victim.spawn()
    if dice.random() < 0.9:  # else the next one may be killed before it has begun to work
        stop = time.monotonic() + 30
        while not all(answers(victim) for victim in victims):
            assert time.monotonic() < stop, "the server is back"
            work(site.oned, lives, 0.02)
            time.sleep(0.01)


def nothing_is_left(site: Site, ground: Ground) -> None:
    """Addresses, capacity, images, quotas, console ports, tasks."""
    ground.is_given_back()
    (packed,) = re.findall(
        "<map><!\\[CDATA\\[(.*?)\\]\\]></map>", sql(site.oned, "SELECT map FROM cluster_vnc_bitmap")
    )
    assert sum(unpack(packed)) == 0
    assert "<RESULT></RESULT>" in sql(site.oned, "SELECT id FROM oneedge_task WHERE object = 'VM'")


def sql(oned: Daemon, query: str) -> str:
    return str(oned.ok("one.system.sqlquery", query))


def done_once(site: Site, lives: list[Life], wanted: dict[tuple[str, ...], Counter[str]]) -> None:
    """Every request was made once; a driver was asked again only for what a server had not recorded when it died."""
    found = Journal(site.path)
    for life in lives:
        assert found.of(life.vm.oid) == wanted[life.words], (life.words, life.vm.oid)
    for done in found.repeated():
        assert done.pid in site.killed, f"{done} was done once more while its server lived"
        assert site.killed[done.pid] - done.when < COMMIT_SECONDS, f"{done} was forgotten"


@pytest.mark.parametrize(
    ("site", "kills"),
    [
        ("sqlite", 2),
        ("mysql", 2),
        ("pair", 6),
        pytest.param("sqlite", 200, marks=pytest.mark.full),
        pytest.param("mysql", 200, marks=pytest.mark.full),
        pytest.param("pair", 200, marks=pytest.mark.full),
    ],
    indirect=["site"],
)
def test_killed_at_random_instants_every_machine_goes_on_to_its_end(site: Site, kills: int) -> None:
    dice = random.Random(kills)
    ground = machines.lay(site.oned, "killed")
    undisturbed = new_lives(ground, len(LIVES))
    finish(site.oned, undisturbed)
    wanted = {life.words: Journal(site.path).of(life.vm.oid) for life in undisturbed}
    assert not Journal(site.path).repeated()
    killed = 0
    while killed < kills:
        lives = new_lives(ground, MACHINES)
        while any(life.todo for life in lives) and killed < kills:
            work(site.oned, lives, dice.uniform(0.0, 0.1))
            kill_one(site, lives, dice)
            killed += 1
        for victim in site.victims:
            machines.until(partial(answers, victim), "the server is back", 30)
        finish(site.oned, lives)
        nothing_is_left(site, ground)
        done_once(site, lives, wanted)
    if kills >= MANY:
        found = Journal(site.path)
        assert found.repeated(), "some died between what a driver had done and its record"
        assert len({done.pid for done in found.done}) > kills / 2, "most had begun to work"
