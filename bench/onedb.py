"""onedb: whole processes that upgrade old databases, take the upgrade back and restore, beside plain tools."""

import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.figures import Bench, Figure, Yardstick
from bench.load import BUFFER_POOL
from bench.processes import Life, process
from tests.integration.oned.mariadb import MariaDb, free_port
from tests.integration.onedb.world import World, mysql_world, sqlite_world

FLEETS = ((10_000, 2.0, 3), (100_000, 20.0, 1))
"""Virtual machines, seconds that their upgrade may take, and how often it is measured."""
RESTORED = 3_000
"""Machines of a backup of about 22 MB."""
INCUMBENT_VERSION, INCUMBENT_UPGRADE, INCUMBENT_RESTORE = 0.39, 11.9, 1.6
"""Seconds of OpenNebula 6.0.0.3 on two cores: ``version``; 10,000 machines from 5.12 with backup; a backup of 22 MB."""
MEMORY = 300.0


@contextmanager
def worlds(folder: Path) -> Iterator[list[tuple[str, Callable[[], World]]]]:
    """What makes an empty database, for each backend."""
    server = MariaDb(folder / "server", free_port(), pool=BUFFER_POOL)
    server.folder.mkdir()
    server.install()
    server.start()

    def fresh() -> Path:
        return Path(tempfile.mkdtemp(dir=folder))

    try:
        yield [("SQLite", lambda: sqlite_world(fresh())), ("MariaDB", lambda: mysql_world(fresh(), server))]
    finally:
        server.stop()


def onedb(world: World, *words: str) -> Life:
    """A command that must succeed."""
    return process(*world.command(*words), environment=world.environment)


def old_tables(world: World) -> list[str]:
    """What a plain tool would write."""
    return [name for name in world.tables() if not name.startswith("oneedge_")]


def dumped(world: World) -> float:
    """Seconds of the database's own client to write everything to a file, unproven."""
    if world.server is None:
        command = ["sqlite3", str(world.settings.path), ".dump"]
    else:
        command = [
            "mariadb-dump",
            f"--socket={world.server.socket}",
            "-uroot",
            "--single-transaction",
            world.settings.name,
        ]
    begin = time.perf_counter()
    with (world.root / "dump").open("wb") as stream:
        subprocess.run(command, check=True, stdout=stream)
    return time.perf_counter() - begin


def copied(world: World) -> float:
    """Seconds of the database to copy all tables by itself, committed."""
    names = old_tables(world)
    begin = time.perf_counter()
    for name in names:
        world.sql(f"CREATE TABLE plain_{name} AS SELECT * FROM {name}")  # noqa: S608 (a table of the test)
    seconds = time.perf_counter() - begin
    for name in names:
        world.sql(f"DROP TABLE plain_{name}")
    return seconds


def upgrades(label: str, world: World, vms: int, limit: float, runs: int) -> Iterator[Figure]:
    """From 5.12 to 6.0 with a proven backup, and back."""
    world.fill("5.12", vms)
    counts = [f"SELECT COUNT(*) FROM {name}" for name in old_tables(world)]  # noqa: S608 (tables of the test)
    rows = sum(int(world.rows(count)[0][0]) for count in counts)
    dump, copy = dumped(world), copied(world)
    forth, back = [], []
    for number in range(runs):
        forth.append(onedb(world, "upgrade", "--backup", str(world.root / f"backup{number}")))
        back.append(onedb(world, "upgrade", "--rollback"))
    what = f"{label}, {vms:,} machines"
    seconds = [life.seconds for life in forth]
    yield Figure(
        f"{what}: upgrade with proven backup", "s", seconds, limit, yardstick=Yardstick("a plain dump", dump)
    )
    rates = [rows / each for each in seconds]
    yield Figure(f"{what}: rows", "rows/s", rates, yardstick=Yardstick("a plain copy of all tables", rows / copy))
    yield Figure(f"{what}: peak memory", "MiB", [life.memory for life in forth], MEMORY)
    yield Figure(f"{what}: rollback", "s", [life.seconds for life in back], 1.0)


def restores(label: str, world: World) -> Figure:
    """A backup of about 22 MB into the database that it came from."""
    world.fill("6.0", RESTORED)
    path = world.root / "backup"
    onedb(world, "backup", str(path))
    size = path.stat().st_size / 1e6
    seconds = [onedb(world, "restore", "-f", str(path)).seconds for _ in range(3)]
    beside = Yardstick("the incumbent, 22 MB", INCUMBENT_RESTORE)
    return Figure(f"{label}: restore of {size:.0f} MB", "s", seconds, INCUMBENT_RESTORE, yardstick=beside)


def measure() -> list[Figure]:
    """Both databases, one after the other."""
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory() as name, worlds(Path(name)) as makers:
        for label, make in makers:
            world = make()
            world.fill("5.12", 100)
            versions = [_version(world) for _ in range(15)]
            beside = Yardstick("the incumbent", INCUMBENT_VERSION)
            figures.append(Figure(f"{label}: version", "s", versions, 0.15, yardstick=beside))
            for vms, limit, runs in FLEETS:
                figures += upgrades(label, make(), vms, limit, runs)
            figures.append(restores(label, make()))
    return figures


def _version(world: World) -> float:
    """Seconds of ``onedb version``, which answers 2 for a database that is older."""
    begin = time.perf_counter()
    done = world.run("version")
    seconds = time.perf_counter() - begin
    if done.returncode != 2:
        raise RuntimeError(f"onedb version ended with {done.returncode}: {done.stderr}")
    return seconds


ONEDB_BENCH = Bench(
    "onedb",
    "Whole processes on databases of 5.12 that the tests' generator makes; MariaDB with the front-end's buffer and "
    "durable commits. An upgrade writes and proves its backup; the incumbent takes "
    f"{INCUMBENT_UPGRADE} s for 10,000 machines. Beside it, in the same run: `mariadb-dump` or `sqlite3 .dump`, and "
    "`CREATE TABLE ... AS SELECT` of all tables.",
    measure,
    image=False,
)
