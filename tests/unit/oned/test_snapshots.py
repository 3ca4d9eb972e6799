"""Snapshots of disks: the tree that each way of ALLOW_ORPHANS makes."""

import pytest

from oned.model.snapshots import Snapshots


def tree(snapshots: Snapshots, *oids: int) -> list[tuple[str, str, bool]]:
    """Parent, children and whether active, of each."""
    found = [snapshots.get(oid) for oid in oids]
    return [(one.get("PARENT", ""), one.get("CHILDREN", ""), one.get("ACTIVE") == "YES") for one in found]


def test_empty_ones_are_as_6_0_writes_them() -> None:
    assert Snapshots().to_xml() == (
        "<SNAPSHOTS><ALLOW_ORPHANS><![CDATA[NO]]></ALLOW_ORPHANS><CURRENT_BASE><![CDATA[-1]]></CURRENT_BASE>"
        "<NEXT_SNAPSHOT><![CDATA[0]]></NEXT_SNAPSHOT></SNAPSHOTS>"
    )
    assert "<DISK_ID><![CDATA[3]]></DISK_ID>" in Snapshots(disk_id=3, orphans="MIXED").to_xml()


def test_without_orphans_each_hangs_on_the_active_one() -> None:
    snapshots = Snapshots()
    assert [snapshots.add("a", 10, 5.5), snapshots.activate(0, revert=False)] == [0, True]
    assert snapshots.get(0) == {
        "ACTIVE": "YES",
        "DATE": "5",
        "ID": "0",
        "NAME": "a",
        "PARENT": "-1",
        "SIZE": "10",
    }
    snapshots.add("", 20)
    snapshots.activate(1, revert=False)
    snapshots.activate(0, revert=True)
    assert snapshots.add("c", 30) == 2
    assert tree(snapshots, 0, 1, 2) == [("-1", "1,2", True), ("0", "", False), ("0", "", False)]
    assert (snapshots.total_size, snapshots.size(2), snapshots.size(9), len(snapshots)) == (60, 30, 0, 3)
    assert snapshots.active == 0


def test_mixed_ones_hang_on_the_one_that_was_reverted_to() -> None:
    snapshots = Snapshots(orphans="MIXED")
    snapshots.add("", 1)
    assert snapshots.activate(0, revert=False)
    assert snapshots.active == -1
    snapshots.add("", 1)
    snapshots.activate(1, revert=True)
    snapshots.add("", 1)
    assert (snapshots.base, snapshots.active) == (1, 1)
    assert tree(snapshots, 0, 1, 2) == [("-1", "", False), ("-1", "2", True), ("1", "", False)]


def test_orphans_hang_on_nothing_and_can_always_go() -> None:
    snapshots = Snapshots(orphans="YES")
    for _ in range(2):
        snapshots.add("", 1)
    snapshots.activate(1, revert=False)
    assert tree(snapshots, 0, 1) == [("-1", "", False), ("-1", "", True)]
    assert snapshots.refusal(1) == ""
    snapshots.delete(1)
    assert (snapshots.get(1), len(snapshots)) == ({}, 1)


@pytest.mark.parametrize(
    ("oid", "reason"),
    [
        (0, "Cannot delete snapshot with children"),
        (1, "Cannot delete the active snapshot"),
        (2, ""),
        (7, "Snapshot does not exist"),
    ],
)
def test_what_cannot_be_deleted(oid: int, reason: str) -> None:
    snapshots = Snapshots()
    for number in range(2):
        snapshots.add("", 1)
        snapshots.activate(number, revert=False)
    snapshots.activate(0, revert=True)
    snapshots.add("", 1)
    snapshots.activate(1, revert=True)
    assert snapshots.refusal(oid) == reason


def test_deleting_takes_a_child_from_its_parent() -> None:
    snapshots = Snapshots()
    snapshots.add("", 1)
    snapshots.activate(0, revert=False)
    for _ in range(2):
        snapshots.add("", 1)
    snapshots.delete(1)
    assert tree(snapshots, 0) == [("-1", "2", True)]
    snapshots.delete(2)
    snapshots.delete(2)
    assert tree(snapshots, 0) == [("-1", "", True)]
    assert snapshots.add("", 1) == 3


def test_names_and_what_is_not_there() -> None:
    snapshots = Snapshots()
    snapshots.add("old", 1)
    assert snapshots.rename(0, "new")
    assert snapshots.get(0)["NAME"] == "new"
    assert not snapshots.rename(4, "x")
    assert not snapshots.activate(4, revert=True)
    assert snapshots.active == -1


def test_a_copy_is_independent_and_knows_its_disk() -> None:
    snapshots = Snapshots(disk_id=2)
    snapshots.add("", 1)
    copy = Snapshots.from_xml(snapshots.copy(5).to_xml())
    copy.rename(0, "x")
    assert "<DISK_ID><![CDATA[5]]></DISK_ID>" in copy.to_xml()
    assert "DISK_ID" not in snapshots.copy().to_xml()
    assert "NAME" not in snapshots.get(0)


def test_damaged_numbers_count_as_nothing() -> None:
    text = (
        "<SNAPSHOTS><ALLOW_ORPHANS>maybe</ALLOW_ORPHANS><NEXT_SNAPSHOT>x</NEXT_SNAPSHOT>"
        "<SNAPSHOT><ID>a</ID><SIZE>b</SIZE><ACTIVE>YES</ACTIVE></SNAPSHOT></SNAPSHOTS>"
    )
    snapshots = Snapshots.from_xml(text)
    assert (snapshots.orphans, snapshots.active, snapshots.base, snapshots.total_size) == ("NO", -1, -1, 0)
    assert snapshots.add("", 1) == 0
