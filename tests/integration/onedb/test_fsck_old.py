"""What fsck says of databases that came from older releases: nothing, but for what upstream's own upgrade leaves."""

import pytest

from oned.database.engine import make_engine
from onedb.fsck.run import run
from onedb.upgrade.run import Options, upgrade
from tests.integration.onedb.world import World
from tests.support.old_database import HALVES

VMS = 45
BEHIND = "pool_control for table marketplace_pool has last_oid 2, but it is 3"
"""Upstream's step to 5.12 adds a marketplace without counting it."""


def fsck(world: World, *, dry: bool = False) -> list[str]:
    engine = make_engine(world.settings, 1, autocommit=False)
    try:
        return [finding.line for finding in run(engine, lambda _name, _finding: None, dry=dry).findings]
    finally:
        engine.dispose()


@pytest.mark.parametrize("version", HALVES)
def test_a_database_of_any_release_is_consistent_after_its_upgrade(world: World, version: str) -> None:
    world.fill(version, VMS)
    if version != "6.0":
        upgrade(world.settings, Options())
    assert fsck(world, dry=True) == []


def test_the_marketplace_that_upstreams_upgrade_did_not_count_is_counted(world: World) -> None:
    world.fill("5.12", VMS)
    world.sql("UPDATE pool_control SET last_oid = 2 WHERE tablename = 'marketplace_pool'")
    upgrade(world.settings, Options())
    assert fsck(world) == [BEHIND]
    assert fsck(world) == []
