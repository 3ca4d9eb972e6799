"""When an action is due, and when it comes again."""

import time
from datetime import UTC, datetime

import pytest

from scheduler.actions import done, due


def epoch(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


NOW = epoch("2026-03-10 12:00")


@pytest.mark.parametrize(
    ("action", "is_due"),
    [
        ({"TIME": str(NOW - 1)}, True),
        ({"TIME": str(NOW + 1)}, False),
        ({"TIME": "+60"}, True),
        ({"TIME": "+999999999"}, False),
        ({"TIME": str(NOW - 5), "DONE": str(NOW - 5)}, False),
        ({"TIME": str(NOW - 5), "DONE": str(NOW - 99)}, True),
        ({"TIME": "soon"}, False),
        ({}, False),
        ({"TIME": str(NOW - 1), "REPEAT": "3", "END_TYPE": "1", "END_VALUE": "0"}, False),
        ({"TIME": str(NOW - 1), "REPEAT": "3", "END_TYPE": "1", "END_VALUE": "1"}, True),
        ({"TIME": str(NOW - 1), "REPEAT": "3", "END_TYPE": "2", "END_VALUE": str(NOW - 9)}, False),
        ({"TIME": str(NOW - 1), "REPEAT": "3", "END_TYPE": "2", "END_VALUE": str(NOW)}, True),
    ],
)
def test_due(action: dict[str, str], is_due: bool) -> None:
    assert due(action, started=NOW - 600, now=NOW) is is_due


@pytest.mark.parametrize(
    ("start", "repeat", "days", "following"),
    [
        ("2026-03-10 11:30", "3", "2", "2026-03-10 13:30"),
        ("2026-03-01 11:30", "3", "5", "2026-03-10 15:30"),
        # 10 March 2026 is a Tuesday (2); Sunday is 0.
        ("2026-03-10 11:30", "0", "2", "2026-03-17 11:30"),
        ("2026-03-10 11:30", "0", "0,4", "2026-03-12 11:30"),
        ("2026-02-01 11:30", "0", "4", "2026-03-12 11:30"),
        ("2026-03-10 11:30", "1", "10,20", "2026-03-20 11:30"),
        ("2026-01-31 11:30", "1", "31", "2026-03-31 11:30"),
        ("2026-03-10 11:30", "2", "0", "2027-01-01 11:30"),
    ],
)
def test_again(start: str, repeat: str, days: str, following: str) -> None:
    action = {"ACTION": "poweroff", "TIME": str(epoch(start)), "REPEAT": repeat, "DAYS": days, "MESSAGE": "x"}
    after = done(action, 0, NOW)
    assert time.gmtime(int(after["TIME"])) == time.gmtime(epoch(following))
    assert after["DONE"] == str(NOW)
    assert "MESSAGE" not in after
    assert not due(after, 0, NOW)


def test_a_number_of_times() -> None:
    action = {"TIME": str(NOW - 60), "REPEAT": "3", "DAYS": "1", "END_TYPE": "1", "END_VALUE": "2"}
    after = done(action, 0, NOW)
    assert after["END_VALUE"] == "1"
    last = done(after, 0, int(after["TIME"]) + 1)
    assert not due(last, 0, int(last["TIME"]) + 1)
