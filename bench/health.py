"""The probe inside the container."""

import statistics

from bench import box
from bench.figures import Bench, Figure, Yardstick
from tests.support.front import front

RUNS = 300


def measure() -> list[Figure]:
    """The probe of a healthy all-in-one container, its three questions, and an interpreter that does nothing."""
    with front() as one:
        box.healthy(one)
        bare = box.inside(one, "loop", "100", "/usr/bin/python3", "-IS", "-c", "pass")
        yardstick = Yardstick("an interpreter that does nothing", statistics.median(bare))
        probes = box.inside(one, "loop", str(RUNS), box.PROBE)
        live = box.inside(one, "loop", "100", box.PROBE, "--live")
    return [
        Figure("the probe", "ms", probes, 50, "p99", yardstick),
        Figure("the probe, `--live`", "ms", live, 50, "p99", yardstick),
    ]


PROBE = Bench(
    "health",
    "Inside a healthy all-in-one container, in one `exec`: from the start of the probe's process until it is reaped, "
    "10 ms apart.",
    measure,
)
