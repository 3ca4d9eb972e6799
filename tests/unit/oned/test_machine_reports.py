"""What hosts report of machines, on a database of its own."""

import base64
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import insert, select

from oned.config import Settings, read_settings
from oned.database.db import Database, Transaction
from oned.database.pools import create, load, save
from oned.database.schema import metadata, vm_import, vm_monitoring
from oned.infrastructure.machine_reports import MAX_REPORT, note_zombies, report_usage, seen_machines
from oned.model.cluster import Cluster, new_template
from oned.model.host import Host, HostState
from onelib.locations import Locations
from onelib.template import Template


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "var/lib/one").mkdir(parents=True)
    return read_settings(tmp_path / "none", Locations(tmp_path))


@pytest.fixture
def transaction(settings: Settings) -> Iterator[Transaction]:
    database = Database(settings.database)
    metadata.create_all(database.engine)
    with database.transaction() as transaction:
        create(transaction, Cluster(-1, "c", template=new_template()))
        host = Host.new("h", "dummy", "dummy", 0, "c")
        host.vms = {5, 6}
        create(transaction, host)
        transaction.write(insert(vm_import), {"deploy_id": "wild-6", "vmid": 6})
        yield transaction
    database.close()


def usage(vm_id: int, text: str, deploy_id: str = "") -> Template:
    coded = base64.b64encode(text.encode()).decode()
    return Template.from_text(f'VM=[ ID="{vm_id}", DEPLOY_ID="{deploy_id}", MONITOR="{coded}" ]')


def rows(transaction: Transaction) -> dict[int, Template]:
    query = select(vm_monitoring.c.vmid, vm_monitoring.c.body).order_by(vm_monitoring.c.last_poll)
    return {int(vm_id): Template.from_xml(str(body)) for vm_id, body in transaction.rows(query)}


def test_what_is_measured_is_kept_with_what_was_before(transaction: Transaction, settings: Settings) -> None:
    old = "<MONITORING><ID>5</ID><CPU>9</CPU><DISK_SIZE><ID>0</ID><SIZE>7</SIZE></DISK_SIZE></MONITORING>"
    transaction.write(insert(vm_monitoring), {"vmid": 5, "last_poll": int(time.time()) - 10, "body": old})
    assert report_usage(transaction, settings, 0, usage(5, 'CPU="1.5"\nODD="x\x01"')) == 1
    found = rows(transaction)[5]
    assert (found.get("ID"), found.get("CPU"), found.get("ODD")) == ("5", "1.5", "x?")
    assert found.vector("DISK_SIZE") == {"ID": "0", "SIZE": "7"}
    assert abs(int(found.get("TIMESTAMP")) - time.time()) < 5


def test_records_of_one_machine_are_merged(transaction: Transaction, settings: Settings) -> None:
    report = usage(5, 'CPU="1"\nMEMORY="2"')
    report.add("VM", usage(5, 'CPU="3"').vector("VM"))
    assert report_usage(transaction, settings, 0, report) == 1
    assert (rows(transaction)[5].get("CPU"), rows(transaction)[5].get("MEMORY")) == ("3", "2")


def test_an_imported_machine_is_known_by_its_deploy_id(transaction: Transaction, settings: Settings) -> None:
    assert report_usage(transaction, settings, 0, usage(-1, 'CPU="1"', "wild-6")) == 1
    assert list(rows(transaction)) == [6]
    assert report_usage(transaction, settings, 0, usage(-1, 'CPU="1"', "wild-7")) == 0


@pytest.mark.parametrize(
    "entry",
    [
        {"ID": "7", "MONITOR": "Q1BVPSIxIg=="},
        {"ID": "5"},
        {"ID": "5", "MONITOR": "!"},
        {"ID": "5", "MONITOR": base64.b64encode(b"=").decode()},
        {"ID": "5", "MONITOR": base64.b64encode(b'X="' + b"a" * 2 * MAX_REPORT + b'"').decode()},
        {"ID": "-5", "MONITOR": "Q1BVPSIxIg=="},
        {"ID": "٥", "MONITOR": "Q1BVPSIxIg=="},
        {"MONITOR": "Q1BVPSIxIg=="},
    ],
)
def test_what_is_not_kept(transaction: Transaction, settings: Settings, entry: dict[str, str]) -> None:
    assert report_usage(transaction, settings, 0, Template([("VM", entry)])) == 0
    assert rows(transaction) == {}


def test_hosts_that_are_not_heard(transaction: Transaction, settings: Settings) -> None:
    assert report_usage(transaction, settings, 1, usage(5, 'CPU="1"')) == 0
    none = replace(settings, monitord=replace(settings.monitord, vm_retention=0))
    assert report_usage(transaction, none, 0, usage(5, 'CPU="1"')) == 0
    host = load(transaction, Host, 0)
    host.state = HostState.OFFLINE
    save(transaction, host)
    assert report_usage(transaction, settings, 0, usage(5, 'CPU="1"')) == 0
    note_zombies(transaction, 0, {99})
    assert "ZOMBIES" not in load(transaction, Host, 0).template


def test_zombies_come_and_go(transaction: Transaction) -> None:
    note_zombies(transaction, 0, {5, 12, 9})
    assert load(transaction, Host, 0).template.get("ZOMBIES") == "9, 12"
    note_zombies(transaction, 0, {5})
    assert "ZOMBIES" not in load(transaction, Host, 0).template


def test_only_machines_of_ours_are_seen(transaction: Transaction) -> None:
    text = 'VM=[ID="5",STATE="running",DEPLOY_ID="d"]\nVM=[ID="-1",DEPLOY_ID="wild-6"]\nVM=[DEPLOY_ID="other"]'
    found = seen_machines(transaction, Template.from_text(text))
    assert found == [(5, "RUNNING", "d"), (6, "", "wild-6")]
