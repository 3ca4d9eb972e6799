"""Who may carry out a task: claims, leases, results that count once."""

import time
from functools import partial

import pytest
from sqlalchemy import delete, insert, select, update

from oned import tasks
from oned.access.acl import Kind
from oned.database.db import Database, Transaction
from oned.database.schema import system_attributes, task
from oned.errors import ActionError
from oned.work import store
from oned.work.context import Task

ABOUT = (Kind.VM, 7)


def put(database: Database, count: int = 1, *, delay: float = 0, driver: str = "", host: str = "") -> None:
    payload = {"driver": driver, "host": host} if driver else {}

    def job(transaction: Transaction) -> None:
        for _ in range(count):
            tasks.enqueue(transaction, "vm.deploy", ABOUT, payload, delay=delay)

    database.submit(job).result(30)


def ids(
    database: Database, lanes: tuple[str, ...] = (), places: tuple[str, ...] = (), limit: int = 100
) -> list[int]:
    return [row[0] for row in database.read(lambda transaction: store.free(transaction, lanes, places, limit))]


def claim(database: Database, numbers: list[int], worker: str = "me") -> list[Task]:
    return database.submit(lambda transaction: store.claim(transaction, numbers, worker)).result(30)


def finish(database: Database, claimed: Task, worker: str = "me", note: str = "") -> bool:
    def job(transaction: Transaction) -> None:
        transaction.write(insert(system_attributes), {"name": note, "body": ""})

    done = database.submit(lambda t: store.finish(t, claimed, worker, job if note else None))
    return done.result(30)


def notes(database: Database) -> set[str]:
    return {row[0] for row in database.read(lambda t: t.rows(select(system_attributes.c.name)))}


def end_leases(database: Database) -> None:
    database.submit(lambda t: t.write(update(task).values(lease=time.time() - 1))).result(30)


def test_a_task_has_one_owner(database: Database) -> None:
    put(database)
    (number,) = ids(database)
    (claimed,) = claim(database, [number])
    assert (claimed.id, claimed.kind, claimed.object, claimed.oid, claimed.attempt) == (
        number,
        "vm.deploy",
        "VM",
        7,
        1,
    )
    assert claim(database, [number], "you") == []
    assert claim(database, [number]) == []
    assert ids(database) == []
    assert database.read(lambda t: store.mine(t, "me")) == {number}


def test_a_result_counts_once_and_takes_the_task_along(database: Database) -> None:
    put(database)
    (claimed,) = claim(database, ids(database))
    assert finish(database, claimed, note="first")
    assert not finish(database, claimed, note="second")
    assert notes(database) == {"first"}


def test_a_result_after_the_lease_was_taken_over(database: Database) -> None:
    put(database)
    (mine,) = claim(database, ids(database))
    end_leases(database)
    found = [row[0] for row in database.read(lambda t: store.expired(t, 10))]
    (yours,) = claim(database, found, "you")
    assert (yours.id, yours.attempt) == (mine.id, 2)
    assert not finish(database, mine, note="mine")
    assert finish(database, yours, "you", note="yours")
    assert notes(database) == {"yours"}


def test_my_own_earlier_claim_counts_for_nothing_either(database: Database) -> None:
    put(database)
    (first,) = claim(database, ids(database))
    end_leases(database)
    (second,) = claim(database, [first.id])
    assert not finish(database, first, note="first")
    assert finish(database, second, note="second")
    assert notes(database) == {"second"}


def test_a_cancelled_task_has_no_result(database: Database) -> None:
    put(database)
    (claimed,) = claim(database, ids(database))
    database.submit(lambda t: tasks.cancel(t, ABOUT)).result(30)
    assert not finish(database, claimed, note="late")
    assert notes(database) == set()


def test_a_result_may_cancel_all_tasks_of_its_object(database: Database) -> None:
    put(database, 3)
    (claimed, *_) = claim(database, ids(database))
    done = database.submit(lambda t: store.finish(t, claimed, "me", lambda t: tasks.cancel(t, ABOUT)))
    assert done.result(30)
    assert database.read(lambda t: t.rows(select(task.c.id))) == []


def test_a_result_that_fails_leaves_the_task(database: Database) -> None:
    put(database)
    (claimed,) = claim(database, ids(database))

    def bad(transaction: Transaction) -> None:
        transaction.write(insert(system_attributes), {"name": "half", "body": ""})
        raise ActionError("no")

    with pytest.raises(ActionError):
        database.submit(lambda t: store.finish(t, claimed, "me", bad)).result(30)
    assert notes(database) == set()
    assert database.read(lambda t: store.mine(t, "me")) == {claimed.id}


def test_an_installation_takes_back_what_its_last_server_had(database: Database) -> None:
    put(database, 3)
    one, two, three = ids(database)
    claim(database, [one], "aa11")
    claim(database, [two], "bb22")
    claim(database, [three], "a%33")
    database.submit(lambda t: store.free_all(t, "aa")).result(30)
    assert ids(database) == [one]
    database.submit(lambda t: store.free_all(t, "a%")).result(30)
    assert ids(database) == [one, three]


def test_what_is_due_later_waits(database: Database) -> None:
    put(database, delay=0.3)
    put(database)
    assert len(ids(database)) == 1
    time.sleep(0.35)
    assert len(ids(database)) == 2


def test_given_back_for_later(database: Database) -> None:
    put(database)
    (claimed,) = claim(database, ids(database))
    database.submit(lambda t: store.give_back(t, claimed, "me", 0.3)).result(30)
    assert ids(database) == []
    assert claim(database, [claimed.id]) == []
    time.sleep(0.35)
    (again,) = claim(database, ids(database), "you")
    assert again.attempt == 2


def test_a_lease_that_is_renewed_does_not_end(database: Database) -> None:
    put(database)
    (claimed,) = claim(database, ids(database))
    end_leases(database)
    assert len(database.read(lambda t: store.expired(t, 10))) == 1
    database.submit(lambda t: store.renew(t, [claimed.id], "me")).result(30)
    assert database.read(lambda t: store.expired(t, 10)) == []


def test_lanes_and_places_that_are_full_are_passed_over(database: Database) -> None:
    put(database, 3, driver="vmm:a", host="h1")
    put(database, 1, driver="vmm:a", host="h2")
    put(database, 1, driver="tm:b")
    assert len(ids(database)) == 5
    assert len(ids(database, limit=2)) == 2
    assert ids(database, lanes=("vmm:a",)) == [5]
    assert ids(database, places=("vmm:a h1",)) == [4, 5]
    assert ids(database, ("tm:b",), ("vmm:a h1",)) == [4]


def test_a_damaged_payload_spoils_only_its_own_task(database: Database) -> None:
    put(database, 3)
    for number, text in ((1, "{"), (2, "[1]")):
        damage = update(task).where(task.c.id == number).values(payload=text)
        database.submit(partial(Transaction.write, statement=damage)).result(30)
    assert [claimed.payload for claimed in claim(database, ids(database))] == [{}, {}, {}]


def test_the_writer_tells_of_new_and_cancelled_tasks(database: Database) -> None:
    told: list[int] = []
    database.listen(tasks.SIGNAL, lambda: told.append(1))
    put(database)
    database.submit(lambda t: t.write(delete(system_attributes))).result(30)
    database.submit(lambda t: tasks.cancel(t, ABOUT)).result(30)
    database.submit(lambda t: None).result(30)
    assert len(told) == 2
