"""Several servers on one database charge the same quotas at the same time, and never pass them."""

import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import insert, select

from oned.access.quota import Usage, charge, refund
from oned.config import DatabaseSettings
from oned.database import schema
from oned.database.db import Database, Transaction
from oned.errors import AuthorizationError
from oned.model.quota import Quotas
from tests.integration.oned.mariadb import MariaDb

SERVERS, THREADS_EACH, ROUNDS = 4, 2, 15
LIMIT = 20
GROUP = 100


@pytest.fixture(params=["sqlite", "mysql"])
def servers(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[list[Database]]:
    """The databases of several servers; the users 2 to 9 of one group may have ``LIMIT`` machines together."""
    settings = DatabaseSettings("sqlite", "", 0, "", "", "", tmp_path / "one.db", 8)
    if request.param == "mysql":
        server: MariaDb = request.getfixturevalue("mariadb")
        server.create("quota_race")
        settings = DatabaseSettings(
            "mysql", "127.0.0.1", server.port, "oneadmin", "db-secret-word", "quota_race", tmp_path, 8
        )
    databases = [Database(settings) for _ in range(SERVERS)]
    schema.metadata.create_all(databases[0].engine)
    group = Quotas("QUOTAS", GROUP)
    group.set_limits("VM", {"VMS": str(LIMIT)})

    def fill(transaction: Transaction) -> None:
        transaction.write(insert(schema.group_quotas), {"group_oid": GROUP, "body": group.to_xml()})
        for uid in range(2, 10):
            transaction.write(
                insert(schema.user_quotas), {"user_oid": uid, "body": Quotas("QUOTAS", uid).to_xml()}
            )

    for database in databases:
        database.start()
    databases[0].submit(fill).result(30)
    yield databases
    for database in databases:
        database.close()


def counted(transaction: Transaction) -> float:
    """The machines of the group."""
    body = transaction.rows(select(schema.group_quotas.c.body))[0][0]
    entry = Quotas.from_xml(body).sections["VM"].get("")
    return entry.used["VMS"] if entry else 0.0


def take(uid: int) -> Callable[[Transaction], float]:
    def job(transaction: Transaction) -> float:
        charge(transaction, uid, GROUP, Usage(vms=1, cpu=0.1, memory=64))
        return counted(transaction)

    return job


def give_back(uid: int) -> Callable[[Transaction], None]:
    return lambda transaction: refund(transaction, uid, GROUP, Usage(vms=1, cpu=0.1, memory=64))


class Worker:
    """A user that takes and gives back at random: what it saw, what it was refused, what it has at the end."""

    def __init__(self, database: Database, uid: int) -> None:
        self.database = database
        self.uid = uid
        self.seen: list[float] = []
        self.refused: list[str] = []
        self.mine = 0

    def run(self) -> None:
        chance = random.Random(self.uid)
        for _ in range(ROUNDS):
            if self.mine and chance.random() < 0.3:
                self.database.submit(give_back(self.uid)).result(60)
                self.mine -= 1
                continue
            try:
                self.seen.append(self.database.submit(take(self.uid)).result(60))
                self.mine += 1
            except AuthorizationError as error:
                self.refused.append(error.detail)

    def counted(self, transaction: Transaction) -> float:
        query = select(schema.user_quotas.c.body).where(schema.user_quotas.c.user_oid == self.uid)
        entry = Quotas.from_xml(transaction.rows(query)[0][0]).sections["VM"].get("")
        return entry.used["VMS"] if entry else 0.0


def test_no_quota_is_ever_passed(servers: list[Database]) -> None:
    workers = [Worker(servers[number % SERVERS], number + 2) for number in range(SERVERS * THREADS_EACH)]
    with ThreadPoolExecutor(len(workers)) as threads:
        list(threads.map(Worker.run, workers))
    assert max(number for worker in workers for number in worker.seen) == LIMIT
    texts = {text for worker in workers for text in worker.refused}
    assert texts == {f"group [{GROUP}] limit of {LIMIT} reached for VMS quota in VM"}
    assert servers[0].read(counted) == sum(worker.mine for worker in workers)
    assert [servers[0].read(worker.counted) for worker in workers] == [worker.mine for worker in workers]
