"""The runner on a database in a file: when it looks, what it does with handlers that cannot, fail or are defective."""

import asyncio
import io
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from oned import tasks
from oned.access.acl import Kind
from oned.config import Settings
from oned.database.db import Database, Transaction
from oned.database.schema import system_attributes, task
from oned.errors import InternalError
from oned.work import runner as module
from oned.work import store
from oned.work.context import Context, Handler, Job, LaterError
from oned.work.runner import Runner
from oned.work.table import HANDLERS
from onelib.locations import Locations
from onelib.logs import DDEBUG, Log


class Bench:
    """A runner that has not started, its log, and one handler for tasks of the kind ``test``."""

    def __init__(self, database: Database, settings: Settings, folder: Path) -> None:
        self.database = database
        self.stream = io.StringIO()
        self.runner = Runner(database, settings, Locations(folder), Log(DDEBUG, 0, self.stream))
        self.seen: list[Context] = []

    def put(self, kind: str = "test", **payload: str) -> None:
        def job(transaction: Transaction) -> None:
            tasks.enqueue(transaction, kind, (Kind.VM, 7), payload)

        self.database.submit(job).result(30)

    @property
    def rows(self) -> list[Any]:
        return self.database.read(lambda t: t.rows(select(task.c.owner, task.c.attempt, task.c.due)))

    @property
    def notes(self) -> list[str]:
        return [row[0] for row in self.database.read(lambda t: t.rows(select(system_attributes.c.name)))]

    def until(self, condition: Callable[[], bool], seconds: float = 10) -> float:
        begin = time.monotonic()
        while not condition():
            assert time.monotonic() - begin < seconds, self.stream.getvalue()
            time.sleep(0.002)
        return time.monotonic() - begin


def note(name: str) -> Job:
    def job(transaction: Transaction) -> None:
        transaction.write(insert(system_attributes), {"name": name, "body": ""})

    return job


@pytest.fixture
def bench(database: Database, settings: Settings, tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(database, settings, tmp_path)
    yield bench
    bench.runner.stop()


@pytest.fixture
def handle(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Callable[[Handler], None]:
    """Set what carries out tasks of the kind ``test``."""

    def setter(handler: Handler) -> None:
        async def wrapped(context: Context) -> Job | None:
            bench.seen.append(context)
            return await handler(context)

        monkeypatch.setitem(HANDLERS, "test", wrapped)

    return setter


async def writes(context: Context) -> Job:
    return note(f"done {context.task.id}")


def test_it_is_woken_by_the_commit(bench: Bench, handle: Callable[[Handler], None]) -> None:
    handle(writes)
    bench.runner.start()
    time.sleep(0.1)
    seconds = []
    for number in range(5):
        bench.put()
        seconds.append(bench.until(lambda number=number: len(bench.notes) > number))  # type: ignore[misc]
    assert min(seconds) < module.POLL_SECONDS / 5
    assert bench.rows == []


def test_what_waits_at_the_start_begins_at_once(bench: Bench, handle: Callable[[Handler], None]) -> None:
    handle(writes)
    for _ in range(30):
        bench.put()
    bench.runner.start()
    bench.until(lambda: len(bench.notes) == 30)
    assert len(bench.seen) == 30


def test_later(bench: Bench, handle: Callable[[Handler], None]) -> None:
    async def handler(context: Context) -> Job:
        if context.task.attempt < 3:
            raise LaterError(0.05, "not yet")
        return note("done")

    handle(handler)
    bench.runner.start()
    bench.put()
    bench.until(lambda: bench.notes == ["done"])
    assert [context.task.attempt for context in bench.seen] == [1, 2, 3]
    assert "The task test of VM 7 has to wait: not yet" in bench.stream.getvalue()


@pytest.mark.parametrize("where", ["handler", "result"])
def test_a_defect_is_logged_and_tried_again_later(
    bench: Bench, handle: Callable[[Handler], None], where: str
) -> None:
    def bad(transaction: Transaction) -> None:
        note("half")(transaction)
        raise InternalError("no")

    async def handler(context: Context) -> Job:
        if where == "handler":
            raise KeyError("no")
        return bad

    handle(handler)
    bench.runner.start()
    bench.put()
    bench.until(lambda: bool(bench.seen) and bench.rows[0][0] == "")
    ((owner, attempt, due),) = bench.rows
    assert (owner, attempt) == ("", 1)
    assert 1 < due - time.time() < 3
    assert bench.notes == []
    assert "The task test of VM 7 failed: Traceback" in bench.stream.getvalue()
    handle(writes)
    bench.database.submit(lambda t: t.write(update(task).values(due=0))).result(30)
    bench.until(lambda: len(bench.notes) == 1)


def test_a_task_without_result(bench: Bench, handle: Callable[[Handler], None]) -> None:
    async def handler(context: Context) -> None: ...

    handle(handler)
    bench.runner.start()
    bench.put()
    bench.until(lambda: bool(bench.seen) and bench.rows == [])


def test_a_task_of_a_newer_server_stays(bench: Bench) -> None:
    bench.runner.start()
    bench.put("future.thing")
    bench.until(lambda: bench.rows[0][2] > time.time() + 60)
    assert bench.rows[0][0] == ""


def test_a_cancelled_task_is_left_at_once(bench: Bench, handle: Callable[[Handler], None]) -> None:
    ended: list[bool] = []

    async def handler(context: Context) -> Job:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append(True)
        return note("done")

    handle(handler)
    bench.runner.start()
    bench.put()
    bench.until(lambda: bool(bench.seen))
    bench.database.submit(lambda t: tasks.cancel(t, (Kind.VM, 7))).result(30)
    assert bench.until(lambda: bool(ended)) < module.POLL_SECONDS
    assert bench.notes == []


def test_a_lease_is_kept_as_long_as_it_takes(
    bench: Bench, handle: Callable[[Handler], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "LEASE_SECONDS", 1.0)
    monkeypatch.setattr(module, "EXPIRY_SECONDS", 0.1)

    async def handler(context: Context) -> Job:
        await asyncio.sleep(2.5)
        return note("done")

    handle(handler)
    bench.runner.start()
    bench.put()
    bench.until(lambda: bench.notes == ["done"])
    assert len(bench.seen) == 1


def test_a_stop_gives_back(bench: Bench, handle: Callable[[Handler], None]) -> None:
    async def handler(context: Context) -> None:
        await asyncio.sleep(60)

    handle(handler)
    bench.put()
    bench.runner.start()
    bench.until(lambda: bool(bench.seen))
    begin = time.monotonic()
    bench.runner.stop()
    assert time.monotonic() - begin < 1
    bench.until(lambda: bench.rows[0][0] == "")


def test_no_more_at_the_same_time_than_allowed(bench: Bench, handle: Callable[[Handler], None]) -> None:
    now, most = [0], [0]

    async def handler(context: Context) -> Job:
        now[0] += 1
        most[0] = max(most[0], now[0])
        await asyncio.sleep(0.02)
        now[0] -= 1
        return note(f"done {context.task.id}")

    handle(handler)
    for _ in range(60):
        bench.put()
    bench.runner.start()
    bench.until(lambda: len(bench.notes) == 60)
    assert most[0] == 15
