"""Databases of old releases, and images of releases to come, on a front-end's volumes, with a real engine.

What the container does with its database before its oned starts, and the way back to the image before.
"""

import re
import time

import pytest

from tests.support.engine import until
from tests.support.front import Front
from tests.support.next_image import MARK, VERSION
from tests.upgrade.conftest import Images
from tests.upgrade.world import (
    BACKUPS,
    FAILED,
    Place,
    apart,
    backups,
    call,
    contents,
    found,
    own_tables,
    record,
    sql,
    story,
    tables,
    versions,
)

NAMES = {"vm": "vm_pool", "host": "host_pool", "image": "image_pool", "vn": "network_pool", "user": "user_pool"}
NO_RETRY_SECONDS = 5
OLD = "oneedge_old_"


def used(place: Place) -> dict[str, list[str]]:
    """Have a front-end of the ordinary image with some objects, and stop it; the names of all objects."""
    with place.front() as one:
        one.healthy()
        call(one, "one.template.allocate", 'NAME = "kept"\nCPU = 1\nMEMORY = 64')
        call(one, "one.vm.allocate", 'NAME = "machine"\nCPU = 1\nMEMORY = 64', True)
        call(one, "one.user.allocate", "someone", "a-password", "core", [])
        names = found(one)
        one.stop()
    return names


def stopped(place: Place) -> dict[str, str]:
    """The checksums of the tables while no oned works on them."""
    with place.front(OPENNEBULA_FRONTEND_SERVICE="mysqld") as one:
        sums = contents(one.healthy())
        one.stop()
    return sums


def back_to_the_old_image(place: Place, names: dict[str, list[str]]) -> None:
    """The ordinary image is healthy on the volumes, has everything, and works."""
    with place.front() as one:
        one.healthy()
        assert found(one) == names
        assert versions(one) == ["6.0.0", "6.0.0"]
        call(one, "one.template.update", 0, "FOUND = again", 1)
        assert "FOUND" in call(one, "one.template.info", 0)
        one.stop()


@pytest.mark.parametrize("release", ["5.12", pytest.param("5.6", marks=pytest.mark.full)])
def test_an_old_database_is_upgraded_before_oned_starts(volumes: Place, release: str) -> None:
    volumes.fill(release, vms=40)
    with volumes.front() as one:
        told = story(one)
        assert [text for text in told if re.fullmatch(r"upgrading \(\S+( \S+)?, \d+%\)", text)], told
        assert versions(one) == ["6.0.0", "6.0.0"]
        names = found(one)
        for pool, table in NAMES.items():
            assert names[pool] == sorted(name for (name,) in sql(one, f"SELECT name FROM {table}")), pool
        assert len(names["vm"]) >= 40 * 9 // 10
        assert "<FORMAT>" in call(one, "one.image.info", 0)
        call(one, "one.template.allocate", 'NAME = "of 6.0"\nCPU = 1\nMEMORY = 64')

        (backup,) = backups(one)
        assert re.fullmatch(rf"{BACKUPS}/db/opennebula-\d{{4}}-\d\d-\d\d-\d+\.sql", backup)
        assert one.exec("stat", "-c", "%U %a", backup) == "oneadmin 600\n"
        assert f"local_db_versioning {record(one)['from'][1]}" in one.exec("onedb", "verify", backup)
        assert (record(one)["state"], record(one)["backup"]) == ("done", backup)

        assert f"{OLD}journal" in tables(one)
        one.exec("onedb", "upgrade", "--confirm", user="oneadmin")
        assert not [name for name in tables(one) if name.startswith(OLD)]
        one.stop()
    with volumes.front() as one:
        assert not [text for text in story(one) if text.startswith("upgrading")]
        assert len(backups(one)) == 1
        assert found(one)["template"] == sorted([*names["template"], "of 6.0"])


def test_a_migration_that_fails_keeps_oned_down_and_the_old_image_works_as_before(
    volumes: Place, images: Images
) -> None:
    names = used(volumes)
    before = stopped(volumes)
    with volumes.front(images("failing")) as one:
        told = story(one, healthy=False)
        assert told[-1].startswith(FAILED + "The row oid=1 of the table datastore_pool cannot be migrated"), told
        assert contents(one) == before
        assert not own_tables(one)
        assert record(one)["state"] == "failed"
        (backup,) = backups(one)
        assert "6.0.0" in one.exec("onedb", "verify", backup)
        time.sleep(NO_RETRY_SECONDS)
        assert one.details()["services"]["opennebula"]["restarts"] == 0
        assert backups(one) == [backup]
        assert one.state()["Running"]
        assert one.probe("--live")[0] == 0, "a restart would not help"
        one.stop()
    back_to_the_old_image(volumes, names)


