"""Two servers on one database: what is changed at one binds at the other at once, and nothing is given out twice."""

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from oned.config import DatabaseSettings
from oned.database import schema
from oned.database.db import Database, Transaction
from oned.database.lease import identity
from oned.database.peers import MEMORY_SECONDS
from oned.database.schema import lease
from tests.integration.oned import machines
from tests.integration.oned.conftest import end, new_daemon
from tests.integration.oned.daemon import Daemon
from tests.integration.oned.mariadb import MariaDb
from tests.integration.oned.networking import new_network
from tests.integration.oned.pair import Pair

AUTHENTICATION, AUTHORIZATION, INTERNAL = 0x100, 0x200, 0x2000
_numbers = itertools.count()
Sides = tuple[Daemon, Daemon]


@pytest.fixture(scope="module")
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    daemon = new_daemon(tmp_path_factory.mktemp("two"), "pair", request, machines.DRIVERS)
    assert isinstance(daemon, Pair)
    daemon.start()
    yield daemon
    end(daemon)


@pytest.fixture
def sides(pair: Pair) -> Sides:
    return pair.sides


@pytest.fixture
def joe(sides: Sides) -> tuple[int, str]:
    """A user whom the first server knows: id and session."""
    here, there = sides
    name = f"joe{next(_numbers)}"
    uid = int(there.ok("one.user.allocate", name, "word", "core"))
    here.ok("one.user.info", -1, session=f"{name}:word")
    here.ok("one.system.version", session=f"{name}:word")
    return uid, f"{name}:word"


def image_datastore(here: Daemon) -> int:
    text = "NAME = two\nTYPE = IMAGE_DS\nDS_MAD = dummy\nTM_MAD = dummy"
    oid = int(here.ok("one.datastore.allocate", text, -1))
    machines.until(lambda: "<FREE_MB>0<" not in str(here.ok("one.datastore.info", oid)), "it is looked at")
    return oid


def shared_document(here: Daemon, group: int) -> int:
    """A document that the members of a group may use."""
    oid = int(here.ok("one.document.allocate", "A = 1", 100))
    here.ok("one.document.chown", oid, -1, group)
    here.ok("one.document.chmod", oid, 1, 1, 0, 1, 0, 0, 0, 0, 0)
    return oid


def test_they_are_two_and_know_of_each_other(pair: Pair) -> None:
    assert identity(pair.auth) != identity(pair.second.auth)


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("one.user.passwd", ("other",)),
        ("one.user.enable", (False,)),
        ("one.user.chauth", ("public", "")),
        ("one.user.delete", ()),
    ],
)
def test_who_is_shut_out_at_one_does_not_come_in_at_the_other(
    sides: Sides, joe: tuple[int, str], method: str, params: tuple[str | bool, ...]
) -> None:
    here, there = sides
    there.ok(method, joe[0], *params)
    here.fails(AUTHENTICATION, "one.user.info", -1, session=joe[1])


def test_a_token_that_is_revoked(sides: Sides, joe: tuple[int, str]) -> None:
    here, there = sides
    name = joe[1].partition(":")[0]
    token = there.ok("one.user.login", name, "", 3600, session=joe[1])
    here.ok("one.user.info", -1, session=f"{name}:{token}")
    there.ok("one.user.login", name, token, 0)
    here.fails(AUTHENTICATION, "one.user.info", -1, session=f"{name}:{token}")


def test_groups(sides: Sides, joe: tuple[int, str]) -> None:
    here, there = sides
    group = int(there.ok("one.group.allocate", f"group{next(_numbers)}"))
    theirs, ours = shared_document(there, group), shared_document(there, 1)
    here.ok("one.document.info", ours, session=joe[1])
    there.ok("one.user.chgrp", joe[0], group)
    here.fails(AUTHORIZATION, "one.document.info", ours, session=joe[1])
    here.ok("one.document.info", theirs, session=joe[1])
    there.ok("one.user.addgroup", joe[0], 1)
    here.ok("one.document.info", ours, session=joe[1])
    there.ok("one.user.delgroup", joe[0], 1)
    here.fails(AUTHORIZATION, "one.document.info", ours, session=joe[1])


