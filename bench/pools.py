"""Ten thousand virtual machines: lists of them, the memory these take, and changes that go on all the time."""

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from bench.figures import Bench, Figure, Yardstick
from bench.load import CLIENTS, NUMBER, Load, Outcome, mariadb, put, put_together, resident
from bench.throughput import MACHINE
from tests.integration.oned.daemon import Daemon

MACHINES = 10_000
TEMPLATES = 13_000
LIST = (-2, -1, -1, -2)
"""All of all users in all states."""
INFO, EXTENDED = (
    Load("vmpool.info", LIST, clients=1, count=20),
    Load("vmpool.infoextended", LIST, clients=1, count=10),
)
CHANGES_PER_SECOND = 20
SUSTAINED_SECONDS = 60.0
LONGER = 'NOTE = "' + "some words about a machine " * 20 + '"\nLABELS = "a,b,c"\nSCHED_RANK = "FREE_CPU"\n'
"""Makes a body about as long as in the incumbent's measurement (1.7 KB)."""


def fill(daemon: Daemon, load: Load, count: int) -> Outcome:
    """Make ``count`` objects."""
    return put(daemon, replace(load, count=count // CLIENTS, seconds=0, keep=True))


def lists(daemon: Daemon) -> Iterator[Figure]:
    """Lists for one client and for eight at once, and the memory before and after."""
    before = resident(daemon)
    for load, limit in ((INFO, 33.3), (EXTENDED, 129.7)):
        yield Figure(f"{load.name}, 1 client", "ms", put(daemon, load).milliseconds, limit)
    for load, slowest in ((INFO, 200.8), (EXTENDED, 676.2)):
        found = put(daemon, replace(load, clients=CLIENTS, count=6))
        yield Figure(f"{load.name}, {CLIENTS} clients", "ms", found.milliseconds, slowest)
    incumbent = Yardstick("the incumbent", 443.0)
    yield Figure("memory before the lists", "MiB", [before])
    yield Figure("memory after the lists", "MiB", [resident(daemon)], 443.0, yardstick=incumbent)


def sustained(daemon: Daemon) -> Iterator[Figure]:
    """Changes of machines at a steady rate while others read; none late, and memory flat."""
    before = resident(daemon)
    text = f'NOTE = "changed {NUMBER}"'
    changes = [
        Load("vm.update", (oid, text, 1), clients=1, seconds=SUSTAINED_SECONDS, rate=CHANGES_PER_SECOND / 4)
        for oid in range(0, MACHINES, MACHINES // 4)
    ]
    outcomes = put_together(daemon, [*changes, replace(INFO, count=0, seconds=SUSTAINED_SECONDS, rate=0.2)])
    done = [each for outcome in outcomes[:-1] for each in outcome.milliseconds]
    yield Figure(
        "changes done", "changes/s", [len(done) / SUSTAINED_SECONDS], 0.99 * CHANGES_PER_SECOND, floor=True
    )
    yield Figure("a change, from when it was due", "ms", done, 100.0, "p99")
    yield Figure("memory grown by", "MiB", [resident(daemon) - before], 64.0)


def measure() -> list[Figure]:
    """All of it on one database."""
    template = Load("template.allocate", (MACHINE.replace('"vm"', f'"t{NUMBER}"', 1),))
    with tempfile.TemporaryDirectory() as name, mariadb(Path(name)) as daemon:
        daemon.start()
        first = put(daemon, replace(template, seconds=3.0))
        made = fill(daemon, Load("vm.allocate", (MACHINE + LONGER, True)), MACHINES)
        figures = [Figure(f"vm.allocate until {MACHINES:,}", "calls/s", [made.rate], 413.3, floor=True)]
        figures += lists(daemon)
        vm = put(daemon, Load("vm.info", (MACHINES // 2,), seconds=3.0))
        figures.append(Figure("vm.info among them", "calls/s", [vm.rate], 1011.2, floor=True))
        figures += sustained(daemon)
        fill(daemon, template, TEMPLATES)
        last = put(daemon, replace(template, seconds=3.0))
        figures.append(Figure("template.allocate, few templates", "calls/s", [first.rate], 480.9, floor=True))
        label = f"template.allocate, {TEMPLATES:,} templates"
        figures.append(Figure(label, "calls/s", [last.rate], 0.8 * first.rate, floor=True))
        figures.append(starts(daemon))
    return figures


def starts(daemon: Daemon) -> Figure:
    """From the exec to the first answer, with all these objects."""
    times = []
    for _ in range(3):
        daemon.stop()
        times.append(daemon.start())
    return Figure("start with all of them", "s", times, 1.0, yardstick=Yardstick("the incumbent", 4.39))


POOLS = Bench(
    "pools",
    f"One server on MariaDB with {MACHINES:,} virtual machines whose bodies are about 1.7 KB. Lists are of all "
    "machines, read to their end. While machines are changed (`vm.update`, each change durable), another client reads "
    "the list every 5 s. Memory is the server's resident set. Targets are the incumbent's figures with as many "
    "machines; what it keeps after the lists is 443 MB.",
    measure,
    image=False,
)
