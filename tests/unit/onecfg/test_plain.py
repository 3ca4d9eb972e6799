"""Files without keys, and unified diffs."""

import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings

from onecfg.formats import unified
from onecfg.formats.plain import Document
from onecfg.model import Change, ChangeError, Command, PlaceError, Status
from tests.support.configurations import plain

BASE = "".join(f"line {number}\n" for number in range(1, 31))
DIFF = unified.write(BASE, BASE.replace("line 15\n", "fifteen\n"))


def run(text: str, value: object, command: str = "set", path: str = "/") -> tuple[str, Status]:
    document = Document(text)
    result = document.apply(Change("/f", Command(command), path, value))  # type: ignore[arg-type]
    return document.render(), result.status


def test_53_a_diff_is_applied_once_and_then_in_place() -> None:
    after = BASE.replace("line 15\n", "fifteen\n")
    assert run(BASE, DIFF) == (after, Status.APPLIED)
    assert run(after, DIFF) == (after, Status.IN_PLACE)
    assert Document(after).apply(Change("/f", Command.SET, (), DIFF)).counts


def test_a_diff_is_found_where_its_lines_have_moved_to() -> None:
    before, after = f"new\nnew\n{BASE}", f"new\nnew\n{BASE}".replace("line 15\n", "fifteen\n")
    assert run(before, DIFF) == (after, Status.APPLIED)
    assert run(after, DIFF) == (after, Status.IN_PLACE)


@pytest.mark.parametrize(
    "text",
    [
        BASE.replace("line 14", "other 14"),
        BASE.replace("line 14\n", ""),
        BASE[:100],
        "",
        "new\n" + BASE + BASE,
        BASE.replace("\n", "\r\n"),
    ],
)
def test_a_diff_that_does_not_fit_line_for_line_is_refused(text: str) -> None:
    with pytest.raises(PlaceError, match="does not fit") as caught:
        run(text, DIFF)
    assert caught.value.todo
    assert "line 1" not in str(caught.value)


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("", "Line 2"),
        ("secret", "Line 2"),
        ("--- a\n+++ b\n", "Line 3"),
        ("@@ -1 +1 @@\n-secret\n", "Line 3"),
        ("@@ -1 +1 @@\n-secret\n+b\n+c\n", "Line 4"),
        ("@@ -1 +1 @@\n secret\n", "Line 3"),
        ("@@ -1,x +1 @@\n-a\n+b\n", "Line 1"),
        ("@@ -1 +1 @@\n-a\n+b\n--- other\n+++ other\n@@ -1 +1 @@\n-a\n+b\n", "Line 4"),
        ("@@ -1 +1 @@\n\\ No newline\n-a\n+b\n", "Line 2"),
        (None, "unified diff"),
        (["a"], "unified diff"),
    ],
)
def test_what_is_no_diff_of_one_file_is_refused_by_line(value: object, says: str) -> None:
    with pytest.raises(ChangeError) as caught:
        run("secret\n", value)
    assert says in caught.value.message
    assert caught.value.todo
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(("command", "path"), [("ins", "/"), ("rm", "/"), ("set", "KEY")])
def test_53_anything_but_a_set_of_the_file_is_refused(command: str, path: str) -> None:
    with pytest.raises(ChangeError, match="no keys"):
        run(BASE, DIFF, command, path)


def test_line_ends_of_the_diff_follow_the_file() -> None:
    windows = DIFF.replace("\n", "\r\n")
    after = BASE.replace("line 15\n", "fifteen\n")
    assert run(BASE, windows) == (after, Status.APPLIED)
    assert run(BASE.replace("\n", "\r\n"), windows) == (after.replace("\n", "\r\n"), Status.APPLIED)


def test_the_end_of_the_file_counts_with_its_missing_line_end() -> None:
    diff = unified.write("a\nb", "a\nb\nc")
    assert diff.count("\\ No newline at end of file\n") == 2
    assert run("a\nb", diff) == ("a\nb\nc", Status.APPLIED)
    with pytest.raises(PlaceError):
        run("a\nb\n", diff)
    assert run("a\nb", diff.removesuffix("\n")) == ("a\nb\nc", Status.APPLIED)


def test_context_at_an_end_of_the_file_belongs_there() -> None:
    diff = unified.write("a\n" * 6, "a\n" * 7)
    assert run("a\n" * 6, diff) == ("a\n" * 7, Status.APPLIED)
    assert run("a\n" * 7, diff) == ("a\n" * 7, Status.IN_PLACE)


def test_a_blank_of_an_empty_line_may_be_lost_and_text_before_the_first_hunk_is_passed_over() -> None:
    diff = "diff --git a/f b/f\n" + unified.write("a\n\nb\n", "a\n\nc\n").replace("\n \n", "\n\n")
    assert "\n\n-b" in diff
    assert run("a\n\nb\n", diff) == ("a\n\nc\n", Status.APPLIED)


@settings(max_examples=200, deadline=None)
@given(plain(), plain())
def test_the_difference_makes_any_text_any_other(before: str, after: str) -> None:
    document, other = Document(before), Document(after)
    changes = document.difference(other, "/f")
    assert bool(changes) == (before != after)
    for change in changes:
        assert document.apply(change).status is Status.APPLIED
    assert document.render() == after
    assert document.same(other)


def test_large_files_are_replaced_as_one_hunk() -> None:
    before = "".join(f"{number % 7}\n" for number in range(3000))
    after = "".join(f"{number % 11}\n" for number in range(3000)) + "end"
    diff = unified.write(before, after)
    assert diff.count("@@ ") == 1
    assert run(before, diff) == (after, Status.APPLIED)
    assert unified.apply(after, unified.write(after, "")) == ""
    assert unified.apply("", unified.write("", after)) == after


@settings(max_examples=20, deadline=None)
@given(plain(), plain())
def test_patch_reads_our_diffs_and_we_read_those_of_diff(before: str, after: str) -> None:
    diff = unified.write(before, after)
    if not diff:
        return
    with tempfile.TemporaryDirectory() as folder:
        old, new = Path(folder, "old"), Path(folder, "new")
        old.write_bytes(before.encode())
        new.write_bytes(after.encode())
        made = subprocess.run(["diff", "-u", old, new], capture_output=True, check=False).stdout.decode()
        assert unified.apply(before, made) == after
        patched = subprocess.run(
            ["patch", "--binary", "-s", "-o", "-", old], input=diff.encode(), capture_output=True, check=True
        )
        assert patched.stdout.decode() == after
