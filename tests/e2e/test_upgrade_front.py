"""``oneedge upgrade`` of the real front-end, to releases to come that work, fail, or are killed half-way."""

from collections.abc import Iterator

import pytest

from launcher import daemon
from launcher.engine import Engine
from tests.e2e.upgrading import Operator, kill, wait_for
from tests.support.engine import ENGINE
from tests.support.front import Front, front
from tests.support.http import call
from tests.support.next_image import MARK, VERSION, next_image

FAILURES = {
    "failing": ((), "the database upgrade failed"),
    "silent": (("--deadline", "40"), "oned's API on port 2633"),
    "breaking": (("--deadline", "45"), "is restored"),
}


@pytest.fixture
def one() -> Iterator[Front]:
    """A healthy front-end of this release on volumes without names, with a document in its database."""
    with front(None, "--restart=unless-stopped") as found:
        found.healthy(90)
        session = found.exec("cat", "/var/lib/one/.one/one_auth").strip()
        assert call(found.address(), "one.document.allocate", session, 'NAME="kept"', 199)[0] is True
        yield found


@pytest.fixture
def operator(one: Front) -> Iterator[Operator]:
    engine: Engine = daemon.existing(ENGINE)
    found = Operator(engine, one.name)
    yield found
    found.remove()


def _database(one: Front) -> tuple[str, bool, list[str]]:
    """The version of the database, whether the next release changed oneadmin, and tables that an upgrade left."""
    statement = "SELECT version FROM local_db_versioning ORDER BY oid DESC LIMIT 1"
    version = one.exec("mariadb", "-BNe", statement, "opennebula").strip()
    body = one.exec("mariadb", "-BNe", "SELECT body FROM user_pool WHERE oid = 0", "opennebula")
    left = one.exec("mariadb", "-BNe", r"SHOW TABLES LIKE 'oneedge\_old\_%'", "opennebula").split()
    return version, MARK in body, left


def _well(one: Front, operator: Operator, *, upgraded: bool) -> None:
    """Healthy, alone, with all of its data, on the right database and nothing else."""
    assert operator.containers == [one.name]
    one.healthy(60)
    assert _database(one) == (VERSION if upgraded else "6.0.0", upgraded, [])
    session = one.exec("cat", "/var/lib/one/.one/one_auth").strip()
    found = call(one.address(), "one.documentpool.info", session, -2, -1, -1, 199)
    assert "<NAME>kept</NAME>" in found[1]


def test_a_release_that_works_takes_over(one: Front, operator: Operator) -> None:
    with next_image("working") as image:
        done = operator.upgrade("--image", image)
        assert done.returncode == 0, done.stdout + done.stderr
        # So small a database is upgraded between two looks of the tool: its own log is what tells of it.
        assert f"upgrading the database from 6.0.0 (local 6.0.0) to {VERSION}, backup " in one.logs()
        _well(one, operator, upgraded=True)
        operator.remove()


@pytest.mark.parametrize(
    "kind",
    ["failing", pytest.param("silent", marks=pytest.mark.full), pytest.param("breaking", marks=pytest.mark.full)],
)
def test_a_release_that_does_not_work_leaves_the_old_one(one: Front, operator: Operator, kind: str) -> None:
    arguments, text = FAILURES[kind]
    with next_image(kind) as image:
        done = operator.upgrade("--image", image, *arguments)
        assert done.returncode == 80, done.stdout + done.stderr
        assert text in done.stderr
        _well(one, operator, upgraded=False)


def test_a_tool_that_is_killed_during_the_migration_is_taken_up_again(one: Front, operator: Operator) -> None:
    with next_image("slow") as image:
        child = operator.begin("--image", image)
        wait_for(child, "upgrading (")
        kill(child)
        done = operator.upgrade("--resume")
        assert done.returncode == 0, done.stdout + done.stderr
        _well(one, operator, upgraded=True)
        operator.remove()


@pytest.mark.full
def test_a_container_that_is_killed_during_the_migration_is_put_back(one: Front, operator: Operator) -> None:
    with next_image("slow") as image:
        child = operator.begin("--image", image)
        wait_for(child, "upgrading (copy")
        operator.engine.must("kill", one.name)
        _, errors = child.communicate(timeout=200)
        assert child.returncode == 80, errors
        assert "ended with exit code 137" in errors
        _well(one, operator, upgraded=False)
