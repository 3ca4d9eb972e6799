"""What the container does about the database that it finds: room for backups, strangers' doings, and damage."""

import pytest

from tests.support.engine import IMAGE, engine, until
from tests.support.front import Front
from tests.upgrade.world import (
    BACKUPS,
    DATABASE_PASSWORD,
    FAILED,
    Place,
    apart,
    backups,
    contents,
    own_tables,
    record,
    sql,
    story,
    tables,
    versions,
)

BEFORE = [f"opennebula-2026-01-0{day}-176{day}000000.sql" for day in range(1, 7)]
"""Backups of earlier upgrades, oldest first."""
OWN = "opennebula-by-hand.sql"
DAY_SECONDS = 86400
HALVES = ("db_versioning", "local_db_versioning")


def earlier_backups(place: Place) -> None:
    """Have those on the volume, and a dump of the operator's own."""
    head = "-- oneedge database backup, format 1"
    lines = [f"echo '{head}' >/v/db/{name}; touch -d '{name[11:21]}' /v/db/{name}" for name in BEFORE]
    script = "; ".join(["mkdir -p /v/db", *lines, f"echo mine >/v/db/{OWN}", f"touch -d 2020-01-01 /v/db/{OWN}"])
    engine("run", "--rm", f"--volume={place.backups}:/v", "--entrypoint=sh", IMAGE, "-c", script)


def daily(one: Front) -> None:
    """Do what cron does once a day, in the environment that it gives."""
    line = one.sh("grep confirm-upgrade /etc/cron.d/oneedge").split(maxsplit=6)
    assert line[5] == "root"
    path = one.sh("sed -n 's/^PATH=//p' /etc/cron.d/oneedge").strip() or "/usr/bin:/bin"
    one.exec("env", "-i", f"PATH={path}", "sh", "-c", line[6])


def test_five_backups_stay_and_a_day_later_the_old_tables_go(volumes: Place) -> None:
    volumes.fill("5.12", vms=20)
    earlier_backups(volumes)
    with volumes.front() as one:
        story(one)
        made = record(one)["backup"]
        kept = [f"{BACKUPS}/db/{name}" for name in (*BEFORE[-4:], OWN)]
        assert backups(one) == sorted([*kept, made])

        old = [name for name in tables(one) if name.startswith("oneedge_old_")]
        assert old
        daily(one)
        assert [name for name in tables(one) if name.startswith("oneedge_old_")] == old, "dropped on the first day"
        for half in HALVES:
            sql(one, f"UPDATE {half} SET timestamp = timestamp - {DAY_SECONDS}")
        daily(one)
        assert own_tables(one) == []
        assert "the upgrade of the database is confirmed; dropped oneedge_old_" in one.logs()
        assert one.probe()[0] == 0


DAMAGES = {
    "newer": (
        [f"UPDATE {half} SET version = '9.0.0'" for half in HALVES],
        "failed: opennebula: The database has the version 9.0.0",
    ),
    "unknown": ([f"UPDATE {half} SET version = '5.13.7'" for half in HALVES], FAILED + "There is no way from"),
    "torn": (
        ["UPDATE image_pool SET body = '<IMAGE><ID>0</ID' WHERE oid = 0"],
        FAILED + "The row oid=0 of the table image_pool cannot be migrated",
    ),
    "amiss": (
        ["DROP TABLE local_db_versioning"],
        "failed: opennebula: The database has users, but its version tables are missing or empty",
    ),
}


@pytest.mark.parametrize(
    "damage", ["torn", *(pytest.param(kind, marks=pytest.mark.full) for kind in DAMAGES if kind != "torn")]
)
def test_what_cannot_be_upgraded_is_told_and_not_touched(volumes: Place, damage: str) -> None:
    statements, text = DAMAGES[damage]
    volumes.fill("5.12", vms=10)
    with volumes.front(OPENNEBULA_FRONTEND_SERVICE="mysqld") as one:
        one.healthy()
        for statement in statements:
            sql(one, statement)
        before = contents(one)
        one.stop()
    with volumes.front() as one:
        told = story(one, healthy=False)
        assert told[-1].startswith(text), told
        assert contents(one) == before
        assert own_tables(one) == []
        assert one.state()["Running"]
        assert one.probe("--live")[0] == 0, "a restart would not help"


def test_others_on_the_database_are_waited_for(volumes: Place) -> None:
    """Somebody's session on an old database: nothing is changed before it ends, and then all goes on by itself."""
    volumes.fill("5.12", vms=10)
    with apart(volumes) as (database, oned):
        database.start().healthy()
        before = contents(database)
        login = "exec mariadb --host=127.0.0.1 --user=oneadmin opennebula --execute 'SELECT SLEEP(900)'"
        words = ("exec", "--detach", f"--env=MYSQL_PWD={DATABASE_PASSWORD}", database.name, "sh", "-c", login)
        engine(*words)
        theirs = "SELECT id FROM information_schema.processlist WHERE info LIKE 'SELECT SLEEP%'"
        until(lambda: len(sql(database, theirs)) == 1, 30, "the session")
        oned.start()
        waiting = "starting (waiting for others to leave the database)"
        until(lambda: oned.probe()[1] == waiting, 90, "oned waits")
        assert contents(database) == before
        assert own_tables(database) == []
        assert backups(oned) == []
        sql(database, f"KILL {sql(database, theirs)[0][0]}")
        story(oned)
        assert versions(database) == ["6.0.0", "6.0.0"]
        assert len(backups(oned)) == 1
