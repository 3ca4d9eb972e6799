"""A link hands on what it is given as it is, and tells of a refusal at the next call at the latest."""

from decimal import Decimal

import pytest

from onedb.errors import OnedbError
from onedb.link import open_link
from tests.integration.onedb.odd_values import BODIES
from tests.integration.onedb.world import World

pytestmark = pytest.mark.usefixtures("empty")
TABLE = "CREATE TABLE things (oid INTEGER PRIMARY KEY, body MEDIUMTEXT, ratio DOUBLE, flag BOOLEAN)"


@pytest.fixture
def empty(world: World) -> None:
    """SQLite's file has to be there."""
    if world.server is None:
        world.settings.path.touch()


def test_what_is_inserted_is_what_is_there(world: World) -> None:
    rows = [(oid, body, oid / 8, oid % 2 == 0) for oid, body in enumerate(BODIES)]
    with open_link(world.settings) as link:
        link.fetch("ALTER DATABASE CHARACTER SET utf8mb4" if link.mysql else "SELECT 1")
        link.fetch(TABLE)
        link.insert("things", ("oid", "body", "ratio", "flag"), rows[:3])
        link.insert("things", ("oid", "body", "ratio", "flag"), rows[3:])
        assert list(map(tuple, link.stream("SELECT * FROM things ORDER BY oid"))) == rows
        assert int(Decimal(link.fetch("SELECT SUM(oid) FROM things")[0][0])) == sum(range(len(rows)))


@pytest.mark.parametrize("statement", ["INSERT INTO things (oid) VALUES (1)", "INSERT INTO nothing VALUES (1)"])
def test_a_refusal_is_told_once(world: World, statement: str) -> None:
    with open_link(world.settings) as link:
        link.fetch(TABLE)
        link.insert("things", ("oid",), [(1,)])

        def refused() -> None:
            link.start(statement)
            link.fetch("SELECT 1")

        with pytest.raises(OnedbError, match="refused"):
            refused()
        assert link.fetch("SELECT oid FROM things") == [(1,)]


def test_a_refused_insertion_is_told_by_the_next(world: World) -> None:
    with open_link(world.settings) as link:
        link.fetch(TABLE)

        def twice() -> None:
            link.insert("things", ("oid",), [(1,), (1,)])
            link.insert("things", ("oid",), [(2,)])

        with pytest.raises(OnedbError, match="refused"):
            twice()
        assert link.fetch("SELECT count(*) FROM things WHERE oid = 2") == [(0,)]
