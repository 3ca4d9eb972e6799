"""Bodies of virtual machines, their short form, and their words for searches."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from sqlalchemy import select

from oned.database.db import Database, Transaction
from oned.database.schema import event, history
from oned.errors import InternalError
from oned.model.base import Lock
from oned.model.history import History
from oned.model.vm import Vm
from oned.model.vm_short import search_token
from oned.model.vm_states import Action, LcmState, VmState, state_name
from oned.vm.store import drop_record, insert_vm, load_history, load_vm, save_vm
from tests.unit.oned.vm_objects import machine, record

SNAPSHOTS = (
    "<SNAPSHOTS><ALLOW_ORPHANS>NO</ALLOW_ORPHANS><CURRENT_BASE>-1</CURRENT_BASE><DISK_ID>0</DISK_ID>"
    "<NEXT_SNAPSHOT>0</NEXT_SNAPSHOT></SNAPSHOTS>"
)
BODY = (
    "<VM><ID>7</ID><UID>2</UID><GID>1</GID><UNAME>joe</UNAME><GNAME>users</GNAME><NAME>a &amp; b</NAME>"
    "<PERMISSIONS><OWNER_U>1</OWNER_U><OWNER_M>1</OWNER_M><OWNER_A>0</OWNER_A><GROUP_U>0</GROUP_U>"
    "<GROUP_M>0</GROUP_M><GROUP_A>0</GROUP_A><OTHER_U>0</OTHER_U><OTHER_M>0</OTHER_M><OTHER_A>0</OTHER_A>"
    "</PERMISSIONS><LAST_POLL>0</LAST_POLL><STATE>3</STATE><LCM_STATE>3</LCM_STATE><PREV_STATE>3</PREV_STATE>"
    "<PREV_LCM_STATE>3</PREV_LCM_STATE><RESCHED>1</RESCHED><STIME>5</STIME><ETIME>0</ETIME>"
    "<DEPLOY_ID>one-7</DEPLOY_ID><LOCK><LOCKED>1</LOCKED><OWNER>0</OWNER><TIME>4</TIME><REQ_ID>3</REQ_ID></LOCK>"
    "<MONITORING></MONITORING><TEMPLATE><CPU><![CDATA[1]]></CPU><DISK><DISK_ID><![CDATA[0]]></DISK_ID></DISK>"
    "<GRAPHICS><TYPE><![CDATA[VNC]]></TYPE></GRAPHICS><MEMORY><![CDATA[128]]></MEMORY><NIC><IP><![CDATA[10.0.0.1]]>"
    "</IP><NIC_ID><![CDATA[0]]></NIC_ID></NIC></TEMPLATE><USER_TEMPLATE><LABELS><![CDATA[blue<]]></LABELS>"
    "<SCHED_ACTION><ACTION><![CDATA[stop]]></ACTION></SCHED_ACTION><SECRET><![CDATA[x]]></SECRET></USER_TEMPLATE>"
    f"<HISTORY_RECORDS>{record(1, stime=9).to_xml()}</HISTORY_RECORDS>{SNAPSHOTS}</VM>"
)


def test_a_body_survives_reading_and_writing() -> None:
    vm = Vm.from_xml(BODY)
    assert vm.to_xml() == BODY
    assert (vm.state, vm.lcm_state, vm.state_name) == (VmState.ACTIVE, LcmState.RUNNING, "RUNNING")
    assert vm.lock == Lock(1, 0, 4, 3)
    assert vm.snapshots == {0: SNAPSHOTS}
    assert vm.history == [record(1, stime=9)]
    assert not vm.changed_state


def test_empty_elements_of_upstream_are_read() -> None:
    text = BODY.replace("<MONITORING></MONITORING>", "<MONITORING/>").replace(SNAPSHOTS, "")
    head, _, rest = text.partition("<HISTORY_RECORDS>")
    vm = Vm.from_xml(f"{head}<HISTORY_RECORDS/>{rest.partition('</HISTORY_RECORDS>')[2]}")
    assert (vm.history, vm.snapshots, len(vm.monitoring)) == ([], {}, 0)


def test_the_short_body_has_what_lists_show() -> None:
    root = etree.fromstring(Vm.from_xml(BODY).short_xml())
    assert " ".join(str(element.tag) for element in root) == (
        "ID UID GID UNAME GNAME NAME LAST_POLL STATE LCM_STATE RESCHED STIME ETIME DEPLOY_ID LOCK TEMPLATE MONITORING "
        "USER_TEMPLATE HISTORY_RECORDS"
    )
    assert [element.tag for element in root.findall("TEMPLATE/*")] == ["CPU", "MEMORY", "DISK", "NIC", "GRAPHICS"]
    assert root.findtext("TEMPLATE/NIC/IP") == "10.0.0.1"
    assert root.find("TEMPLATE/DISK/CLONE_TARGET") is not None
    assert [element.tag for element in root.findall("USER_TEMPLATE/*")] == ["LABELS", "SCHED_ACTION"]
    assert root.findtext("USER_TEMPLATE/LABELS") == "blue<"
    assert root.findtext("HISTORY_RECORDS/HISTORY/HID") == "3"
    assert root.find("HISTORY_RECORDS/HISTORY/STIME") is None


def test_words_for_searches_have_no_separators() -> None:
    vm = machine(template='NIC = [ IP = "10.0.0.1" ]\nEMPTY = ""', user='NOTE = "a-b:c"', history=[record()])
    text = search_token(vm)
    assert "IP=10_0_0_1\n" in text
    assert "NOTE=a_b_c\n" in text
    assert "EMPTY" not in text
    assert text.endswith("HOSTNAME=h1\nHID=3\nCID=0\nDS_ID=0\n")


@given(
    st.dictionaries(st.sampled_from("ABCDE"), st.text(st.characters(exclude_categories=("Cs", "Cc"))), max_size=5)
)
def test_what_users_write_comes_back_and_stays_well_formed(values: dict[str, str]) -> None:
    vm = machine()
    for name, value in values.items():
        vm.user_template.set(name, value)
        vm.template.add("DISK", {name: value})
    vm.name = vm.deploy_id = values.get("A", "")
    again = Vm.from_xml(vm.to_xml())
    assert (again.user_template, again.name, again.deploy_id) == (vm.user_template, vm.name, vm.deploy_id)
    assert again.template.vectors("DISK") == vm.template.vectors("DISK")
    etree.fromstring(vm.short_xml())


def test_an_unknown_state_is_named() -> None:
    with pytest.raises(InternalError, match="unknown state"):
        Vm.from_xml(BODY.replace("<STATE>3</STATE>", "<STATE>7</STATE>", 1))
    with pytest.raises(InternalError, match="damaged"):
        Vm.from_xml("<VM>")


def test_states_have_the_names_of_messages() -> None:
    assert state_name(VmState.ACTIVE, LcmState.BOOT_POWEROFF) == "BOOT_POWEROFF"
    assert state_name(VmState.POWEROFF, LcmState.LCM_INIT) == "POWEROFF"
    assert (LcmState.HOTPLUG_SAVEAS_STOPPED, VmState.CLONING_FAILURE, Action.POWEROFF_HARD_MIGRATE) == (68, 11, 49)


def _topics(transaction: Transaction) -> list[str]:
    return [str(row[0]) for row in transaction.rows(select(event.c.topics).order_by(event.c.id))]


def test_a_new_state_is_told_and_the_history_kept(database: Database) -> None:
    def steps(transaction: Transaction) -> None:
        vm = machine(user='SERVICE_ID = "4"')
        insert_vm(transaction, vm)
        vm.state, vm.lcm_state = VmState.ACTIVE, LcmState.PROLOG
        vm.history.append(record(0, stime=1))
        save_vm(transaction, vm)
        save_vm(transaction, vm)
        vm = load_vm(transaction, 7)
        vm.history[-1].etime = 5
        vm.history.append(record(1, stime=5, hostname="h2"))
        save_vm(transaction, vm)

    database.submit(steps).result()

    def look(transaction: Transaction) -> None:
        topics = _topics(transaction)
        assert [each.splitlines()[0] for each in topics] == [
            "EVENT VM 7/PENDING/LCM_INIT ",
            "EVENT VM 7/ACTIVE/PROLOG ",
        ]
        assert topics[1].splitlines()[1:] == ["EVENT STATE VM/ACTIVE/PROLOG/7 ", "EVENT SERVICE 4 "]
        vm = load_vm(transaction, 7)
        assert [one.seq for one in vm.history] == [1]
        load_history(transaction, vm)
        assert [(one.seq, one.etime, one.hostname) for one in vm.history] == [(0, 5, "h1"), (1, 0, "h2")]
        rows = transaction.rows(select(history.c.body, history.c.stime, history.c.etime).order_by(history.c.seq))
        assert [(row.stime, row.etime) for row in rows] == [(1, 5), (5, 0)]
        kept = History.from_xml(str(rows[0].body))
        assert kept == vm.history[0]
        assert "<NAME>web</NAME>" in str(rows[0].body)

    database.read(look)


def test_a_record_can_be_taken_back(database: Database) -> None:
    def steps(transaction: Transaction) -> None:
        vm = machine(history=[record(0, etime=4)])
        insert_vm(transaction, vm)
        vm.history.append(record(1))
        save_vm(transaction, vm)
        vm = load_vm(transaction, 7)
        drop_record(transaction, vm)
        save_vm(transaction, vm)
        assert [one.seq for one in load_vm(transaction, 7).history] == [0]
        assert len(transaction.rows(select(history.c.seq))) == 1

    database.submit(steps).result()


def test_who_owns_a_machine_is_refreshed_in_its_last_record(database: Database) -> None:
    def steps(transaction: Transaction) -> None:
        vm = machine(history=[record(0)])
        insert_vm(transaction, vm)
        save_vm(transaction, vm)
        vm.uname = "ann"
        save_vm(transaction, vm, refresh=True)
        assert "<UNAME>ann</UNAME>" in str(transaction.rows(select(history.c.body))[0][0])

    database.submit(steps).result()
