"""The writer: one commit for all that wait, each job all or nothing, an answer only after the commit."""

import threading
from collections.abc import Callable
from concurrent.futures import Future

import pytest
from sqlalchemy import Executable, delete, exists, func, insert, select, text, update

from oned.database.batch import overlap
from oned.database.db import Database, Transaction
from oned.database.schema import pool_control, system_attributes
from oned.errors import ActionError, InternalError


def put(name: str, body: str = "") -> "Job":
    return Job(name, body)


class Job:
    """Writes one row, and fails afterwards when told to."""

    def __init__(self, name: str, body: str = "", failure: Exception | None = None) -> None:
        self.name, self.body, self.failure = name, body, failure
        self.runs = 0

    def __call__(self, transaction: Transaction) -> str:
        self.runs += 1
        transaction.write(insert(system_attributes), {"name": self.name, "body": self.body})
        if self.failure:
            raise self.failure
        return self.name


def names(database: Database) -> set[str]:
    return {row[0] for row in database.read(lambda t: t.rows(select(system_attributes.c.name)))}


def batch(database: Database, *jobs: Job) -> list["Future[str]"]:
    """Submit ``jobs`` while the writer is held, so that it takes them together."""
    held, release = threading.Event(), threading.Event()

    def hold(_transaction: Transaction) -> None:
        held.set()
        release.wait(30)

    database.submit(hold)
    assert held.wait(30)
    futures = [database.submit(job) for job in jobs]
    release.set()
    return futures


def test_together(database: Database) -> None:
    futures = batch(database, *(put(f"n{i}") for i in range(20)))
    assert [future.result(30) for future in futures] == [f"n{i}" for i in range(20)]
    assert len(names(database)) == 20


def test_a_failure_after_writing_takes_nobody_along(database: Database) -> None:
    bad = Job("bad", failure=ActionError("no"))
    futures = batch(database, put("a"), bad, put("b"))
    assert futures[0].result(30) == "a"
    assert futures[2].result(30) == "b"
    with pytest.raises(ActionError, match="no"):
        futures[1].result(30)
    assert names(database) == {"a", "b"}


def test_a_conflict_takes_nobody_along(database: Database) -> None:
    futures = batch(database, put("a", "1"), put("a", "2"), put("b"))
    assert futures[0].result(30) == "a"
    with pytest.raises(InternalError, match="The database refused the operation"):
        futures[1].result(30)
    assert futures[2].result(30) == "b"


def test_a_defect_does_not_end_the_writer(database: Database) -> None:
    futures = batch(database, Job("a", failure=ZeroDivisionError()), put("b"))
    with pytest.raises(ZeroDivisionError):
        futures[0].result(30)
    assert futures[1].result(30) == "b"
    assert names(database) == {"b"}


def test_statements_never_show_parameters(database: Database) -> None:
    futures = batch(database, put("a", "secret-word"), put("a", "secret-word"))
    with pytest.raises(InternalError) as caught:
        futures[1].result(30)
    assert "secret-word" not in caught.value.detail


def test_ids_count_up_from_zero(database: Database) -> None:
    def job(transaction: Transaction) -> int:
        return transaction.next_oid("document_pool")

    futures = [database.submit(job) for _ in range(50)]
    assert [future.result(30) for future in futures] == list(range(50))
    rows = database.read(lambda t: t.rows(select(pool_control.c.tablename, pool_control.c.last_oid)))
    assert [tuple(row) for row in rows] == [("document_pool", 49)]


def test_reads_cannot_write(database: Database) -> None:
    with pytest.raises(RuntimeError, match="cannot write"):
        database.read(put("x"))


def test_close_finishes_what_is_queued(database: Database) -> None:
    futures = [database.submit(put(f"n{i}")) for i in range(100)]
    database.close()
    assert all(future.result(0) for future in futures)


def body(name: str) -> Callable[[Transaction], str]:
    """A job that looks for a row of that name."""

    def job(transaction: Transaction) -> str:
        row = transaction.one(select(system_attributes.c.body).where(system_attributes.c.name == name))
        return "" if row is None else str(row[0])

    return job


def later(name: str, failure: Exception | None = None) -> Callable[[Transaction], int]:
    """A job that takes an id, inserts a row at the end, and fails afterwards when told to."""

    def job(transaction: Transaction) -> int:
        oid = transaction.next_oid("document_pool")
        transaction.insert_at_end(insert(system_attributes), {"name": name, "body": str(oid)})
        if failure:
            raise failure
        return oid

    return job


def together(database: Database, *jobs: Callable[[Transaction], object]) -> list["Future[object]"]:
    return batch(database, *jobs)  # type: ignore[arg-type, return-value]


def test_rows_that_wait_are_seen_by_who_looks_for_them(database: Database) -> None:
    futures = together(database, later("a"), body("a"), later("b"), body("c"))
    assert [future.result(30) for future in futures] == [0, "0", 1, ""]
    assert names(database) == {"a", "b"}


def test_a_job_sees_what_it_inserts_at_the_end(database: Database) -> None:
    def job(transaction: Transaction) -> str:
        later("mine")(transaction)
        return body("mine")(transaction)

    assert database.submit(job).result(30) == "0"


def test_what_a_failed_job_left_for_the_end_is_not_inserted(database: Database) -> None:
    futures = together(database, later("a"), later("bad", ActionError("no")), later("b"))
    assert (futures[0].result(30), futures[2].result(30)) == (0, 1)
    with pytest.raises(ActionError, match="no"):
        futures[1].result(30)
    assert names(database) == {"a", "b"}
    rows = database.read(lambda t: t.rows(select(pool_control.c.last_oid)))
    assert [tuple(row) for row in rows] == [(1,)]


def test_a_conflict_at_the_end_takes_nobody_along(database: Database) -> None:
    futures = together(database, later("a"), later("a"), later("b"))
    outcomes = [future.exception(30) for future in futures]
    assert [type(outcome) for outcome in outcomes] == [type(None), InternalError, type(None)]
    assert names(database) == {"a", "b"}


@pytest.mark.parametrize(
    "statement",
    [
        select(system_attributes.c.body).where(system_attributes.c.name == "x"),
        select(pool_control.c.last_oid).where(
            pool_control.c.tablename.in_(select(system_attributes.c.name).where(system_attributes.c.body == ""))
        ),
        select(pool_control.c.last_oid).join(
            system_attributes, system_attributes.c.name == pool_control.c.tablename
        ),
        select(func.count()).select_from(select(system_attributes.c.name).subquery()),
        select(exists().where(system_attributes.c.name == "x")),
        update(system_attributes).values(body=""),
        delete(system_attributes),
        insert(system_attributes),
        text("SELECT 1"),
    ],
)
def test_statements_about_a_table(statement: Executable) -> None:
    assert overlap(statement, {system_attributes})


def test_statements_about_another_table() -> None:
    assert not overlap(select(pool_control.c.last_oid), {system_attributes})
    assert not overlap(delete(pool_control), {system_attributes})
