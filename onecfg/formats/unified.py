"""Unified diffs of one file: written by ``difflib``, applied here without guessing.

Every line of a hunk has to be there as it is written; only its place may have moved. Why no library applies them:
``whatthepatch`` loses line ends and knows no moved places, ``unidiff`` only reads (both measured at their newest
releases), and neither keeps the file's text out of its errors.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from onecfg.model import ChangeError, PlaceError

MAX_COMPARED = 4000
"""Lines that ``difflib`` compares, which takes it seconds in the worst case; more are replaced as one hunk."""

_HUNK = re.compile(r"@@ -(\d{1,9})(?:,(\d{1,9}))? \+(\d{1,9})(?:,(\d{1,9}))? @@")
_UNENDED = "\\ No newline at end of file\n"


@dataclass(slots=True)
class Hunk:
    """Lines, their ends included, that stand at a line (counted from zero) of the old file, and of the new one."""

    old_at: int
    new_at: int
    old: list[str]
    new: list[str]
    lead: int
    """Lines of context before the first change."""
    trail: int
    """Lines of context after the last change."""

    def reversed(self) -> "Hunk":
        """The hunk that undoes this one."""
        return Hunk(self.new_at, self.old_at, self.new, self.old, self.lead, self.trail)


def lines(text: str) -> list[str]:
    """The lines of ``text`` with their ends; only a line feed ends one."""
    parts = text.split("\n")
    return [part + "\n" for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])


def write(old: str, new: str) -> str:
    """The unified diff from ``old`` to ``new``, empty when there is none."""
    before, after = lines(old), lines(new)
    if len(before) + len(after) > MAX_COMPARED and before != after:
        head = f"@@ -{_range(len(before))} +{_range(len(after))} @@\n"
        found = ["--- old\n", "+++ new\n", head, *(f"-{line}" for line in before), *(f"+{line}" for line in after)]
    else:
        import difflib  # a patch, which only reads diffs, starts without it

        found = list(difflib.unified_diff(before, after, "old", "new"))
    return "".join(line if line.endswith("\n") else f"{line}\n{_UNENDED}" for line in found)


def _range(count: int) -> str:
    return f"{min(count, 1)},{count}"


def apply(text: str, diff: str) -> str | None:
    """``text`` with ``diff`` applied, or ``None`` when it already is.

    Raises ``ChangeError`` for what is no unified diff of one file, ``PlaceError`` when its lines are not there.
    """
    hunks = parse(diff, crlf="\r\n" in text)
    undone = [hunk.reversed() for hunk in hunks]
    before = lines(text)
    for moved in (False, True):
        if (after := _apply(before, hunks, moved=moved)) is not None:
            return "".join(after)
        if _apply(before, undone, moved=moved) is not None:
            return None
    raise PlaceError(
        "The diff does not fit the file: lines that it names are not there, or stand there more than once.",
        todo="Make the diff anew from the file as it is now.",
    )


def _apply(before: list[str], hunks: Sequence[Hunk], *, moved: bool) -> list[str] | None:
    """The lines after ``hunks``, each at its stated line or, with ``moved``, at another; none if one fits nowhere."""
    after: list[str] = []
    done = offset = 0
    for hunk in hunks:
        place = hunk.old_at + offset
        if place < done or not _fits(before, hunk, place):
            only = _only_place(before, hunk, done) if moved else None
            if only is None:
                return None
            place, offset = only, only - hunk.old_at
        after += before[done:place] + hunk.new
        done = place + len(hunk.old)
    return after + before[done:]


def _only_place(before: list[str], hunk: Hunk, start: int) -> int | None:
    """The line from ``start`` on where the hunk fits, unless there are several."""
    if not hunk.old:
        return None
    last = len(before) - len(hunk.old)
    if hunk.trail < hunk.lead or not hunk.old[-1].endswith("\n"):
        return last if last >= start and _fits(before, hunk, last) else None
    # A search of texts takes linear time even when all lines are alike; comparing lists at each place does not.
    text, wanted = "".join(["\n", *before[start:]]), "".join(["\n", *hunk.old])
    at = text.find(wanted)
    place = start + text.count("\n", 0, at)
    alone = at >= 0 and text.find(wanted, at + 1) < 0
    return place if alone and _fits(before, hunk, place) else None


def _fits(before: list[str], hunk: Hunk, place: int) -> bool:
    """Whether the hunk's lines stand at ``place``; with less context on one side it belongs to that end of the file."""
    end = place + len(hunk.old)
    if (hunk.lead < hunk.trail and hunk.old_at == 0 and place > 0) or (
        hunk.trail < hunk.lead and end < len(before)
    ):
        return False
    return place >= 0 and end <= len(before) and before[place:end] == hunk.old


def parse(diff: str, *, crlf: bool = False) -> list[Hunk]:
    """The hunks of ``diff``; with ``crlf`` the lines of one that was itself written with CRLF keep that.

    Raises ``ChangeError``.
    """
    rows = lines(diff if diff.endswith("\n") else f"{diff}\n")
    number = next((number for number, row in enumerate(rows) if row.startswith("@@ ")), len(rows))
    windows = number < len(rows) and rows[number].endswith("\r\n")
    if windows:
        rows = [row.removesuffix("\r\n") + "\n" if row.endswith("\r\n") else row for row in rows]
    hunks: list[Hunk] = []
    while number < len(rows) and rows[number].strip():
        hunk, number = _hunk(rows, number, "\r\n" if windows and crlf else "\n")
        hunks.append(hunk)
    if not hunks or any(row.strip() for row in rows[number:]):
        raise _malformed(number)
    return hunks


def _hunk(rows: Sequence[str], number: int, newline: str) -> tuple[Hunk, int]:
    """The hunk whose head is the row ``number``, and the number of the row after it."""
    found = _HUNK.match(rows[number])
    if found is None:
        raise _malformed(number)
    left = [int(found[2] or 1), int(found[4] or 1)]
    # An empty range names the line before it.
    starts = [max(int(found[group]) - (count > 0), 0) for group, count in zip((1, 3), left, strict=True)]
    body: list[tuple[str, str]] = []
    number += 1
    while any(left) or (number < len(rows) and rows[number].startswith("\\")):
        row = rows[number] if number < len(rows) else ""
        mark, line = (" ", newline) if row == "\n" else (row[:1], row[1:-1] + newline)
        if mark == "\\" and body:
            body[-1] = body[-1][0], body[-1][1].removesuffix(newline)
        elif mark in {" ", "-", "+"}:
            body.append((mark, line))
            left = [left[0] - (mark != "+"), left[1] - (mark != "-")]
        else:
            raise _malformed(number)
        if min(left) < 0:
            raise _malformed(number)
        number += 1
    marks = "".join(mark for mark, _ in body)
    if not marks.strip():
        raise _malformed(number)
    return Hunk(
        old_at=starts[0],
        new_at=starts[1],
        old=[line for mark, line in body if mark != "+"],
        new=[line for mark, line in body if mark != "-"],
        lead=len(marks) - len(marks.lstrip()),
        trail=len(marks) - len(marks.rstrip()),
    ), number


def _malformed(number: int) -> ChangeError:
    return ChangeError(
        f"Line {number + 1} of the value is not what a unified diff of one file has there.",
        todo="Write the output of diff -u, as one text.",
    )
