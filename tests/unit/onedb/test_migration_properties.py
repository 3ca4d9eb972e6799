"""What holds for any row: the quick ways say the same as a parser, bodies stay XML, a second time changes nothing."""

import string
from collections.abc import Iterator
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st
from lxml import etree

from onedb.migrations import local_5_6_to_5_8, local_5_8_to_5_10, local_5_10_to_5_12, local_5_12_to_6_0
from onedb.migrations.step import Step
from tests.support import old_bodies as bodies
from tests.support.old_bodies import Release

TAGS = (
    "ID",
    "LAST_POLL",
    "MONITORING",
    "STATE",
    "TEMPLATE",
    "VM",
    "UID",
    "GNAME",
    "SNAPSHOTS",
    "NIC",
    "PERMISSIONS",
)
TEXTS = st.one_of(
    st.text(string.ascii_letters + "é ", max_size=8),
    st.sampled_from(
        ["&amp;", "&lt;VM&gt;", "<![CDATA[</MONITORING>]]>", "<![CDATA[<LAST_POLL>1]]>", "<!-- <VM> -->"]
    ),
)
ELEMENTS = st.recursive(
    st.tuples(st.sampled_from(TAGS), TEXTS).map(lambda pair: f"<{pair[0]}>{pair[1]}</{pair[0]}>"),
    lambda inner: st.tuples(st.sampled_from(TAGS), st.lists(inner, max_size=3), st.sampled_from(["", "\n  "])).map(
        lambda parts: f"<{parts[0]}>{parts[2]}{parts[2].join(parts[1])}</{parts[0]}>"
    ),
    max_leaves=12,
)
CONTENT = st.lists(ELEMENTS, max_size=8).map("".join)
OWNER = local_5_12_to_6_0._Owner("4", "a&<b", "1", "users")
CONTEXT: dict[str, Any] = {"owners": {3: OWNER}, "last": {3: 1}, "drivers": {}, "raft": [], "none": 0}
CASES = [
    (local_5_6_to_5_8.STEP, "image_pool", "IMAGE"),
    (local_5_6_to_5_8.STEP, "network_pool", "VNET"),
    (local_5_6_to_5_8.STEP, "vm_pool", "VM"),
    (local_5_8_to_5_10.STEP, "host_pool", "HOST"),
    (local_5_10_to_5_12.STEP, "host_pool", "HOST"),
    (local_5_10_to_5_12.STEP, "host_monitoring", "HOST"),
    (local_5_10_to_5_12.STEP, "vm_monitoring", "VM"),
    (local_5_10_to_5_12.STEP, "vm_pool", "VM"),
    (local_5_12_to_6_0.STEP, "history", "HISTORY"),
    (local_5_12_to_6_0.STEP, "image_pool", "IMAGE"),
]
"""Steps that change bodies, with the element that a body is."""


def migrated(step: Step, table: str, body: str) -> str:
    change = next(change for change in step.tables if change.table.name == table)
    (row,) = change.rows(CONTEXT, {"oid": 3, "vid": 3, "seq": 1, "hid": 3, "vmid": 3, "body": body})
    assert (row["oid"], row["vid"], row["seq"]) == (3, 3, 1)
    return str(row["body"])


def canonical(body: str) -> str:
    """The same for bodies that say the same."""
    return etree.canonicalize(body, with_comments=True)


def flat(body: str) -> Iterator[str]:
    return (str(element.tag) for element in etree.fromstring(body).iter())


@given(CONTENT)
def test_any_body_stays_xml_and_a_second_time_changes_nothing(content: str) -> None:
    for step, table, root in CASES:
        once = migrated(step, table, f"<{root}>{content}</{root}>")
        assert len(list(flat(once))) >= 1, table
        assert canonical(migrated(step, table, once)) == canonical(once), table


HEAD = "<VM><ID>1</ID><PERMISSIONS><OWNER_U>1</OWNER_U></PERMISSIONS><LAST_POLL>9</LAST_POLL><STATE>3</STATE>"


@given(CONTENT, CONTENT)
@example("<X><![CDATA[</MONITORING><LAST_POLL>]]></X>", "")
@example("<X><![CDATA[</MONITORING>]]></X>", "")
@example("<MONITORING></MONITORING>", "<TEMPLATE><![CDATA[<MONITORING>]]></TEMPLATE>")
@example("", "<LAST_POLL>2</LAST_POLL><!-- </VM> -->")
def test_the_quick_way_for_machines_is_a_parsers(measured: str, rest: str) -> None:
    body = f"{HEAD}<MONITORING>{measured}</MONITORING>{rest}</VM>"
    quick = local_5_10_to_5_12._quick(body)
    slow = local_5_10_to_5_12._by_tree({"oid": 1, "body": body})
    assert not quick or canonical(quick) == canonical(slow)


def test_bodies_of_servers_take_the_quick_way() -> None:
    assert local_5_10_to_5_12._quick(bodies.vm(Release("5.10"), 7, 2, 100, ""))
    assert local_5_10_to_5_12._REPORT.fullmatch(bodies.vm_report(Release("5.10"), 7, 100))
    vm = bodies.vm(Release("5.12"), 7, 2, 100, "", deep=False)
    assert local_5_12_to_6_0._RECORD.match(f"<HISTORY>{bodies.record(7, 1, 5, 0)}{vm}</HISTORY>")


@given(CONTENT)
@example("<MONITORING/><VM><STATE>1</STATE></VM>")
def test_the_quick_way_for_reports_is_a_parsers(content: str) -> None:
    start = f"<VM><ID>1</ID><LAST_POLL>9</LAST_POLL><MONITORING>{content}</MONITORING><TEMPLATE><CPU>1</CPU></TEMPLATE>"
    quick = migrated(local_5_10_to_5_12.STEP, "vm_monitoring", f"{start}</VM>")
    slow = migrated(local_5_10_to_5_12.STEP, "vm_monitoring", f"{start}<!-- by the parser --></VM>")
    assert canonical(quick) == canonical(slow).replace("<!-- by the parser -->", "")


@given(CONTENT, CONTENT)
def test_the_quick_way_for_records_is_a_parsers(before: str, rest: str) -> None:
    head = bodies.head(3, "vm", 2)
    body = f"<HISTORY>{before}<VM>{head}{rest}</VM></HISTORY>"
    row = {"vid": 3, "seq": 1, "body": body}
    (quick,) = local_5_12_to_6_0._record(CONTEXT, row)
    slow = local_5_12_to_6_0._by_tree(OWNER, row)
    assert canonical(quick["body"]) == canonical(slow["body"])
