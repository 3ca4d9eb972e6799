"""What a service prints: in the log line by line, and its last words as the reason of its end."""

import io
import os
import sys

import pytest

from bootstrap.output import LastWords, LineHandler


class Record:
    def __init__(self, msg: bytes) -> None:
        self.msg = msg


def written(monkeypatch: pytest.MonkeyPatch, *parts: bytes) -> bytes:
    """What a handler writes for ``parts`` and at the end."""
    out = io.TextIOWrapper(io.BytesIO())
    monkeypatch.setattr(sys, "stdout", out)
    handler = LineHandler("db")
    for part in parts:
        handler.emit(Record(part))
    handler.close()
    buffer = out.buffer
    assert isinstance(buffer, io.BytesIO)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ((b"a\nb\n",), b"db | a\ndb | b\n"),
        ((b"a", b"b\nc", b"\n"), b"db | ab\ndb | c\n"),
        ((b"a\nrest",), b"db | a\ndb | rest\n"),
        ((b"\n\n",), b"db | \ndb | \n"),
        ((b"\xff\xfe\n",), b"db | \xff\xfe\n"),
        ((), b""),
    ],
)
def test_lines_get_the_name_in_front(
    monkeypatch: pytest.MonkeyPatch, parts: tuple[bytes, ...], expected: bytes
) -> None:
    assert written(monkeypatch, *parts) == expected


def test_a_line_without_an_end_does_not_grow_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    data = written(monkeypatch, *[b"x" * 10000] * 100)
    assert data.count(b"x") == 1_000_000
    assert max(len(line) for line in data.splitlines()) < 100_000


def test_a_reader_that_went_away_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    here, there = os.pipe()
    os.close(here)
    with open(there, "w") as out:  # noqa: PTH123  a descriptor
        monkeypatch.setattr(sys, "stdout", out)
        LineHandler("db").emit(Record(b"a line\n"))
        monkeypatch.undo()
        os.dup2(os.open(os.devnull, os.O_WRONLY), there)  # so that closing it can flush


def said(*parts: bytes) -> str:
    words = LastWords("db")
    for part in parts:
        words.emit(Record(part))
    words.close()
    return words.text()


RUNNER = b"2026-01-02 03:04:05 [SERVICE db] starting oned\n"


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        (b"", ""),
        (b"\n \n", ""),
        (RUNNER, ""),
        (RUNNER + b"no disk\n", "no disk"),
        (b"one\ntwo", "two"),
        (
            b"ERROR: The database is newer.\n       Start the newer release.\n",
            "The database is newer. Start the newer release.",
        ),
        (b"ERROR: The database is newer.\nbye\n  indented\n", "The database is newer."),
        (b"ERROR: first\nERROR: the second one\nbye\n", "the second one"),
        (
            b"2026-01-02 03:04:05 0 [ERROR] InnoDB: no space\n2026-01-02 03:04:05 0 [ERROR] Aborting\n",
            "InnoDB: no space",
        ),
        (b"2026-01-02 03:04:05 0 [ERROR] Aborting\n", "Aborting"),
        (
            b"2026-01-02 03:04:05 0 [ERROR] /usr/sbin/mariadbd: unknown variable\n",
            "/usr/sbin/mariadbd: unknown variable",
        ),
        (b"2026-01-02T03:04:05.678Z FATAL cannot listen\n", "cannot listen"),
        (b"[2026.01.02 03:04:05] service ended\n", "service ended"),
        (b"worker 3: FATAL no memory\nlast\n", "worker 3: FATAL no memory"),
        (b"Traceback (most recent call last):\n  File x\nValueError: no\n", "ValueError: no"),
        (b"ERRORS: 0\nERROR_LOG=x\ndone\n", "done"),
        (b"\x1b[31mred\x1b[0m \xff\ttab\r\n", "[31mred [0m \ufffd tab"),
        (b"ERROR: " + b"y " * 500, ("y " * 80)),
        (b"z" * 100_000, "z" * 160),
    ],
)
def test_last_words_explain_the_end(output: bytes, expected: str) -> None:
    assert said(output) == expected
    pieces = [output[start : start + 7] for start in range(0, min(len(output), 2000), 7)]
    if len(output) < 2000:
        assert said(*pieces) == expected


def test_last_words_do_not_grow() -> None:
    words = LastWords("db")
    for _ in range(200):
        words.emit(Record(b"ERROR: it " + b"x" * 5000 + b"\n" + b"  more\n" * 100 + b"y" * 10000))
    assert sum(len(value) for value in vars(words).values() if isinstance(value, bytes)) < 10000
    assert len(words.text()) <= 160
