"""From ``run`` to healthy, the bootstrap's share of it, and ``stop``."""

import re
import statistics
import time
from dataclasses import dataclass
from datetime import datetime

from bench import box
from bench.figures import Bench, Figure, Yardstick
from tests.support.engine import engine, status, until
from tests.support.front import Front, front, volumes

ROUNDS = 5
STEPS = re.compile(r"\[BOOTSTRAP\] \d+ changes in ([\d.]+) s")
SUPERVISOR = "supervisord started with pid 1"


@dataclass(frozen=True)
class Life:
    """Seconds of one container: from ``run`` to healthy, the bootstrap's own line, ``stop``."""

    healthy: float
    steps: float
    stop: float


def life(mounts: dict[str, str]) -> Life:
    """Run a container on these volumes until it is healthy, then stop it."""
    began = time.perf_counter()
    with front(mounts=mounts) as one:
        box.healthy(one)
        healthy = time.perf_counter() - began
        steps = STEPS.search(one.logs())
        assert steps, "the log has the bootstrap's line"
        return Life(healthy, float(steps[1]), one.stop())


def lives() -> list[Figure]:
    """First boots on empty volumes, each followed by a warm one on the same volumes in a new container."""
    empty = Yardstick("empty container", statistics.median(box.empty_container() for _ in range(ROUNDS)))
    first, warm = [], []
    for _ in range(ROUNDS):
        with volumes() as mounts:
            first.append(life(mounts))
            warm.append(life(mounts))
    return [
        Figure("first boot, `run` to healthy", "s", [one.healthy for one in first], 10, yardstick=empty),
        Figure("warm boot, `run` to healthy", "s", [one.healthy for one in warm], 3, yardstick=empty),
        Figure("the bootstrap's line, first boot", "s", [one.steps for one in first]),
        Figure("the bootstrap's line, warm boot", "s", [one.steps for one in warm]),
        Figure("`stop` of a healthy front-end", "s", [one.stop for one in (*first, *warm)]),
    ]


def _stamped(one: Front) -> list[tuple[float, str]]:
    """The log's lines with the instant at which the engine read each."""
    lines = []
    for line in status(["logs", "--timestamps", one.name])[1].splitlines():
        stamp, _, text = line.partition(" ")
        # Nanoseconds and the Z of RFC 3339: Python 3.11 takes six digits.
        found = re.fullmatch(r"(.{19})(\.\d{1,6})?\d*(Z|[+-]\d\d:\d\d)", stamp)
        if found:
            instant = datetime.fromisoformat(f"{found[1]}{found[2] or ''}{found[3].replace('Z', '+00:00')}")
            lines.append((instant.timestamp(), text))
    return lines


@dataclass(frozen=True)
class Start:
    """Seconds from the entrypoint's exec to the bootstrap's last line and to Supervisor's first; ``steps`` of them."""

    bootstrap: float
    steps: float
    supervisor: float


def start() -> Start:
    """Let a container boot until Supervisor speaks. A shell prints its clock and becomes the entrypoint."""
    one = Front({"OPENNEBULA_FRONTEND_HOST": "front.test"}, ("--entrypoint=/bin/sh",))
    try:
        engine(*one.command("-c", "date +%s.%N; exec /frontend-bootstrap.sh"))
        until(lambda: SUPERVISOR in one.logs(), 30, "Supervisor has started")
        (_, clock), *lines = _stamped(one)
        began = float(clock)
        last, steps = next((at, found) for at, text in lines if (found := STEPS.search(text)))
        return Start(last - began, float(steps[1]), next(at for at, text in lines if SUPERVISOR in text) - began)
    finally:
        one.remove()


def starts() -> list[Figure]:
    """The bootstrap by itself."""
    found = [start() for _ in range(ROUNDS)]
    with front() as one:
        box.healthy(one)
        python = box.inside(one, "loop", "20", box.PYTHON, "-I", "-c", "pass")
    bare = Yardstick("an interpreter that does nothing", statistics.median(python) / 1000)
    return [
        Figure("exec to the bootstrap's last line", "s", [one.bootstrap for one in found], 0.5, yardstick=bare),
        Figure(
            "of that before the steps: interpreter, parameters", "s", [one.bootstrap - one.steps for one in found]
        ),
        Figure("of that the steps, as the line says", "s", [one.steps for one in found]),
        Figure("exec to Supervisor's first line", "s", [one.supervisor for one in found], yardstick=bare),
    ]


BOOT = Bench(
    "boot",
    "The all-in-one container with named volumes: `run` until the probe's first exit 0 as an `exec` outside sees "
    "it (asked every 100 ms), on empty volumes and then on the same ones in a new container.",
    lives,
)
BOOTSTRAP = Bench(
    "bootstrap",
    "The entrypoint alone on empty volumes: from the clock that a shell prints just before it becomes the "
    "entrypoint to the instant at which the engine read the line. Supervisor's own start counts in the last row only.",
    starts,
)
