"""What differs between two files of oned's syntax, and native changes."""

import pytest
from hypothesis import given, settings

from onecfg.formats.oned import Document
from onecfg.model import ABSENT, Change, ChangeError, Command, Extra, FormatError, PlaceError, Status
from tests.support.configurations import oned

BASE = """PORT = 2633 # the port
VM_RESTRICTED_ATTR = "A"
VM_RESTRICTED_ATTR = "B"
DB = [ BACKEND = "sqlite", TIMEOUT = 2500 ]
VM_MAD = [ NAME = "kvm", ARGUMENTS = "-t" ]
VM_MAD = [ NAME = "vcenter", TYPE = "xml" ]
"""


def native(command: str, *path: str, **more: object) -> Change:
    return Change("/f", Command(command), path, more.pop("value", None), native=True, **more)  # type: ignore[arg-type]


def changes(before: str, after: str) -> list[tuple[object, ...]]:
    """What differs: command, path, value, and what else there is to say."""
    found: list[tuple[object, ...]] = []
    for change in Document(before).difference(Document(after), "/f"):
        assert change.native
        assert change.file == "/f"
        more = [] if change.old is ABSENT else [f"old {change.old}"]
        more += ["multiple"] * change.extra.multiple + ["whole"] * change.whole
        found.append((change.command.value, change.where, change.value, *more))
    return found


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("2633", "2700", [("set", "PORT", "2700", "old 2633")]),
        ("PORT", "port", []),
        (" # the port", " # other", []),
        ("PORT = 2633 # the port\n", "", [("rm", "PORT", None, "old 2633")]),
        ("PORT = 2633 # the port\n", "PORT = 2633\nNEW = x\n", [("ins", "NEW", "x")]),
        ("PORT = 2633", "PORT = 2633\nPORT = 7", [("ins", "PORT", "7", "multiple")]),
        (
            "PORT = 2633",
            "PORT = 7\nPORT = 8\nPORT = 7",
            [("set", "PORT", "7", "old 2633"), ("ins", "PORT", "8", "multiple")],
        ),
        ('ATTR = "A"', 'ATTR = "C"', [("rm", "VM_RESTRICTED_ATTR", '"A"', 'old "A"', "multiple"),
                                      ("ins", "VM_RESTRICTED_ATTR", '"C"', "multiple")]),
        ('"A"\nVM_RESTRICTED_ATTR = "B"', '"B"\nVM_RESTRICTED_ATTR = "A"', []),
        ('"sqlite"', '"mysql"', [("set", "DB/BACKEND", '"mysql"', 'old "sqlite"')]),
        (", TIMEOUT = 2500", "", [("rm", "DB/TIMEOUT", None, "old 2500")]),
        ('BACKEND = "sqlite", TIMEOUT = 2500', "NEW = 1", [
            ("ins", "DB/NEW", "1"),
            ("rm", "DB/BACKEND", None, 'old "sqlite"'),
            ("rm", "DB/TIMEOUT", None, "old 2500"),
        ]),
        ('DB = [ BACKEND = "sqlite", TIMEOUT = 2500 ]\n', "", [("rm", "DB", None, "whole")]),
        ("[ BACKEND = \"sqlite\", TIMEOUT = 2500 ]", "1", [("rm", "DB", None, "whole"), ("ins", "DB", "1")]),
        ("PORT = 2633", "PORT = [ A = 1 ]", [("rm", "PORT", None, "old 2633"), ("ins", "PORT/A", "1")]),
        ('VM_MAD = [ NAME = "vcenter", TYPE = "xml" ]\n', "", [("rm", 'VM_MAD/"vcenter"', None, "whole")]),
        ('VM_MAD = [ NAME = "vcenter", TYPE = "xml" ]', 'VM_MAD = [ TYPE = "a", NAME = "lxc" ]', [
            ("rm", 'VM_MAD/"vcenter"', None, "whole"),
            ("ins", 'VM_MAD/"lxc"/NAME', '"lxc"'),
            ("ins", 'VM_MAD/"lxc"/TYPE', '"a"'),
        ]),
        ('"-t"', '"-p"', [("set", 'VM_MAD/"kvm"/ARGUMENTS', '"-p"', 'old "-t"')]),
    ],
)  # fmt: skip
def test_what_differs_is_said_change_by_change(old: str, new: str, expected: list[tuple[object, ...]]) -> None:
    after = BASE.replace(old, new, 1)
    assert after != BASE
    assert changes(BASE, after) == expected


def test_a_key_that_stood_twice_collapses_to_the_one_in_force() -> None:
    twice = "PORT = 1\nPORT = 2\nPORT = 1\n"
    assert changes(twice, "PORT = 1\n") == [("rm", "PORT", "2", "old 2", "multiple")]
    assert changes(twice, "PORT = 3\n") == [("set", "PORT", "3", "old 1")]
    assert changes(twice, "") == [("rm", "PORT", None, "old 1")]
    assert changes("PORT = 1\nPORT = 2\n", "PORT = 2\nPORT = 1\n") == [
        ("set", "PORT", "2", "old 1"),
        ("ins", "PORT", "1", "multiple"),
    ]


@settings(max_examples=100, deadline=None)
@given(oned(), oned())
def test_the_difference_makes_any_file_the_same_as_any_other(before: str, after: str) -> None:
    document, other = Document(before), Document(after)
    found = document.difference(other, "/f")
    assert bool(found) != document.same(other)
    for change in found:
        assert document.apply(change).status is Status.APPLIED, change
        document.check()
    assert document.same(other)
    again = Document(document.render())
    assert again.same(other)
    assert again.difference(other, "/f") == []


