"""Backups and restores on SQLite and MariaDB, held against what is in the database and against the plain clients."""

import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import astuple, dataclass, replace
from pathlib import Path

import pytest

from oned.config import DatabaseSettings
from onedb.backup.reader import verify
from onedb.backup.restore import restore
from onedb.backup.writer import backup
from onedb.errors import OnedbError
from onedb.upgrade.progress import Event
from tests.integration.oned.mariadb import MariaDb, free_port
from tests.integration.onedb.odd_values import elsewhere, everything, fill, mysql_settings, sqlite_settings


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MariaDb]:
    found = MariaDb(tmp_path_factory.mktemp("db"), free_port())
    found.install()
    found.start()
    yield found
    found.stop()


@dataclass
class World:
    settings: DatabaseSettings
    server: MariaDb | None
    folder: Path

    def other(self, name: str) -> DatabaseSettings:
        return elsewhere(self.settings, self.server, name)

    def load(self, path: Path, into: DatabaseSettings) -> None:
        """With the plain client."""
        if self.server is None:
            command = ["sqlite3", "-bail", str(into.path)]
        else:
            command = ["mariadb", "--no-defaults", f"--socket={self.server.socket}", "--user=root", into.name]
        with path.open("rb") as stream:
            done = subprocess.run(command, stdin=stream, capture_output=True, check=False, timeout=60)
        assert (done.returncode, done.stderr) == (0, b"")


