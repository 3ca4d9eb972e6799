"""Databases of each older release, brought to 6.0 by the steps alone, and opened by a real server."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text

from oned.config import DatabaseSettings
from oned.database import schema
from oned.database.engine import make_engine
from tests.integration.oned.clients import Client, client
from tests.integration.oned.conftest import BACKENDS, end, new_daemon
from tests.integration.oned.daemon import Daemon
from tests.support import answers, old_database
from tests.support.old_bodies import Release
from tests.support.old_database import HALVES, TEMPLATES, make_old_database, tables
from tests.support.old_fleet import HOSTS, IMAGES, NETWORKS, USERS
from tests.support.plain_migration import migrate

VMS = 45
MARKET = 'MARKET_MAD_CONF = [ NAME = "http", REQUIRED_ATTRS = "", APP_ACTIONS = "monitor", PUBLIC = "yes" ]'
POOLS: dict[str, tuple[Callable[[Client], Any], int]] = {
    "VM": (lambda one: one.vmpool.info(-2, -1, -1, -2), VMS),
    "HOST": (lambda one: one.hostpool.info(), HOSTS),
    "IMAGE": (lambda one: one.imagepool.info(-2, -1, -1), IMAGES),
    "VNET": (lambda one: one.vnpool.info(-2, -1, -1), NETWORKS),
    "VMTEMPLATE": (lambda one: one.templatepool.info(-2, -1, -1), TEMPLATES),
    "USER": (lambda one: one.userpool.info(), 2 + USERS),
    "GROUP": (lambda one: one.grouppool.info(), 2),
    "ACL": (lambda one: one.acl.info(), 3),
    "DATASTORE": (lambda one: one.datastorepool.info(), 3),
    "CLUSTER": (lambda one: one.clusterpool.info(), 1),
    "ZONE": (lambda one: one.zonepool.info(), 1),
    "VDC": (lambda one: one.vdcpool.info(), 1),
    "SECURITY_GROUP": (lambda one: one.secgrouppool.info(-2, -1, -1), 1),
    "MARKETPLACE": (lambda one: one.marketpool.info(), 4),
}
"""How each pool is read, and how many objects are in it."""


MOVED = {
    "HOST/MONITORING: missing": "5.10",
    "HOST/PREV_STATE: after TEMPLATE": "5.8",
    "HOST/MONITORING/TIMESTAMP: after ID": "5.10",
    "VM/MONITORING/MONITORING: unknown": "5.10",
    "IMAGE/FORMAT: after SNAPSHOTS": "5.12",
    "IMAGE/FS: missing": "5.12",
    "IMAGE/SNAPSHOTS/NEXT_SNAPSHOT: after SNAPSHOT": "5.6",
    "VM/SNAPSHOTS/NEXT_SNAPSHOT: after SNAPSHOT": "5.6",
    "VNET/BRIDGE_TYPE: after AR_POOL": "5.6",
}
"""What upstream's steps, and ours, put elsewhere than a 6.0 server does, until that writes the object again; and the
last release that databases come from for which it is so."""


@pytest.fixture(autouse=True)
def _as_moved(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers may differ from those of 6.0 in what is moved, and in nothing else."""
    version = request.node.callspec.params.get("version", "6.0")
    allowed = {what for what, last in MOVED.items() if not Release(version).since(last) or version == last}

    def check(document: str) -> None:
        wrong = [
            each.removeprefix(f"{each.partition('_POOL/')[0]}_POOL/")
            for each in answers.schema().problems(document)
        ]
        assert not set(wrong) - allowed, f"{wrong}\n{document[:4000]}"

    monkeypatch.setattr(answers, "check", check)


@pytest.fixture(params=BACKENDS)
def fresh(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Daemon]:
    """A server that is not started, on an empty database."""
    daemon = new_daemon(tmp_path, request.param, request, MARKET)
    yield daemon
    end(daemon)