def test_rules(sides: Sides, joe: tuple[int, str]) -> None:
    here, there = sides
    document = int(there.ok("one.document.allocate", "A = 1", 100))
    here.fails(AUTHORIZATION, "one.document.info", document, session=joe[1])
    who, what = f"{0x100000000 | joe[0]:x}", f"{0x400000000000 | 0x100000000 | document:x}"
    rule = int(there.ok("one.acl.addrule", who, what, "1"))
    here.ok("one.document.info", document, session=joe[1])
    there.ok("one.acl.delrule", rule)
    here.fails(AUTHORIZATION, "one.document.info", document, session=joe[1])


def test_what_a_user_sets_for_itself(sides: Sides, joe: tuple[int, str]) -> None:
    here, there = sides
    there.ok("one.user.update", joe[0], "UMASK = 000", 1)
    document = here.ok("one.document.allocate", "A = 1", 100, session=joe[1])
    assert "<OTHER_M>1</OTHER_M>" in str(there.ok("one.document.info", int(document)))


class Hammer:
    """A client that never stops calling: when each call began that was answered well."""

    def __init__(self, daemon: Daemon, session: str) -> None:
        self.good: list[float] = []
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(daemon, session))
        self._thread.start()

    def _run(self, daemon: Daemon, session: str) -> None:
        while not self._end.is_set():
            begin = time.monotonic()
            if daemon.call("one.system.version", session=session)[0]:
                self.good.append(begin)
            else:
                time.sleep(0.005)  # enough to see a late success, too little to be slowed down for guessing

    def stop(self) -> list[float]:
        self._end.set()
        self._thread.join(30)
        return self.good


@pytest.mark.parametrize("part", [0.0, 0.3, 0.6, 0.9])
def test_no_call_that_begins_after_the_answer_has_the_old_rights(
    sides: Sides, joe: tuple[int, str], part: float
) -> None:
    """Whatever the first server has in mind of a client that calls it all the time."""
    here, there = sides
    hammer = Hammer(here, joe[1])
    time.sleep(0.1 + part * MEMORY_SECONDS)
    there.ok("one.user.passwd", joe[0], "other")
    answered = time.monotonic()
    time.sleep(2 * MEMORY_SECONDS)
    good = hammer.stop()
    assert good, "the client got in before"
    assert [begin for begin in good if begin > answered] == []


def test_a_change_of_users_waits_for_the_other_only_while_there_is_one(pair: Pair, joe: tuple[int, str]) -> None:
    here, _ = pair.sides

    def seconds() -> float:
        begin = time.monotonic()
        here.ok("one.user.passwd", joe[0], "word")
        return time.monotonic() - begin

    assert seconds() >= MEMORY_SECONDS
    pair.second.stop()
    try:
        assert any(seconds() < MEMORY_SECONDS / 2 for _ in range(20))  # a busy machine delays some, waiting all
    finally:
        pair.second.start()


def at_both(sides: Sides, call: Callable[[Daemon, int], list[Any]], rounds: int) -> list[list[list[Any]]]:
    """What came of calls that both servers get at the same time."""
    with ThreadPoolExecutor(4) as threads:
        jobs = [[threads.submit(call, side, number) for side in (*sides, *sides)] for number in range(rounds)]
        return [[job.result() for job in of_round] for of_round in jobs]