def test_a_native_change_may_remove_a_whole_named_section_and_what_is_gone_stays_gone() -> None:
    document = Document(BASE)
    change = native("rm", "VM_MAD", '"vcenter"', whole=True)
    assert document.apply(change).counts
    assert document.render() == BASE.replace('VM_MAD = [ NAME = "vcenter", TYPE = "xml" ]\n', "")
    assert document.apply(change).status is Status.IN_PLACE
    assert document.apply(native("rm", "VM_MAD", whole=True)).counts
    assert "VM_MAD" not in document.render()


def test_native_changes_name_the_value_of_a_repeated_key_as_old_or_value() -> None:
    for more in ({"old": '"A"'}, {"value": '"A"'}, {"old": '"A"', "whole": True}):
        document = Document(BASE)
        assert document.apply(native("rm", "VM_RESTRICTED_ATTR", **more)).counts
        assert document.render() == BASE.replace('VM_RESTRICTED_ATTR = "A"\n', "")
    document = Document("A = 1\nA = 2\n")
    assert document.apply(native("rm", "A", old="2", extra=Extra(multiple=True))).counts
    assert document.render() == "A = 1\n"
    assert document.apply(native("ins", "A", value="2", extra=Extra(multiple=True))).counts
    assert document.render() == "A = 1\nA = 2\n"


def test_a_name_with_a_slash_is_found_natively_and_refused_in_the_line_format() -> None:
    text = 'VM_MAD = [ NAME = "a/b", TYPE = 1 ]\n'
    document = Document(text)
    assert document.apply(native("set", "VM_MAD", '"a/b"', "TYPE", value="2")).counts
    assert document.render() == text.replace("= 1", "= 2")
    with pytest.raises(ChangeError, match="yaml format"):
        document.apply(Change("/f", Command.SET, 'VM_MAD/"a/b"/TYPE', "2"))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (native("ins", "VM_MAD", '"kvm"', whole=True, value="1"), "names no key"),
        (native("rm", "DB", "x", whole=True), "Unknown index key name"),
        (native("rm", whole=True), "names no section"),
        (native("rm", "db", whole=True), "not in upper case"),
        (native("rm", "VM_MAD", '"kvm"', "NAME"), "what paths find it by"),
        (native("set", "PORT", value="a b"), "not a single word"),
        (native("set", "PORT"), "empty"),
        (native("set", "DB", "TIMEOUT", value="1 ]"), "not a single word"),
    ],
)
def test_native_changes_that_cannot_be_made_are_refused(change: Change, says: str) -> None:
    document = Document(BASE)
    with pytest.raises(ChangeError) as caught:
        document.apply(change)
    assert says in caught.value.message
    assert caught.value.todo
    assert document.render() == BASE


@pytest.mark.parametrize(
    ("change", "status", "old", "new"),
    [
        (native("set", "PORT", value="9", old="2633"), Status.APPLIED, "2633", "9"),
        (native("set", "PORT", value="9", old=2633), Status.APPLIED, "2633", "9"),
        (native("set", "PORT", value="9", old="1"), Status.NOT_APPLICABLE, "", ""),
        (native("set", "PORT", value="2633", old="1"), Status.IN_PLACE, "", ""),
        (native("set", "GONE", value="9", old="1"), Status.NOT_APPLICABLE, "", ""),
        (native("set", "GONE", "KEY", value="9", old="1"), Status.NOT_APPLICABLE, "", ""),
        (native("ins", "PORT", value="9"), Status.NOT_APPLICABLE, "", ""),
        (native("ins", "PORT", value="2633"), Status.IN_PLACE, "", ""),
        (native("ins", "DB", "TIMEOUT", value="9"), Status.NOT_APPLICABLE, "", ""),
        (native("ins", "VM_RESTRICTED_ATTR", value='"A"'), Status.IN_PLACE, "", ""),
        (native("rm", "PORT", old="1"), Status.APPLIED, "PORT = 2633 # the port\n", ""),
        (native("rm", "GONE", old="1"), Status.IN_PLACE, "", ""),
    ],
)
def test_an_upgrade_keeps_what_the_user_changed(change: Change, status: Status, old: str, new: str) -> None:
    document = Document(BASE)
    assert document.apply(change, keep=True).status is status
    assert document.render() == (BASE.replace(old, new, 1) if old else BASE)


def test_an_upgrade_changes_the_first_of_several_and_misses_a_section_that_is_gone() -> None:
    document = Document("PORT = 1\nPORT = 2\n")
    assert document.apply(native("set", "PORT", value="3", old="1"), keep=True).counts
    assert document.render() == "PORT = 3\nPORT = 2\n"
    with pytest.raises(PlaceError, match="not found"):
        document.apply(native("set", "VM_MAD", '"gone"', "TYPE", value="3", old="1"), keep=True)


def test_a_key_that_is_also_a_section_is_refused_with_its_line() -> None:
    with pytest.raises(FormatError, match="section and also a key") as caught:
        Document("A = 1\n\nA = [ B = 1 ]\n")
    assert caught.value.line == 3
    with pytest.raises(FormatError, match="Missing NAME"):
        Document("VM_MAD = [ NAME = , TYPE = 1 ]\n")
