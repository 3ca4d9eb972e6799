"""What differs between two files of shell assignments, and native changes."""

import pytest
from hypothesis import given, settings

from onecfg.formats.shell import Document
from onecfg.model import ABSENT, Change, ChangeError, Command, Extra, PlaceError, Status
from tests.support.configurations import shell

BASE = """# head
export LANG=C
TIMEOUT=180 # tail
export FOO BAR
ARR=(a b)
[ -z "$J" ] && J=5
"""


def native(command: str, name: str, value: object = None, **more: object) -> Change:
    return Change("/f", Command(command), (name,), value, native=True, **more)  # type: ignore[arg-type]


def changes(before: str, after: str) -> list[tuple[object, ...]]:
    """What differs: command, name, value, and what else there is to say."""
    found: list[tuple[object, ...]] = []
    for change in Document(before).difference(Document(after), "/f"):
        assert change.native
        more = [] if change.old is ABSENT else [f"old {change.old}"]
        more += [] if change.extra.export is None else [f"export {change.extra.export}"]
        found.append((change.command.value, change.where, change.value, *more))
    return found


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("180", "300", [("set", "TIMEOUT", "300", "old 180")]),
        ("# tail", "# other", []),
        ("TIMEOUT=180 # tail\n", "", [("rm", "TIMEOUT", None, "old 180")]),
        ("TIMEOUT=180", "TIMEOUT=5\nTIMEOUT=180", []),
        ("# head", "NEW=", [("ins", "NEW", "")]),
        ("# head", "export NEW=x", [("ins", "NEW", "x", "export True")]),
        ("TIMEOUT=180", "export TIMEOUT=180", [("set", "TIMEOUT", None, "export True")]),
        ("export LANG=C", "LANG=de", [("set", "LANG", "de", "old C", "export False")]),
        (
            "export LANG=C\n",
            "export LANG\n",
            [("rm", "LANG", None, "old C"), ("set", "LANG", None, "export True")],
        ),
        ("FOO BAR", "BAR", [("set", "FOO", None, "export False")]),
        ("FOO BAR", "BAR\nFOO=1", [("ins", "FOO", "1", "export False")]),
        ("export FOO", "FOO=1\nexport FOO", [("ins", "FOO", "1")]),
        ("(a b)", "(a b c)", [("set", "ARR", "(a b c)", "old (a b)")]),
        ("(a b)", "a", [("set", "ARR", "a", "old (a b)")]),
    ],
)
def test_what_differs_is_said_by_name(old: str, new: str, expected: list[tuple[object, ...]]) -> None:
    after = BASE.replace(old, new, 1)
    assert after != BASE
    assert changes(BASE, after) == expected


def test_names_come_in_their_order() -> None:
    assert [change[1] for change in changes("B=1\nA=1\n", "D=1\nC=1\n")] == ["A", "B", "C", "D"]


@pytest.mark.parametrize(
    ("old", "new"),
    [("J=5", "J=6"), ('[ -z "$J" ] && J=5\n', ""), ("# head", "J=1"), ("# head", "A=1 B=2"), ("# head", ". /x")],
)
def test_what_no_assignment_can_say_is_a_diff_of_the_text(old: str, new: str) -> None:
    document, other = Document(BASE), Document(BASE.replace(old, new, 1))
    (change,) = document.difference(other, "/f")
    assert (change.command, change.path, change.whole) == (Command.SET, (), True)
    assert document.apply(change).counts
    assert document.render() == other.render()
    assert document.apply(change).status is Status.IN_PLACE
    with pytest.raises(PlaceError, match="does not fit"):
        Document("Z=1\n").apply(change)
    with pytest.raises(ChangeError, match="name alone"):
        Document(BASE).apply(Change("/f", Command.SET, "/", change.value))


@settings(max_examples=100, deadline=None)
@given(shell(), shell())
def test_the_difference_makes_any_file_the_same_as_any_other(before: str, after: str) -> None:
    document, other = Document(before), Document(after)
    found = document.difference(other, "/f")
    assert bool(found) != document.same(other)
    for change in found:
        assert document.apply(change).status is Status.APPLIED, change
    assert document.same(other)
    assert Document(document.render()).same(other)


