"""What each step does to a row: before and after, written by hand."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

import pytest
from lxml import etree
from sqlalchemy import Select

from oned.model.vm import Vm
from onedb.migrations import (
    local_5_6_to_5_8,
    local_5_8_to_5_10,
    local_5_10_to_5_12,
    local_5_12_to_6_0,
    shared_5_10_to_5_12,
)
from onedb.migrations.chain import LATEST, NoWayError, steps_from
from onedb.migrations.step import Context, MigrationError, Reader, Row, Step
from tests.support import old_bodies as bodies
from tests.support.old_bodies import Release


class Rows(Reader):
    """A database that answers selects with rows in their order."""

    dialect = "mysql"

    def __init__(self, *answers: list[dict[str, Any]], tables: Iterable[str] = ()) -> None:
        self.answers = list(answers)
        self.tables = set(tables)

    def rows(self, statement: Select[Any]) -> Iterable[Row]:
        return self.answers.pop(0) if self.answers else []

    def has(self, name: str) -> bool:
        return name in self.tables


def after(step: Step, table: str, row: Mapping[str, Any], context: Context | None = None) -> list[dict[str, Any]]:
    """What the step makes of a row; it must leave the row itself alone."""
    change = next(change for change in step.tables if change.table.name == table)
    kept = dict(row)
    made = [dict(new) for new in change.rows(context or {}, row)]
    assert row == kept
    return made


def body(step: Step, table: str, old: str, context: Context | None = None, **columns: object) -> str:
    (row,) = after(step, table, {"oid": 3, "body": old, **columns}, context)
    return str(row["body"])


def test_the_chain_has_a_step_for_each_half_and_release() -> None:
    names = [(step.part, step.source, step.target) for step in steps_from("5.6.0", "5.6.0")]
    assert names == [
        ("shared", "5.6.0", "5.10.0"),
        ("shared", "5.10.0", "5.12.0"),
        ("shared", "5.12.0", "6.0.0"),
        ("local", "5.6.0", "5.8.0"),
        ("local", "5.8.0", "5.10.0"),
        ("local", "5.10.0", "5.12.0"),
        ("local", "5.12.0", "6.0.0"),
    ]
    assert [step.source for step in steps_from("6.0.0", "5.12.0")] == ["5.12.0"]
    assert steps_from(LATEST, LATEST) == ()


@pytest.mark.parametrize("version", ["", "5.4.0", "6.2.0", "5.7.80", "nonsense"])
def test_no_step_begins_with_a_version_that_is_unknown(version: str) -> None:
    with pytest.raises(NoWayError, match="There is no way from version"):
        steps_from("6.0.0", version)


class Test56:
    STEP = local_5_6_to_5_8.STEP

    def test_snapshots_get_the_number_after_the_highest(self) -> None:
        two = "<SNAPSHOT><ID>9</ID></SNAPSHOT><SNAPSHOT><ID>10</ID></SNAPSHOT>"
        old = f"<IMAGE><SNAPSHOTS>{{}}{two}{{}}</SNAPSHOTS></IMAGE>"
        number = "<NEXT_SNAPSHOT>11</NEXT_SNAPSHOT>"
        assert body(self.STEP, "image_pool", old.format("", "")) == old.format("", number)
        assert body(self.STEP, "image_pool", old.format(number, "")) == old.format(number, "")
        none = "<IMAGE><SNAPSHOTS></SNAPSHOTS></IMAGE>"
        assert "<NEXT_SNAPSHOT>0<" in body(self.STEP, "image_pool", none)
        assert body(self.STEP, "image_pool", "<IMAGE><ID>1</ID></IMAGE>") == "<IMAGE><ID>1</ID></IMAGE>"

    @pytest.mark.parametrize(
        ("driver", "kind"),
        [
            ("vcenter", "vcenter_port_groups"),
            ("ovswitch", "openvswitch"),
            ("ovswitch_vxlan", "openvswitch"),
            ("802.1Q", "linux"),
            ("none", "linux"),
        ],
    )
    def test_bridges_have_a_kind(self, driver: str, kind: str) -> None:
        old = f"<VNET><VN_MAD>{driver}</VN_MAD></VNET>"
        new = f"<VNET><VN_MAD>{driver}</VN_MAD><BRIDGE_TYPE>{kind}</BRIDGE_TYPE></VNET>"
        assert body(self.STEP, "network_pool", old) == new
        assert body(self.STEP, "network_pool", new) == new

    def test_machines_get_short_body_and_words(self) -> None:
        record = "<HISTORY><OID>7</OID><SEQ>1</SEQ><HOSTNAME>n-1</HOSTNAME><HID>4</HID></HISTORY>"
        old = bodies.vm(Release("5.6"), 7, 2, 100, f"<HISTORY_RECORDS>{record}</HISTORY_RECORDS>")
        (row,) = after(self.STEP, "vm_pool", {"oid": 7, "body": old})
        assert row["body"].count("<BRIDGE_TYPE>linux</BRIDGE_TYPE>") == 1
        assert row["body"].count("<NEXT_SNAPSHOT>3</NEXT_SNAPSHOT>") == 1
        short = etree.fromstring(row["short_body"])
        found = [
            short.findtext(p)
            for p in ("ID", "DEPLOY_ID", "UNAME", "STATE", "TEMPLATE/DISK/IMAGE_ID", "TEMPLATE/NIC/NETWORK_ID")
        ]
        assert found == ["7", "one-7", "user2", "3", "7", "2"]
        assert short.findtext("HISTORY_RECORDS/HISTORY/HOSTNAME") == "n-1"
        assert short.find("TEMPLATE/DISK/SOURCE") is None
        assert {"UNAME=user2", "NAME=vm_7", "HOSTNAME=n_1", "HID=4", "IMAGE=image7"} <= set(
            row["search_token"].split("\n")
        )
        assert Vm.from_xml(row["body"]).name == Vm.from_xml(row["short_body"]).name == "vm-7"

    def test_the_log_says_what_is_applied(self) -> None:
        for time, applied in ((0, False), (5, True)):
            (row,) = after(self.STEP, "logdb", {"log_index": 1, "timestamp": time})
            assert row["applied"] is applied


class Test58:
    STEP = local_5_8_to_5_10.STEP

    def test_hosts_get_a_state_before(self) -> None:
        old = "<HOST><STATE>2</STATE><TEMPLATE><STATE>9</STATE></TEMPLATE></HOST>"
        new = "<HOST><STATE>2</STATE><TEMPLATE><STATE>9</STATE></TEMPLATE><PREV_STATE>2</PREV_STATE></HOST>"
        assert body(self.STEP, "host_pool", old) == new
        assert body(self.STEP, "host_pool", new) == new

    @pytest.mark.parametrize(("dialect", "none"), [("mysql", 2**64 - 1), ("sqlite", 1.8446744073709552e19)])
    def test_the_log_is_unsigned_and_the_state_of_raft_an_attribute(self, dialect: str, none: float) -> None:
        reader = Rows([{"sqlcmd": "<MESSAGE/>"}], tables=["logdb"])
        reader.dialect = dialect
        assert self.STEP.prepare is not None
        context = self.STEP.prepare(reader)
        assert after(self.STEP, "logdb", {"log_index": -1, "fed_index": -1}, context) == []
        (row,) = after(self.STEP, "logdb", {"log_index": 4, "fed_index": -1}, context)
        assert row["fed_index"] == none
        (row,) = after(self.STEP, "logdb", {"log_index": 4, "fed_index": 7}, context)
        assert row["fed_index"] == 7
        change = next(change for change in self.STEP.tables if change.table.name == "system_attributes")
        assert change.added is not None
        assert list(change.added(context)) == [{"name": "RAFT_STATE", "body": "<MESSAGE/>"}]
        assert after(self.STEP, "system_attributes", {"name": "RAFT_STATE", "body": "old"}, context) == []


class TestShared510:
    STEP = shared_5_10_to_5_12.STEP

    def test_rules_name_a_set_of_users(self) -> None:
        row = {"oid": 1, "user": 5, "resource": 6, "rights": 7, "zone": 8}
        new = {"oid": 1, "userset": 5, "resource": 6, "rights": 7, "zone": 8}
        assert after(self.STEP, "acl", row) == [new]

    @pytest.mark.parametrize(("newest", "oid"), [(2, 3), (None, 0), (140, 141)])
    def test_there_is_a_dockerhub(self, newest: int | None, oid: int) -> None:
        assert self.STEP.prepare is not None
        context = self.STEP.prepare(Rows([{"oid": newest}], tables=["marketplace_pool"]))
        change = next(change for change in self.STEP.tables if change.added is not None)
        assert change.added is not None
        (row,) = change.added(context)
        root = etree.fromstring(row["body"])
        assert (row["oid"], row["name"], row["other_u"]) == (oid, "DockerHub", 1)
        assert [root.findtext(p) for p in ("ID", "MARKET_MAD", "ZONE_ID")] == [str(oid), "dockerhub", "0"]
        control = {"tablename": "marketplace_pool", "last_oid": 2}
        assert after(self.STEP, "pool_control", control, context)[0]["last_oid"] == max(oid, 2)
        assert after(self.STEP, "pool_control", {"tablename": "x", "last_oid": 0}, context)[0]["last_oid"] == 0


class Test510:
    STEP = local_5_10_to_5_12.STEP

    def document(self, kind: int, content: str) -> str:
        old = f"<DOCUMENT><TEMPLATE><BODY><![CDATA[{content}]]></BODY></TEMPLATE></DOCUMENT>"
        return body(self.STEP, "document_pool", old, type=kind)

    def test_services_have_networks(self) -> None:
        vm = {"ID": "1", "NAME": "é", "TEMPLATE": {"A": 1}}
        roles = [{"nodes": [{"vm_info": {"VM": vm}}, {"deploy_id": 2}]}, {"name": "none"}]
        old = {"custom_attrs": {"a": "1"}, "custom_attrs_values": {"a": "2"}, "roles": roles}
        new = json.loads(etree.fromstring(self.document(100, json.dumps(old))).findtext("TEMPLATE/BODY") or "")
        assert (new["networks"], new["custom_attrs"]) == ({"a": "1"}, {})
        assert (new["networks_values"], new["custom_attrs_values"]) == ({"a": "2"}, {})
        assert new["roles"][0]["nodes"] == [{"vm_info": {"VM": {"ID": "1", "NAME": "é"}}}, {"deploy_id": 2}]

    def test_templates_of_services_too_but_no_other_document(self) -> None:
        assert '"networks":{"a":"1"},' not in self.document(200, '{"custom_attrs":{"a":"1"}}')
        new = self.document(101, '{"custom_attrs":{"a":"1"}}')
        assert '<![CDATA[{"custom_attrs":{},"networks":{"a":"1"}}]]>' in new
        once = '{"networks":{"a":"1"},"custom_attrs":{}}'
        assert once in self.document(101, once)
        assert "no json" in self.document(100, "no json")

    def test_reports_of_hosts(self) -> None:
        old = bodies.host_report(Release("5.10"), 4, 99)
        made = body(self.STEP, "host_monitoring", old)
        head = "<MONITORING><ID>4</ID><TIMESTAMP>99</TIMESTAMP><CAPACITY><FREE_CPU>700</FREE_CPU>"
        assert made.startswith(head)
        assert sorted(etree.fromstring(made).itertext()) == sorted(
            etree.fromstring(bodies.host_report(Release("5.12"), 4, 99)).itertext()
        )
        new = bodies.host_report(Release("5.12"), 4, 99)
        assert body(self.STEP, "host_monitoring", new) == new
        assert "<FREE_CPU/>" in body(self.STEP, "host_monitoring", "<HOST><ID>1</ID></HOST>")

    def test_hosts(self) -> None:
        (row,) = after(
            self.STEP,
            "host_pool",
            {"oid": 4, "last_mon_time": 9, "body": bodies.host(Release("5.10"), 4, [1], 99)},
        )
        assert row == {"oid": 4, "body": row["body"]}
        assert row["body"] == bodies.host(Release("5.12"), 4, [1], 99).replace("<MONITORING/>", "")
        assert body(self.STEP, "host_pool", "<HOST><ID>1</ID></HOST>") == "<HOST><ID>1</ID></HOST>"

    def test_reports_of_machines(self) -> None:
        old, new = (bodies.vm_report(Release(name), 4, 99) for name in ("5.10", "5.12"))
        inner = old.partition("</LAST_POLL>")[2].partition("<TEMPLATE>")[0]
        head = "<MONITORING><ID>4</ID><TIMESTAMP>99</TIMESTAMP>"
        assert body(self.STEP, "vm_monitoring", old) == f"{head}{inner}</MONITORING>"
        assert body(self.STEP, "vm_monitoring", new) == new
        odd = "<VM><ID>1</ID><STATE>3</STATE><LAST_POLL>2</LAST_POLL></VM>"
        assert (
            body(self.STEP, "vm_monitoring", odd) == "<MONITORING><ID>1</ID><TIMESTAMP>2</TIMESTAMP></MONITORING>"
        )

    def test_machines(self) -> None:
        old = bodies.vm(Release("5.10"), 7, 2, 100, "")
        (row,) = after(self.STEP, "vm_pool", {"oid": 7, "last_poll": 100, "short_body": "<VM/>", "body": old})
        assert row == {"oid": 7, "short_body": "<VM/>", "body": bodies.vm(Release("5.12"), 7, 2, 100, "")}
        assert body(self.STEP, "vm_pool", "<VM><ID>1</ID></VM>") == "<VM><ID>1</ID><MONITORING/></VM>"


class Test512:
    STEP = local_5_12_to_6_0.STEP

    @pytest.mark.parametrize(
        ("parts", "fmt", "driver"),
        [
            (
                "<DISK_TYPE>3</DISK_TYPE><FSTYPE>x</FSTYPE><TEMPLATE><DRIVER>qcow2</DRIVER></TEMPLATE>",
                "raw",
                False,
            ),
            (
                "<DISK_TYPE>0</DISK_TYPE><FSTYPE>x</FSTYPE><TEMPLATE><DRIVER>qcow2</DRIVER></TEMPLATE>",
                "qcow2",
                True,
            ),
            ("<DISK_TYPE>0</DISK_TYPE><FSTYPE>x</FSTYPE><TEMPLATE><FORMAT>y</FORMAT></TEMPLATE>", "x", False),
            ("<DISK_TYPE>0</DISK_TYPE><FSTYPE/><TEMPLATE><FORMAT>y</FORMAT></TEMPLATE>", "y", False),
            ("<DISK_TYPE>0</DISK_TYPE><DATASTORE_ID>1</DATASTORE_ID><TEMPLATE/>", "store", False),
            ("<DISK_TYPE>0</DISK_TYPE><DATASTORE_ID>2</DATASTORE_ID><TEMPLATE/>", "raw", False),
            ("", "raw", False),
        ],
    )
    def test_images_have_a_format_and_a_state_before(self, parts: str, fmt: str, driver: bool) -> None:
        context = {"drivers": {1: "store", 2: ""}}
        new = body(self.STEP, "image_pool", f"<IMAGE><STATE>4</STATE>{parts}</IMAGE>", context)
        root = etree.fromstring(new)
        assert (root.findtext("FORMAT"), root.findtext("PREV_STATE")) == (fmt, "4")
        assert root.find("FSTYPE") is None
        assert root.find("TEMPLATE/FORMAT") is None
        assert (root.find("TEMPLATE/DRIVER") is not None) == driver
        assert body(self.STEP, "image_pool", new, context) == new

    def test_a_disk_type_that_is_no_number_is_named(self) -> None:
        with pytest.raises(MigrationError, match=r"oid=3 of the table image_pool .* 'FILE' is no number"):
            body(self.STEP, "image_pool", "<IMAGE><DISK_TYPE>FILE</DISK_TYPE></IMAGE>", {"drivers": {}})

    @pytest.mark.parametrize("between", ["", "<X><![CDATA[<VM>]]></X>"])
    def test_the_last_record_has_the_owner_of_the_machine(self, between: str) -> None:
        vms = [{"oid": 5, "body": f"<VM>{bodies.head(5, 'new', 4)}"}]
        last = [{"vid": 5, "seq": 1}, {"vid": 6, "seq": 0}]
        assert self.STEP.prepare is not None
        context = self.STEP.prepare(Rows(vms, last, tables=["vm_pool", "history"]))
        record = f"<HISTORY><OID>5</OID>{between}<VM>{{}}<UID>keep</UID></VM></HISTORY>"
        old, new = (record.format(bodies.head(5, "old", uid)) for uid in (2, 4))
        for seq, vid, expected in ((0, 5, old), (1, 5, new), (0, 6, old)):
            (row,) = after(self.STEP, "history", {"vid": vid, "seq": seq, "body": old}, context)
            assert row["body"] == expected

    def test_a_name_with_entities_stays_that_name(self) -> None:
        head = "<VM><ID>5</ID><UID>4</UID><GID>1</GID><UNAME>a&amp;&lt;b</UNAME><GNAME>g</GNAME>"
        assert self.STEP.prepare is not None
        context = self.STEP.prepare(
            Rows([{"oid": 5, "body": head}], [{"vid": 5, "seq": 0}], tables=["vm_pool", "history"])
        )
        old = f"<HISTORY><VM>{bodies.head(5, 'x', 2)}</VM></HISTORY>"
        (row,) = after(self.STEP, "history", {"vid": 5, "seq": 0, "body": old}, context)
        assert "<UNAME>a&amp;&lt;b</UNAME>" in row["body"]


@pytest.mark.parametrize("bad", [None, "", "no xml", "<HOST><ID>", "<OTHER/>"])
def test_a_body_that_is_none_is_told_with_table_and_key(bad: str | None) -> None:
    with pytest.raises(MigrationError, match="The row oid=3 of the table host_pool cannot be migrated") as error:
        body(local_5_8_to_5_10.STEP, "host_pool", bad)  # type: ignore[arg-type]
    assert (error.value.table, error.value.key) == ("host_pool", "oid=3")