@pytest.fixture(params=["sqlite", "mysql"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> World:
    server: MariaDb | None = None
    settings = sqlite_settings(tmp_path / "one.db")
    if request.param == "mysql":
        server = request.getfixturevalue("server")
        settings = mysql_settings(server, "opennebula")
    fill(settings)
    return World(settings, server, tmp_path)


def test_what_is_restored_is_what_was_there(world: World) -> None:
    before = everything(world.settings)
    made = backup(world.settings, world.folder / "a.sql")
    assert {name: tally.rows for name, tally in made.tables.items()} == {n: len(r) for n, r in before.items()}
    assert made.path.stat().st_mode & 0o777 == 0o600
    assert verify(made.path).tables == made.tables
    target = world.other("copied")
    restore(target, made.path)
    assert everything(target) == before
    assert everything(world.settings) == before
    assert backup(target, world.folder / "b.sql").tables == made.tables


def test_the_plain_client_loads_the_file(world: World) -> None:
    made = backup(world.settings, world.folder / "a.sql")
    target = world.other("loaded")
    world.load(made.path, target)
    assert everything(target) == everything(world.settings)


def test_the_longest_body_comes_back(world: World) -> None:
    long = world.other("longest")
    fill(long, big=4_000_000 if world.server else 12_000_000)
    made = backup(long, world.folder / "a.sql")
    target = world.other("back")
    restore(target, made.path)
    assert everything(target) == everything(long)


def test_a_restore_takes_the_place_of_everything(world: World) -> None:
    before = everything(world.settings)
    made = backup(world.settings, world.folder / "a.sql")
    target = world.other("taken")
    fill(target, version="5.12.0", big=3)
    with pytest.raises(OnedbError, match="exists, use -f to overwrite"):
        restore(target, made.path)
    restore(target, made.path, overwrite=True)
    assert everything(target) == before


def damaged(data: bytes, world: World, name: str = "damaged.sql") -> Path:
    path = world.folder / name
    path.write_bytes(data)
    return path


def test_truncated_or_flipped_files_are_refused_and_change_nothing(world: World) -> None:
    data = backup(world.settings, world.folder / "a.sql").path.read_bytes()
    target = world.other("kept")
    fill(target, version="5.12.0", big=3)
    kept = everything(target)
    small = [0, 1, 20, 40, len(data) // 3, len(data) - 1, len(data) - 2, len(data) - 200]
    places = [*small, data.index(b"INSERT"), data.index(b"CREATE TABLE") + 30, data.rindex(b");\n") + 1]
    files = [data[:place] for place in places]
    flips = range(3, len(data), len(data) // 12)
    files.extend(data[:place] + bytes([data[place] ^ 1 << place % 8]) + data[place + 1 :] for place in flips)
    for content in files:
        path = damaged(content, world)
        with pytest.raises(OnedbError):
            verify(path)
    for content in files[::6]:
        with pytest.raises(OnedbError):
            restore(target, damaged(content, world), overwrite=True)
        assert everything(target) == kept


FOREIGN = {
    "gzip": b"\x1f\x8b\x08" + bytes(range(256)),
    "database": b"SQLite format 3\0" + bytes(4000),
    "random": os.urandom(100_000),
    "empty": b"",
    "line": b"-- MariaDB dump 10.19\n" + b"x" * 3_000_000,
    "postgres": b"-- PostgreSQL database dump\nCREATE TABLE x (a int);\n",
    "other": b"-- MariaDB dump 10.19\nCREATE TABLE `shop` (`a` int);\n-- Dump completed on x\n",
    "select": b"-- MariaDB dump 10.19\nDELETE FROM mysql.user;\n-- Dump completed on x\n",
    "schema": b"-- MariaDB dump 10.19\nCREATE TABLE `mysql`.`user` (`a` int);\n-- Dump completed on x\n",
    "newer": b"-- oneedge database backup, format 2\nwhatever\n",
    "format": b"-- oneedge database backup, format " + b"9" * 5000 + b"\n",
    "deep": b"-- MariaDB dump 10.19\nINSERT INTO `a` VALUES (" + b"replace(" * 5000 + b"\n",
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_what_is_no_backup_is_named(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(FOREIGN[kind])
    with pytest.raises(OnedbError) as caught:
        verify(path)
    assert str(path) in caught.value.message or "The backup" in caught.value.message
    assert caught.value.todo


def test_a_database_of_a_newer_version_is_not_restored(world: World) -> None:
    newer = world.other("newer")
    fill(newer, version="6.10.0", big=3)
    made = backup(newer, world.folder / "a.sql")
    before = everything(world.settings)
    with pytest.raises(OnedbError, match=r"6\.10\.0, newer than 6\.0\.0"):
        restore(world.settings, made.path, overwrite=True)
    assert everything(world.settings) == before


def test_existing_files_stay_and_killed_runs_leave_nothing(world: World) -> None:
    path = world.folder / "a.sql"
    leftover = world.folder / ".b.sql.1.onedb-part"
    leftover.write_bytes(b"half")
    path.write_bytes(b"precious")
    with pytest.raises(OnedbError, match=r"exists, backup aborted\. Use -f to overwrite"):
        backup(world.settings, path)
    assert path.read_bytes() == b"precious"
    backup(world.settings, path, overwrite=True)
    verify(path)
    assert not leftover.exists()
    assert not list(world.folder.glob("*-part")) + list(world.folder.glob(".*-part"))


def test_a_disk_that_is_full_leaves_no_file(world: World) -> None:
    code = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (50000, 50000))\n"
        "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "from pathlib import Path; from oned.config import DatabaseSettings as D\n"
        "from onedb.backup.writer import backup; from onedb.errors import OnedbError\n"
        f"s = D({', '.join(map(repr, astuple(world.settings)[:6]))}, Path({str(world.settings.path)!r}), 2)\n"
        f"try: backup(s, Path({str(world.folder / 'full.sql')!r}))\n"
        "except OnedbError as e: print(e.todo); sys.exit(9)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (9, "")
    assert "Free space" in done.stdout
    assert not list(world.folder.glob("*full.sql*")) + list(world.folder.glob(".*full*"))


def test_backups_at_once_and_while_others_write(world: World) -> None:
    results: list[object] = []
    path = world.folder / "same.sql"

    def run() -> None:
        try:
            results.append(backup(world.settings, path).path)
        except OnedbError as error:
            results.append(error)

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results.count(path) >= 1
    verify(path)


def dump_like_upstream(world: World) -> bytes:
    """The shape of OpenNebula's own ``onedb backup`` on SQLite, by the same client."""
    names = everything(world.settings)
    drops = "".join(f'DROP TABLE IF EXISTS "{name}";\n' for name in names).encode()
    command = ["sqlite3", str(world.settings.path), ".dump"]
    return drops + subprocess.run(command, capture_output=True, check=True, timeout=60).stdout


def _as_mariadb_dump(data: bytes, name: str) -> bytes:
    """Our rows in the frame of ``mariadb-dump --add-drop-database --databases``."""
    text = data[data.index(b"DROP TABLE") : data.rindex(b"-- end ")]
    head = (
        "/*M!999999\\- enable the sandbox mode */ \n-- MariaDB dump 10.19  Distrib 10.11.19-MariaDB\n--\n"
        "/*!40101 SET @OLD_CHARACTER_SET_CLIENT=@@CHARACTER_SET_CLIENT */;\n/*!40101 SET NAMES utf8mb4 */;\n"
        f"/*!40000 DROP DATABASE IF EXISTS `{name}`*/;\n\n"
        f"CREATE DATABASE /*!32312 IF NOT EXISTS*/ `{name}` /*!40100 DEFAULT CHARACTER SET utf8mb4 */;\n\n"
        f"USE `{name}`;\n"
    ).encode()
    return head + text + b"\n/*!40101 SET SQL_MODE=@OLD_SQL_MODE */;\n\n-- Dump completed on 2021-04-01 12:00:00\n"


@pytest.fixture
def foreign(world: World) -> Callable[[], bytes]:
    def make() -> bytes:
        if world.server is None:
            return dump_like_upstream(world)
        return _as_mariadb_dump(
            backup(world.settings, world.folder / "x.sql").path.read_bytes(), world.settings.name
        )

    return make


def test_a_dump_in_the_shape_of_the_original_is_restored_elsewhere(
    world: World, foreign: Callable[[], bytes]
) -> None:
    if world.server is None:
        with sqlite3.connect(world.settings.path) as connection:  # sqlite3 writes no text behind a NUL
            connection.execute("DELETE FROM vm_pool WHERE oid = 5")
        connection.close()
    before = everything(world.settings)
    data = foreign()
    target = world.other("foreign_copy")
    restore(target, damaged(data, world))
    assert everything(target) == before
    assert everything(world.settings) == before  # which the file names, and says to drop
    for end in (len(data) - 60, len(data) // 2, data.rindex(b"INSERT")):
        with pytest.raises(OnedbError):
            verify(damaged(data[:end], world))


def test_the_other_kind_of_database_is_refused(world: World, tmp_path: Path) -> None:
    made = backup(world.settings, world.folder / "a.sql")
    kind = replace(world.settings, backend="sqlite", path=tmp_path / "new.db")
    if world.server is not None:
        with pytest.raises(OnedbError, match="is a backup of MariaDB"):
            restore(kind, made.path)
        assert not kind.path.exists()


def onedb(world: World, command: str, *words: str) -> tuple[int, str]:
    """The command itself, on this database."""
    settings = world.settings
    place = ["--sqlite", str(settings.path)]
    if world.server is not None:
        place = ["-S", settings.server, "-P", str(settings.port), "-u", settings.user, "-d", settings.name]
    done = subprocess.run(
        [sys.executable, "-m", "onedb.cli", command, *place, *words],
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(Path(__file__).resolve().parents[3]),
            "ONEEDGE_ROOT": str(world.folder / "root"),
            "ONE_DB_PASSWORD": settings.password,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout + done.stderr


def test_the_commands(world: World) -> None:
    path = world.folder / "one-1.sql"
    before = everything(world.settings)
    code, said = onedb(world, "backup", str(path))
    assert code == 0
    assert f"stored in {path}" in said
    assert onedb(world, "verify", str(path))[0] == 0
    code, said = onedb(world, "backup", str(path))
    assert (code, f"File {path} exists, backup aborted. Use -f to overwrite." in said) == (255, True)
    code, said = onedb(world, "restore", str(path))
    assert (code, "exists, use -f to overwrite." in said) == (255, True)
    assert onedb(world, "restore", "-f", str(path))[0] == 0
    assert everything(world.settings) == before
    assert onedb(world, "restore", str(world.folder / "none"))[0] == 255
    (world.folder / "one-3.sql").write_text("of somebody else")
    code, said = onedb(world, "backup", str(world.folder / "one-2.sql"), "--keep", "1")
    assert (code, "Removed the old backup" in said) == (0, True)
    assert sorted(file.name for file in world.folder.glob("one-*.sql")) == ["one-2.sql", "one-3.sql"]
    assert onedb(world, "backup", str(path), "--keep", "0")[0] == 255


def test_a_killed_restore_changes_nothing_and_the_next_one_clears_up(world: World) -> None:
    before = everything(world.settings)
    path = backup(world.settings, world.folder / "a.sql").path
    target = world.other("killed")
    fill(target, version="5.12.0", big=3)
    kept = everything(target)
    child = os.fork()
    if child == 0:

        def kill(event: Event) -> None:
            if (event.phase, event.table) == ("restore", "vm_pool"):
                os.kill(os.getpid(), 9)

        restore(target, path, kill, overwrite=True)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -9
    found = everything(target)
    left = {name for name in found if name.startswith("oneedge_restore_")}
    assert bool(left) == (world.server is not None)
    assert {name: rows for name, rows in found.items() if name not in left} == kept
    restore(target, path, overwrite=True)
    assert everything(target) == before
