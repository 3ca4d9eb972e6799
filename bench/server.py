"""oned: exec to the first answer, and stop; in the container and by itself."""

import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from bench import box
from bench.figures import Bench, Figure, Yardstick
from bench.load import mariadb, sqlite
from tests.integration.oned.daemon import Daemon
from tests.support.front import front

ROUNDS = 5
START, STOP = Yardstick("the incumbent", 4.16), Yardstick("the incumbent", 6.01)


def _pair(where: str, starts: list[float], stops: list[float]) -> list[Figure]:
    return [
        Figure(f"{where}: exec to first answer", "s", starts, 1, yardstick=START),
        Figure(f"{where}: stop", "s", stops, 1, yardstick=STOP),
    ]


def contained() -> list[Figure]:
    """Restarted by Supervisor in a healthy all-in-one container, on MariaDB."""
    with front() as one:
        box.healthy(one)
        found = box.inside(one, "restart", "opennebula", str(ROUNDS))
    return _pair("in the container", found["start"], found["stop"])


def alone(where: str, make: Callable[[Path], AbstractContextManager[Daemon]]) -> list[Figure]:
    """A process of its own on a database that exists."""
    with tempfile.TemporaryDirectory() as name, make(Path(name)) as daemon:
        daemon.start()
        daemon.stop()
        times = [(daemon.start(), daemon.stop()[1]) for _ in range(ROUNDS)]
    return _pair(where, [start for start, _ in times], [stop for _, stop in times])


ONED = Bench(
    "oned",
    "From the exec of oned until `one.system.version` answers (asked every 5 ms), from SIGTERM until the process has "
    "ended. The incumbent's figures are of another run on a machine like this.",
    lambda: [*contained(), *alone("alone on MariaDB", mariadb), *alone("alone on SQLite", sqlite)],
)
