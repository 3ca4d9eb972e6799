"""Each kind of inconsistency: broken by hand, found, repaired or told, and not found again."""

import contextlib
from collections.abc import Callable

import pytest
from sqlalchemy.exc import IntegrityError

from tests.integration.onedb.fsck_breaks import group, host, image, network, persistent, router, store, user
from tests.integration.onedb.fsck_repaired import REPAIRED
from tests.integration.onedb.fsck_unrepaired import UNREPAIRED
from tests.integration.onedb.fsck_world import World

UNREPAIRED_MARK = "[UNREPAIRED] "


def _told(found: list[str], sentences: str | tuple[str, ...], *, repaired: bool) -> None:
    for sentence in (sentences,) if isinstance(sentences, str) else sentences:
        of_it = [line for line in found if sentence in line]
        assert of_it, (sentence, found)
        assert all(line.startswith(UNREPAIRED_MARK) is not repaired for line in of_it)


ALL_ON_SQLITE = pytest.mark.parametrize(
    "filled", ["sqlite", pytest.param("mysql", marks=pytest.mark.full)], indirect=True
)
"""One by one on MariaDB only in the long form; all at once on both always."""


@ALL_ON_SQLITE
@pytest.mark.parametrize("name", REPAIRED)
def test_is_found_and_repaired(made: World, name: str) -> None:
    break_, sentences = REPAIRED[name]
    break_(made)
    _told(made.fsck(), sentences, repaired=True)
    assert made.fsck() == []


@ALL_ON_SQLITE
@pytest.mark.parametrize("name", UNREPAIRED)
def test_what_cannot_be_repaired_is_said(made: World, name: str) -> None:
    break_, sentence = UNREPAIRED[name]
    break_(made)
    found = made.fsck()
    _told(found, sentence, repaired=False)
    assert made.fsck() == [line for line in found if line.startswith(UNREPAIRED_MARK)]


def test_all_at_once_and_a_dry_run_says_the_same_and_changes_nothing(made: World) -> None:
    for break_, _ in REPAIRED.values():
        with contextlib.suppress(AssertionError, IntegrityError):  # what it would break is broken already
            break_(made)
    broken = made.keep()
    found = made.fsck(dry=True)
    assert len(found) > len(REPAIRED)
    assert made.keep() == broken
    assert made.fsck() == found
    assert made.fsck() == [line for line in found if line.startswith(UNREPAIRED_MARK)]


UNREAD: dict[str, Callable[[World], int]] = {
    "vm_pool": lambda w: w.vms["MIGRATE"],
    "image_pool": persistent,
    "host_pool": host,
    "network_pool": network,
    "datastore_pool": store,
    "user_pool": user,
    "group_pool": group,
    "vrouter_pool": router,
    "cluster_pool": lambda _: 0,
    "marketplace_pool": lambda _: 0,
    "template_pool": lambda _: 0,
}


@ALL_ON_SQLITE
@pytest.mark.parametrize("table", UNREAD)
def test_what_a_body_that_cannot_be_read_may_have_is_left_to_it(made: World, table: str) -> None:
    oid = UNREAD[table](made)
    body = made.body(table, oid)
    made.sql(f"UPDATE {table} SET body = :body WHERE oid = :oid", body=body[:-9], oid=oid)
    broken = made.keep()
    (line,) = made.fsck()
    assert line.startswith(UNREPAIRED_MARK)
    assert f" {oid} has a body that cannot be read" in line
    assert made.keep() == broken
    made.sql(f"UPDATE {table} SET body = :body WHERE oid = :oid", body=body, oid=oid)
    assert made.fsck() == []


def test_a_reservation_or_a_copy_that_cannot_be_read_keeps_what_it_has(made: World) -> None:
    kept = {"network_pool": made.reservation, "image_pool": image(made)}
    for table, oid in kept.items():
        made.sql(f"UPDATE {table} SET body = '' WHERE oid = :oid", oid=oid)
    assert len(made.fsck()) == len(kept)


SHARED = {
    "counter": "UPDATE pool_control SET last_oid = 0 WHERE tablename = 'group_pool'",
    "user": "UPDATE user_pool SET gid = 0 WHERE oid = 2",
    "group": "UPDATE group_pool SET body = REPLACE(body, '<USERS>', '<USERS><ID>9999</ID>') WHERE oid = 1",
    "marketplace": "UPDATE marketplace_pool SET body = REPLACE(body, '<ZONE_ID>0<', '<ZONE_ID>-1<') WHERE oid = 1",
}


@pytest.mark.parametrize("name", SHARED)
def test_the_shared_tables_of_a_slave_are_its_masters_to_repair(made: World, name: str) -> None:
    made.sql("UPDATE local_db_versioning SET is_slave = 1")
    try:
        made.sql(SHARED[name])
        broken = made.keep()
        found = made.fsck()
        assert found
        assert all(line.startswith(UNREPAIRED_MARK) for line in found)
        assert all(line.endswith("It needs to be fixed in the master OpenNebula") for line in found)
        assert made.keep() == broken
    finally:
        made.sql("UPDATE local_db_versioning SET is_slave = 0")
