"""Guessing is slowed down, and nobody else is."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oned.access.backoff import (
    FORGET_SECONDS,
    FREE_FAILURES,
    GOOD_SECONDS,
    LONGEST_SECONDS,
    MAX_ENTRIES,
    QUEUE_SECONDS,
    Backoff,
)
from oned.errors import AuthenticationError

HERE, THERE = "10.0.0.1", "10.0.0.2"


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def failing(backoff: Backoff, times: int, user: str = "ann", address: str = HERE) -> None:
    for number in range(times):
        backoff.failed(f"{user}:wrong{number}", address)


def test_the_first_failures_are_free() -> None:
    backoff = Backoff(Clock())
    reported = [backoff.failed(f"ann:{number}", HERE) for number in range(FREE_FAILURES + 2)]
    assert reported == [number == FREE_FAILURES - 1 for number in range(FREE_FAILURES + 2)]
    fresh = Backoff(Clock())
    failing(fresh, FREE_FAILURES - 1)
    assert fresh.wait("ann:x", HERE) == 0


def test_waits_double_up_to_a_limit() -> None:
    clock = Clock()
    backoff = Backoff(clock)
    failing(backoff, FREE_FAILURES)
    waits = []
    for number in range(8):
        waits.append(round(backoff.wait(f"ann:{number}", HERE), 6))
        clock.now += waits[-1]
        backoff.failed(f"ann:{number}", HERE)
    assert waits == [0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0, 2.0]


def test_only_that_user_from_that_address() -> None:
    backoff = Backoff(Clock())
    failing(backoff, 20)
    assert backoff.wait("ann:x", HERE) == LONGEST_SECONDS
    assert backoff.wait("ann:x", THERE) == 0
    assert backoff.wait("bob:x", HERE) == 0


def test_tries_at_the_same_time_queue_up_and_are_refused_beyond() -> None:
    backoff = Backoff(Clock())
    failing(backoff, 20)
    places = int(QUEUE_SECONDS / LONGEST_SECONDS) + 1
    waits = [backoff.wait(f"ann:{number}", HERE) for number in range(places)]
    assert waits == [LONGEST_SECONDS * (number + 1) for number in range(places)]
    with pytest.raises(AuthenticationError):
        backoff.wait("ann:x", HERE)


def test_failures_are_forgotten() -> None:
    clock = Clock()
    backoff = Backoff(clock)
    failing(backoff, 20)
    clock.now += FORGET_SECONDS
    assert backoff.wait("ann:x", HERE) == 0
    assert len(backoff) == 0


def test_a_new_proof_forgives() -> None:
    backoff = Backoff(Clock())
    failing(backoff, 20)
    backoff.succeeded("ann:right", HERE)
    assert backoff.wait("ann:x", HERE) == 0


def test_a_client_at_work_neither_waits_nor_forgives() -> None:
    clock = Clock()
    backoff = Backoff(clock)
    backoff.succeeded("ann:right", HERE)
    failing(backoff, 20)
    backoff.succeeded("ann:right", HERE)
    assert backoff.wait("ann:right", HERE) == 0
    assert backoff.wait("ann:guess", HERE) > 0
    clock.now += GOOD_SECONDS
    failing(backoff, 20)
    assert backoff.wait("ann:right", HERE) > 0


def test_a_session_that_fails_is_good_no_more() -> None:
    backoff = Backoff(Clock())
    backoff.succeeded("ann:old", HERE)
    for _ in range(FREE_FAILURES):
        backoff.failed("ann:old", HERE)
    assert backoff.wait("ann:old", HERE) > 0


def test_memory_is_bounded() -> None:
    backoff = Backoff(Clock())
    for number in range(MAX_ENTRIES + 500):
        backoff.failed(f"u{number}:x", HERE)
        backoff.succeeded(f"v{number}:x", HERE)
    assert len(backoff) == 2 * MAX_ENTRIES
    failing(backoff, 6, user="x" * 100_000)
    assert len(backoff) == 2 * MAX_ENTRIES


@given(st.lists(st.tuples(st.sampled_from("fsw"), st.floats(0, 30)), max_size=60))
def test_no_wait_is_longer_than_promised(steps: list[tuple[str, float]]) -> None:
    clock = Clock()
    backoff = Backoff(clock)
    for number, (step, pause) in enumerate(steps):
        clock.now += pause
        if step == "f":
            backoff.failed(f"ann:{number}", HERE)
        elif step == "s":
            backoff.succeeded(f"ann:{number}", HERE)
        else:
            with contextlib.suppress(AuthenticationError):
                assert 0 <= backoff.wait(f"ann:{number}", HERE) <= QUEUE_SECONDS + LONGEST_SECONDS
