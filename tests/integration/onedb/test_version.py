"""``onedb version``: its texts and exit codes."""

import json
import time

import pytest

from tests.integration.onedb.world import World, sqlite_world

SECONDS = 0.15
"""Of the processor; a busy machine makes it wait longer."""


def _set(world: World, shared: str, local: str) -> None:
    world.sql(f"UPDATE db_versioning SET version = '{shared}'")
    world.sql(f"UPDATE local_db_versioning SET version = '{local}'")


def test_codes_follow_both_halves(world: World) -> None:
    world.fill("6.0", 1)
    for shared, local, code in [
        ("6.0.0", "6.0.0", 0),
        ("5.12.0", "5.12.0", 2),
        ("5.9.0", "5.10.0", 2),
        ("6.0.0", "5.12.0", 2),
        ("5.12.0", "6.0.0", 2),
        ("6.2.0", "6.0.0", 3),
        ("6.0.0", "6.10.0", 3),
        ("6.2.0", "5.12.0", 3),
        ("none", "5.12.0", 255),
    ]:
        _set(world, shared, local)
        done = world.run("version")
        assert done.returncode == code, (shared, local, done)
        if code == 255:
            assert "'none'" in done.stderr
            continue
        head = (
            f"Shared: {shared}\nLocal:  {local}\nRequired shared version: 6.0.0\nRequired local version:  6.0.0\n"
        )
        tail = {
            0: "",
            2: "\nUpdate required. Expected DB version is:\nLocal:  6.0.0\nShared: 6.0.0\n",
            3: "\nWARNING: Source version is lower than DB version\n",
        }[code]
        assert done.stdout == head + tail


def test_newest_row_counts_and_details_are_told(world: World) -> None:
    world.fill("5.12", 1)
    world.sql("INSERT INTO db_versioning (oid, version, timestamp, comment) VALUES (7, '6.0.0', 0, 'later')")
    done = world.run("version", "-v")
    assert done.returncode == 2
    assert "Shared tables version:   6.0.0\nRequired version:        6.0.0\nTimestamp: " in done.stdout
    assert "Comment:   later\n\nLocal tables version:    5.12.0\n" in done.stdout
    document = json.loads(world.run("version", "--json").stdout)
    assert (document["state"], document["local"]["version"]) == ("older", "5.12.0")


def test_what_is_not_bootstrapped_is_1_and_what_is_damaged_255(world: World) -> None:
    if world.server is not None:
        assert world.run("version").stdout == "Database is not correctly bootstraped.\n"
    done = world.run("version")
    assert (done.returncode, done.stdout) == (1, "Database is not correctly bootstraped.\n")
    assert not world.settings.path.exists()
    world.fill("6.0", 1)
    world.sql("DROP TABLE local_db_versioning")
    assert world.run("version").returncode == 255


def test_a_server_that_is_not_there_is_255_without_the_password(world: World) -> None:
    words = ["version", "-S", "127.0.0.1", "-P", "1", "-u", "oneadmin", "-d", "one"]
    done = sqlite_world(world.root).start(*world.command()[:3], *words)
    _, err = done.communicate(timeout=60)
    assert done.returncode == 255
    assert "cannot be used" in err
    assert "db-secret-word" not in err


def test_a_password_on_the_command_line_is_refused(world: World) -> None:
    done = world.run("version", "-p", "topsecret")
    assert done.returncode == 255
    assert "ONE_DB_PASSWORD" in done.stderr
    assert "topsecret" not in done.stderr


@pytest.mark.parametrize("words", [[], ["nonsense"], ["--help"]])
def test_without_a_command_there_is_help(tmp_path: object, world: World, words: list[str]) -> None:
    done = world.start(*world.command()[:3], *words)
    out, _ = done.communicate(timeout=60)
    assert done.returncode == 0
    assert "Usage: onedb COMMAND" in out


def test_it_takes_little_time(world: World) -> None:
    world.fill("6.0", 1)
    best = 9.0
    for _ in range(5):
        before = time.process_time(), sum(_children())
        assert world.run("version").returncode == 0
        best = min(best, sum(_children()) - before[1])
    assert best < SECONDS


def _children() -> tuple[float, float]:
    import os

    times = os.times()
    return times.children_user, times.children_system
