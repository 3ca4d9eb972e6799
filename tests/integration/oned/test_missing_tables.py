"""What an earlier build did not have yet in its database is made at the next start."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import inspect, text

from oned.config import read_settings
from oned.database.db import Database
from oned.database.schema import OWN_INDEXES, metadata
from oned.database.tables import present
from onelib.locations import Locations
from tests.integration.oned.daemon import Daemon
from tests.integration.oned.names import unique
from tests.integration.oned.networking import value

EVERYTHING = {table.name for table in metadata.sorted_tables} | {str(index.name) for index in OWN_INDEXES}
VLANS = 'VLAN_IDS = [ START = "10", RESERVED = "0, 1, 4095" ]'


@contextmanager
def database_of(oned: Daemon) -> Iterator[Database]:
    database = Database(read_settings(oned.conf, Locations(oned.root)).database)
    database.start()
    yield database
    database.close()


def drop(oned: Daemon, *words: str) -> None:
    """``TABLE NAME`` or ``INDEX NAME`` each."""
    with database_of(oned) as database, database.engine.begin() as connection:
        for what in words:
            table = {str(index.name): index.table for index in OWN_INDEXES}.get(what.split()[1])
            where = f" ON {table.name}" if database.mysql and table is not None else ""
            connection.execute(text(f"DROP {what}{where}"))


def vlan(oned: Daemon) -> str:
    """The number that a new network gets by itself."""
    template = f"NAME = {unique()}\nVN_MAD = 802.1Q\nPHYDEV = eth0\nAUTOMATIC_VLAN_ID = YES"
    return value(oned.ok("one.vn.info", oned.ok("one.vn.allocate", template, -1)), "VLAN_ID")


def told(oned: Daemon) -> list[set[str]]:
    """What the server says it has made, at each start that made something."""
    lines = [
        line.rpartition(" has now: ")[2] for line in oned.output.read_text().splitlines() if " lacked" in line
    ]
    return [set(line.removesuffix(".").split(", ")) for line in lines]


def test_what_came_later_is_made(fresh: Daemon) -> None:
    fresh.extra = VLANS
    fresh.write_conf()
    fresh.start()
    fresh.stop()
    dropped = ["network_vlan_bitmap", "oneedge_event", "vmgroup_pool"]
    drop(fresh, *(f"TABLE {name}" for name in dropped), "INDEX oneedge_host_name")
    fresh.start()
    assert told(fresh) == [{*dropped, "oneedge_host_name"}]
    assert (vlan(fresh), vlan(fresh)) == ("10", "11")
    assert fresh.ok("one.vmgroup.allocate", 'NAME = "g"\nROLE = [ NAME = "r" ]') == 0
    with database_of(fresh) as database:
        assert present(database) >= EVERYTHING
        assert "oneedge_host_name" in {
            index["name"] for index in inspect(database.engine).get_indexes("host_pool")
        }


def test_nothing_is_made_twice(fresh: Daemon) -> None:
    for _ in range(2):
        fresh.start()
        with database_of(fresh) as database:
            assert present(database) >= EVERYTHING
        fresh.stop()
    assert not told(fresh)
