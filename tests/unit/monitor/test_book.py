"""Which hosts were heard, in which order messages count, and how many may wait."""

import asyncio

import pytest

from monitor.book import ORDER_SECONDS, Book
from monitor.inbox import MOST_BYTES, MOST_OF_A_HOST, MOST_OF_STRANGERS, Inbox
from monitor.message import Kind, Message


def message(host: int = 1, when: int = 100, kind: Kind = Kind.STATE_VM, packed: bytes = b"") -> Message:
    return Message(kind, True, host, when, packed)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr("monitor.book.time.monotonic", lambda: now[0])
    return now


def test_older_messages_of_a_kind_are_dropped(clock: list[float]) -> None:
    known = Book()
    known.refresh([1, 2])
    assert known.in_order(message(when=100))
    assert known.in_order(message(when=100))
    assert not known.in_order(message(when=99))
    assert known.in_order(message(when=99, kind=Kind.MONITOR_VM))
    assert known.in_order(message(when=99, host=2))
    assert not known.in_order(message(host=3))


def test_a_clock_that_was_set_back_is_believed_after_a_while(clock: list[float]) -> None:
    known = Book()
    known.refresh([1])
    assert known.in_order(message(when=10**10))
    clock[0] += ORDER_SECONDS - 1
    assert not known.in_order(message(when=100))
    clock[0] += 2
    assert known.in_order(message(when=100))


def test_silent_hosts(clock: list[float]) -> None:
    known = Book()
    known.refresh([1, 2])
    assert known.silent(10) == []
    clock[0] += 11
    known.heard(2)
    known.heard(5)
    known.refresh([1, 2, 3])
    assert known.silent(10) == [1]
    known.refresh([2, 3])
    assert 1 not in known
    assert known.silent(10) == []


def test_no_host_crowds_out_another() -> None:
    async def run() -> None:
        inbox = Inbox()
        for _ in range(MOST_OF_A_HOST + 10):
            inbox.put(message(), known=True)
        assert inbox.refused.total() == 10
        assert inbox.put(message(host=2), known=True)
        for host in range(1000, 1000 + MOST_OF_STRANGERS + 5):
            inbox.put(message(host=host), known=False)
        assert inbox.refused.total() == 15
        assert inbox.put(message(host=3), known=True)
        taken = await inbox.take(0)
        assert len(taken[1]) == MOST_OF_A_HOST
        assert len(taken) == 3 + MOST_OF_STRANGERS
        assert inbox.put(message(host=5000), known=False)
        assert list(await inbox.take(0)) == [5000]

    asyncio.run(run())


def test_large_messages_do_not_fill_the_memory() -> None:
    async def run() -> None:
        inbox = Inbox()
        large = bytes(MOST_BYTES // 4)
        assert [inbox.put(message(host=host, packed=large), known=True) for host in range(5)] == [True] * 4 + [
            False
        ]
        await inbox.take(0)
        assert inbox.put(message(packed=large), known=True)

    asyncio.run(run())
