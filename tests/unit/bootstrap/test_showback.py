"""When the daily calculation of costs is due."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bootstrap.showback import last_day, next_run, today


def at(*words: int) -> float:
    year, month, day, hour, minute = (*words, 0, 0)[:5]
    return time.mktime((year, month, day, hour, minute, 0, 0, 0, -1))


@pytest.fixture(autouse=True)
def in_berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("last", "now", "due"),
    [
        (None, (2026, 5, 4, 12), (2026, 5, 4, 12)),
        ((2026, 5, 4), (2026, 5, 4, 12), (2026, 5, 5)),
        ((2026, 5, 3), (2026, 5, 4, 0), (2026, 5, 4)),
        ((2026, 4, 1), (2026, 5, 4, 12), (2026, 5, 4, 12)),
        ((2026, 12, 31), (2026, 12, 31, 23, 59), (2027, 1, 1)),
        ((2026, 3, 29), (2026, 3, 29, 1), (2026, 3, 30)),
        ((2026, 5, 5), (2026, 5, 4, 12), (2026, 5, 4, 12)),
    ],
    ids=["never", "done", "midnight", "was down", "new year", "a short day", "a clock set back"],
)
def test_it_is_due_once_a_day(
    last: tuple[int, int, int] | None, now: tuple[int, ...], due: tuple[int, ...]
) -> None:
    assert next_run(last, at(*now)) == at(*due)


@pytest.mark.parametrize("text", ["", "2026-5", "x", "2026-13-1", "9" * 30 + "-1-1", "-1-1-1"])
def test_a_note_that_tells_nothing(tmp_path: Path, text: str) -> None:
    path = tmp_path / "stamp"
    path.write_text(text)
    assert last_day(path) is None
    assert last_day(tmp_path / "none") is None


def test_a_note(tmp_path: Path) -> None:
    path = tmp_path / "stamp"
    path.write_text("-".join(map(str, today(at(2026, 5, 4, 23)))))
    assert last_day(path) == (2026, 5, 4)