@pytest.mark.parametrize(
    ("text", "change", "after", "status"),
    [
        ("A=1\n", native("set", "A", extra=Extra(export=True)), "export A=1\n", Status.APPLIED),
        ("  A=1\n", native("set", "A", "2", extra=Extra(export=True)), "  export A=2\n", Status.APPLIED),
        ("export A=1\n", native("set", "A", extra=Extra(export=True)), "export A=1\n", Status.IN_PLACE),
        ("export A=1\n", native("set", "A", "1", extra=Extra(export=False)), "A=1\n", Status.APPLIED),
        (
            "A=1\nexport B A # c\n",
            native("set", "A", extra=Extra(export=False)),
            "A=1\nexport B # c\n",
            Status.APPLIED,
        ),
        ("A=1\nexport A\n", native("set", "A", extra=Extra(export=False)), "A=1\n", Status.APPLIED),
        ("B=1", native("set", "A", extra=Extra(export=True)), "B=1\nexport A\n", Status.APPLIED),
        ("", native("ins", "A", "1", extra=Extra(export=True)), "export A=1\n", Status.APPLIED),
        ("export A=1\n", native("ins", "A", "2"), "export A=2\n", Status.APPLIED),
        ("export A=1\n", native("ins", "A", "1"), "export A=1\n", Status.IN_PLACE),
        ("export A=1\nA=2\n", native("set", "A", "3"), "export A=3\n", Status.APPLIED),
        ("A=1\n", native("set", "A", False), "A=1\n", Status.NOT_APPLICABLE),
        ("A=(a)\n", native("set", "A", "(b c)"), "A=(b c)\n", Status.APPLIED),
        ("A=(a)\n", native("rm", "A"), "", Status.APPLIED),
    ],
)
def test_native_changes_export_or_not_as_they_say(text: str, change: Change, after: str, status: Status) -> None:
    document = Document(text)
    assert document.apply(change).status is status
    assert document.render() == after


def test_an_exported_variable_stays_exported_when_a_line_changes_it() -> None:
    for command in (Command.INS, Command.SET):
        document = Document("export A=1\nA=2\nB=1\n")
        assert document.apply(Change("/f", command, "A", "3")).counts
        assert document.render() == "export A=3\nB=1\n"


def test_an_array_is_changed_natively_or_removed() -> None:
    document = Document("A=(a b)\n")
    with pytest.raises(ChangeError, match="array"):
        document.apply(Change("/f", Command.SET, "A", "1"))
    with pytest.raises(ChangeError, match="not a single word"):
        document.apply(Change("/f", Command.SET, "B", "(a b)"))
    with pytest.raises(ChangeError, match="not a single word"):
        document.apply(native("set", "B", "(a b) c"))
    assert document.apply(Change("/f", Command.RM, "A")).counts
    assert document.render() == ""


@pytest.mark.parametrize(
    ("change", "status", "after"),
    [
        (native("set", "TIMEOUT", "300", old="180"), Status.APPLIED, BASE.replace("180", "300")),
        (native("set", "TIMEOUT", "300", old="1"), Status.NOT_APPLICABLE, BASE),
        (native("set", "GONE", "300", old="1"), Status.NOT_APPLICABLE, BASE),
        (native("set", "GONE", extra=Extra(export=True)), Status.NOT_APPLICABLE, BASE),
        (native("ins", "TIMEOUT", "1"), Status.NOT_APPLICABLE, BASE),
        (native("ins", "TIMEOUT", "1", extra=Extra(export=True)), Status.NOT_APPLICABLE, BASE),
        (native("ins", "TIMEOUT", "180"), Status.IN_PLACE, BASE),
        (native("ins", "NEW", "1"), Status.APPLIED, BASE + "NEW=1\n"),
        (native("rm", "TIMEOUT", old="1"), Status.APPLIED, BASE.replace("TIMEOUT=180 # tail\n", "")),
        (native("set", "TIMEOUT", "9", old="1", extra=Extra(export=True)), Status.APPLIED,
         BASE.replace("TIMEOUT", "export TIMEOUT")),
    ],
)  # fmt: skip
def test_an_upgrade_keeps_what_the_user_changed(change: Change, status: Status, after: str) -> None:
    document = Document(BASE)
    assert document.apply(change, keep=True).status is status
    assert document.render() == after