def settings_of(daemon: Daemon) -> DatabaseSettings:
    """The database that the server is going to open."""
    path = daemon.root / "var/lib/one/one.db"
    path.parent.mkdir(parents=True, exist_ok=True)
    if "mysql" not in daemon.db:
        return DatabaseSettings("sqlite", "", 0, "", "", "", path, 2)
    fields = dict(part.strip().split(" = ") for part in daemon.db.split(","))
    name = fields["DB_NAME"].strip('"')
    return DatabaseSettings("mysql", "127.0.0.1", int(fields["PORT"]), "oneadmin", "db-secret-word", name, path, 2)


def content(settings: DatabaseSettings, table: str, columns: str) -> list[tuple[Any, ...]]:
    engine = make_engine(settings, 1, autocommit=True)
    try:
        with engine.connect() as connection:
            rows = connection.execute(select(text(columns)).select_from(text(table)))
            return sorted(tuple(row) for row in rows)
    finally:
        engine.dispose()


@pytest.mark.parametrize("version", HALVES)
def test_a_server_opens_what_the_steps_made(fresh: Daemon, version: str) -> None:
    settings = settings_of(fresh)
    make_old_database(settings, version, VMS)
    migrate(settings, *HALVES[version])
    fresh.start()
    for one in client(fresh):
        for name, (read, count) in POOLS.items():
            found = getattr(read(one), name)
            assert len(found) == count, name
        seen = one.vm.info(7)
        assert (seen.NAME, seen.STATE, seen.HISTORY_RECORDS.HISTORY[-1].HID) == ("vm-7", 3, 8)
        assert seen.USER_TEMPLATE["DESCRIPTION"] == "machine 7 für <tests>"
        assert one.image.info(3).FORMAT == "qcow2"
        assert one.host.info(1).HOST_SHARE.DATASTORES.FREE_DISK == 50000
        made = one.market.allocate("NAME=mine\nMARKET_MAD=http\nBASE_URL=http://x\nPUBLIC_DIR=/x", 0)
        assert made >= 4, "the number of the new marketplace is not given away twice"


@pytest.mark.parametrize("version", [version for version in HALVES if version != "6.0"])
def test_every_key_of_every_table_stays(fresh: Daemon, version: str) -> None:
    settings = settings_of(fresh)
    make_old_database(settings, version, VMS)
    keys = {name: ", ".join(table.primary_key.columns.keys()) for name, table in tables(version).items()}
    before = {name: content(settings, name, key) for name, key in keys.items()}
    migrate(settings, *HALVES[version])
    after = {name: content(settings, name, key) for name, key in keys.items()}
    added = {"db_versioning": 1, "local_db_versioning": 1, "marketplace_pool": 0 if version == "5.12" else 1}
    for name, rows in before.items():
        assert after[name][: len(rows)] == rows, name
        assert len(after[name]) == len(rows) + added.get(name, 0), name


def test_the_generator_makes_the_same_twice_and_the_layout_of_its_release(fresh: Daemon, tmp_path: Path) -> None:
    settings = settings_of(fresh)
    make_old_database(settings, "5.6", 30, seed=7)
    again = DatabaseSettings("sqlite", "", 0, "", "", "", tmp_path / "again.db", 2)
    make_old_database(again, "5.6", 30, seed=7)
    other = DatabaseSettings("sqlite", "", 0, "", "", "", tmp_path / "other.db", 2)
    make_old_database(other, "5.6", 30, seed=8)
    rows = content(settings, "vm_pool", "oid, name, body, uid, last_poll")
    assert rows == content(again, "vm_pool", "oid, name, body, uid, last_poll")
    assert rows != content(other, "vm_pool", "oid, name, body, uid, last_poll")
    assert len(rows) == 30
    assert "hook_pool" not in tables("5.6")
    assert set(tables("6.0")) == {name for name in schema.metadata.tables if not name.startswith("oneedge_")}
    assert content(settings, "local_db_versioning", "oid, version")[0][1] == old_database.HALVES["5.6"][1]