def test_an_oned_that_never_answers_and_the_old_tables_are_exchanged_back(volumes: Place, images: Images) -> None:
    names = used(volumes)
    before = stopped(volumes)
    since = time.time()
    with volumes.front(images("silent"), ONED_DB_BACKUP_ENABLED="no") as one:
        until(lambda: "oned's API" in one.probe()[1], 60, "oned started")
        assert versions(one) == [VERSION, VERSION]
        assert backups(one) == []
        one.kill()
    assert volumes.put_back(images("silent"), time.time() + 5)[1]["result"] == "nothing"
    code, answer, text = volumes.put_back(images("silent"), since)
    assert (code, answer["result"]) == (0, "exchanged"), text
    assert volumes.put_back(images("silent"), since)[1]["result"] == "nothing"
    assert stopped(volumes) == before
    back_to_the_old_image(volumes, names)


@pytest.mark.full
def test_an_oned_that_has_worked_and_the_verified_backup_is_restored(volumes: Place, images: Images) -> None:
    names = used(volumes)
    before = stopped(volumes)
    since = time.time()
    with volumes.front(images("working")) as one:
        assert [text for text in story(one) if text.startswith("upgrading")]
        assert versions(one) == [VERSION, VERSION]
        assert found(one) == names
        bodies = sql(one, f"SELECT COUNT(*) FROM user_pool WHERE body LIKE '%{MARK}%'")
        assert bodies == sql(one, "SELECT COUNT(*) FROM user_pool")
        call(one, "one.user.allocate", "of-the-new-release", "a-password", "core", [])
        one.stop()
    with volumes.front() as one:
        told = story(one, healthy=False)
        assert told[-1].startswith(f"failed: opennebula: The database has the version {VERSION}"), told
        assert versions(one) == [VERSION, VERSION]
        one.stop()
    code, answer, text = volumes.put_back(images("working"), since)
    assert (code, answer["result"]) == (0, "restored"), text
    assert stopped(volumes) == before
    back_to_the_old_image(volumes, names)


def test_killed_in_the_middle_the_old_image_works_and_the_next_start_finishes(
    volumes: Place, images: Images
) -> None:
    names = used(volumes)
    before = stopped(volumes)
    with volumes.front(images("slow")) as one:
        in_the_middle(one)
        one.kill()
    with volumes.front(OPENNEBULA_FRONTEND_SERVICE="mysqld") as one:
        assert [name for name in tables(one.healthy()) if name.startswith("oneedge_new_")], "killed too late"
        assert contents(one) == before
        one.stop()
    back_to_the_old_image(volumes, names)
    with volumes.front(images("slow")) as one:
        in_the_middle(one)
        one.exec("kill", "-9", str(one.pids("opennebula")))
        until(lambda: one.details()["services"]["opennebula"]["restarts"] > 0, 60, "it begins again")
        told = story(one)
        assert [text for text in told if text.startswith("upgrading (copy datastore_pool")], told
        assert versions(one) == [VERSION, VERSION]
        assert found(one) == names
        assert not [name for name in tables(one) if name.startswith("oneedge_new_")]


def in_the_middle(one: Front) -> None:
    """Wait until the slow table is being copied."""
    until(lambda: one.probe()[1].startswith("upgrading (copy datastore_pool"), 60, "the slow table", pause=0.02)
    until(lambda: "oneedge_new_datastore_pool" in tables(one), 10, "its copy")


@pytest.mark.full
def test_mariadb_killed_in_the_middle_and_it_goes_on_by_itself(volumes: Place, images: Images) -> None:
    names = used(volumes)
    with volumes.front(images("slow")) as one:
        in_the_middle(one)
        one.exec("kill", "-9", str(one.pids("mysqld")))
        story(one)
        assert versions(one) == [VERSION, VERSION]
        assert found(one) == names


@pytest.mark.full
def test_a_front_end_of_two_containers_waits_for_its_database_and_upgrades_it(volumes: Place) -> None:
    """oned begins first; its MariaDB comes with an old database."""
    volumes.fill("5.10", vms=20)
    with apart(volumes) as (database, oned):
        oned.start()
        until(lambda: oned.probe()[1] == "starting (waiting for MariaDB at db:3306)", 60, "oned waits")
        database.start()
        assert [text for text in story(oned) if text.startswith("upgrading")]
        assert versions(database) == ["6.0.0", "6.0.0"]
        assert len(found(oned)["vm"]) >= 20 * 9 // 10
        assert len(backups(oned)) == 1
        assert database.probe()[0] == 0


@pytest.mark.full
def test_an_upgrade_without_a_backup_has_a_way_back_by_force_alone(volumes: Place, images: Images) -> None:
    names = used(volumes)
    since = time.time()
    with volumes.front(images("working"), ONED_DB_BACKUP_ENABLED="no") as one:
        story(one)
        one.stop()
    code, _, text = volumes.put_back(images("working"), since)
    assert code == 88
    assert "made no backup" in text
    code, answer, text = volumes.put_back(images("working"), since, "--force")
    assert (code, answer["result"]) == (0, "exchanged"), text
    back_to_the_old_image(volumes, names)