@pytest.mark.parametrize(
    "kind", ["user", "group", "vdc", "cluster", "host", "hook", "image", "secgroup", "document"]
)
def test_a_name_is_given_once(sides: Sides, kind: str) -> None:
    """The losers hear who has it, not what the database thinks of them."""
    datastore = 1 if kind != "image" else image_datastore(sides[0])

    def allocate(side: Daemon, number: int) -> list[Any]:
        name = f"{kind}-{number}"
        templates: dict[str, tuple[str | int, ...]] = {
            "user": (name, "word", "core"),
            "group": (name,),
            "vdc": (f"NAME = {name}",),
            "cluster": (name,),
            "host": (name, "dummy", "able", -1),
            "hook": (f"NAME = {name}\nTYPE = api\nCALL = one.vm.allocate\nCOMMAND = x",),
            "image": (f"NAME = {name}\nTYPE = DATABLOCK\nSIZE = 1", datastore),
            "secgroup": (f"NAME = {name}",),
            "document": (f"NAME = {name}", 100),
        }
        return side.call(f"one.{kind}.allocate", *templates[kind])

    for answers in at_both(sides, allocate, 6):
        good = [answer for answer in answers if answer[0]]
        if kind == "document":
            assert len({answer[1] for answer in good}) == 4
            continue
        assert len(good) == 1, answers
        bad = [str(answer[1]) for answer in answers if not answer[0]]
        assert all("is already taken by" in text for text in bad), bad


def test_an_address_is_given_once(sides: Sides) -> None:
    network = new_network(sides[0], "AR = [ TYPE = IP4, IP = 10.0.0.1, SIZE = 30 ]")

    def allocate(side: Daemon, _: int) -> list[Any]:
        return side.call("one.vm.allocate", f"CPU=1\nMEMORY=1\nNIC=[NETWORK_ID={network}]")

    answers = [answer for of_round in at_both(sides, allocate, 10) for answer in of_round]
    good = [answer[1] for answer in answers if answer[0]]
    assert len(good) == 30
    addresses = {machines.parsed(sides[1].ok("one.vm.info", oid)).findtext(".//NIC/IP") for oid in good}
    assert len(addresses) == 30
    for oid in good:
        sides[0].ok("one.vm.recover", oid, 3)
    machines.until(lambda: "<USED_LEASES>0<" in str(sides[0].ok("one.vn.info", network)), "all are given back")


@pytest.fixture
def databases(mariadb: MariaDb, tmp_path: Path) -> Iterator[tuple[Database, Database]]:
    """Those of two servers, with two rows that both change."""
    name = f"meeting{next(_numbers)}"
    mariadb.create(name)
    settings = DatabaseSettings(
        "mysql", "127.0.0.1", mariadb.port, "oneadmin", "db-secret-word", name, tmp_path, 8
    )
    both = Database(settings), Database(settings)
    schema.metadata.create_all(both[0].engine, [lease])
    for database in both:
        database.start()
    rows = [{"name": name, "owner": "", "expires": 0} for name in "ab"]
    both[0].beside(lambda transaction: transaction.write(insert(lease), rows))
    yield both
    for database in both:
        database.close()


@pytest.mark.parametrize("beside", [False, True])
def test_transactions_that_are_in_each_others_way_are_tried_again(
    databases: tuple[Database, Database], beside: bool
) -> None:
    """Each locks what the other one wants next: the one that MariaDB ends begins anew, and both count."""

    def job(transaction: Transaction, order: str) -> None:
        for name in order:
            row = transaction.one(select(lease.c.expires).where(lease.c.name == name))
            time.sleep(0.02)
            assert row is not None
            transaction.write(update(lease).where(lease.c.name == name).values(expires=row[0] + 1))

    def run(database: Database, order: str) -> None:
        for _ in range(10):
            try_job = partial(job, order=order)
            if beside:
                database.beside(try_job)
            else:
                database.submit(try_job).result(60)

    with ThreadPoolExecutor(2) as threads:
        for future in [threads.submit(run, databases[0], "ab"), threads.submit(run, databases[1], "ba")]:
            future.result(60)
    found = databases[0].read(lambda transaction: transaction.rows(select(lease.c.expires)))
    assert [row[0] for row in found] == [20, 20]
