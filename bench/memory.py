"""Memory of an idle all-in-one container, service by service."""

import time

from bench import box
from bench.figures import Bench, Figure, Yardstick
from bootstrap import descriptors
from tests.support.front import front

SETTLE = 10.0
"""Seconds after it became healthy until it counts as idle."""
SAMPLES = 3


def measure() -> list[Figure]:
    """Proportional set sizes, held against what each service's descriptor declares, and the control group."""
    with front({}, "--cap-add=SYS_PTRACE") as one:  # to read what the kernel says of other users' processes
        box.healthy(one)
        time.sleep(SETTLE)
        samples = [box.inside(one, "memory") for _ in range(SAMPLES)]
    declared = {name: float(found.memory) for name, found in descriptors.load().items()}
    names = sorted(samples[0]["services"], key=lambda name: -samples[0]["services"][name])
    rows = {name: [sample["services"][name] / 1024 for sample in samples] for name in names}
    group = [sample["group"]["used"] / 1024 for sample in samples]
    total = Figure("all services", "MiB", [sum(column) for column in zip(*rows.values(), strict=True)],
                   yardstick=Yardstick("control group", sorted(group)[SAMPLES // 2]))  # fmt: skip
    return [*(Figure(name, "MiB", values, declared.get(name)) for name, values in rows.items()), total]


MEMORY = Bench(
    "memory",
    f"An all-in-one container that has been healthy for {SETTLE:.0f} s: proportional set size of each service with "
    "its children (shared pages count in part, so the sum is true). The target is what the service's descriptor "
    "declares. The control group counts as `docker stats` does: without page cache that the kernel may drop.",
    measure,
)
