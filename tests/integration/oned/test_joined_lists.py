"""Lists whose pages MariaDB joins: each text once, in the order of the ids, whatever gaps, sizes and pages."""

import asyncio
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, select

from oned.config import DatabaseSettings
from oned.database import listing
from oned.database.ahead import pages
from oned.database.db import Database, Transaction
from oned.database.listing import PoolListing
from oned.database.schema import vm_pool
from tests.integration.oned.mariadb import MariaDb

ROWS = vm_pool.c
TEXT = "é<![CDATA[]]>😀"


@pytest.fixture(scope="module")
def database(mariadb: MariaDb) -> Iterator[Database]:
    mariadb.create("joined")
    mariadb.query("ALTER DATABASE joined CHARACTER SET utf8mb4")
    found = Database(
        DatabaseSettings("mysql", "127.0.0.1", mariadb.port, "oneadmin", "db-secret-word", "joined", Path(), 10)
    )
    vm_pool.create(found.engine)
    found.start()
    yield found
    found.close()


def fill(database: Database, machines: dict[int, int]) -> None:
    """Machines by id: how often each has the text."""

    def job(transaction: Transaction) -> None:
        transaction.write(delete(vm_pool))
        for oid, size in machines.items():
            row = {"oid": oid, "name": "vm", "short_body": text(oid, size), "state": oid % 7, "body": ""}
            transaction.write(insert(vm_pool), row)

    database.submit(job).result(30)


def text(oid: int, size: int) -> str:
    return f"<VM>{oid}{TEXT * size}</VM>"


def read(database: Database, found: PoolListing) -> list[bytes]:
    """As the API reads it: the first page by itself, the others ahead."""

    async def following() -> list[bytes]:
        return [page async for page in pages(database, found)]

    return [database.read(found.next), *asyncio.run(following())]


def active(first: int = 0, last: int | None = None, *, descending: bool = False) -> PoolListing:
    """Of all machines that are not in the state 6."""
    query = select(ROWS.short_body, ROWS.oid).where(ROWS.state != 6)
    return PoolListing("L", query, ROWS.oid, descending=descending, first=first, last=last)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, deadline=None)
@given(
    st.dictionaries(st.integers(0, 120), st.integers(0, 12), max_size=40),
    st.integers(0, 130),
    st.none() | st.integers(0, 2**31 - 1),
    st.booleans(),
    st.integers(1, 40),
    st.sampled_from([60, 300, 2**20]),
)
def test_each_text_once_and_in_order(  # noqa: PLR0917 (what hypothesis varies)
    database: Database,
    machines: dict[int, int],
    first: int,
    last: int | None,
    descending: bool,
    ids: int,
    whole: int,
) -> None:
    fill(database, machines)
    wanted = [oid for oid in machines if oid >= first and (last is None or oid <= last) and oid % 7 != 6]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(listing, "FIRST_IDS", ids)
        patch.setattr(listing, "PAGE_BYTES", 200)
        patch.setattr(listing, "WHOLE_BYTES", whole)
        patch.setattr(listing, "FEW_ROWS", 3)
        found = b"".join(read(database, active(first, last, descending=descending))).decode()
    texts = "".join(text(oid, machines[oid]) for oid in sorted(wanted, reverse=descending))
    assert found == f"<L>{texts}</L>"


def test_a_page_that_mariadb_cuts_off_is_read_again(database: Database) -> None:
    size = 3 * 2**20 // len(TEXT.encode())
    fill(database, {oid: size if oid < 4 else 1 for oid in range(1200)})
    found = read(database, active())
    wanted = "".join(text(oid, size if oid < 4 else 1) for oid in range(1200) if oid % 7 != 6)
    assert b"".join(found).decode() == f"<L>{wanted}</L>"
    assert len(found) > 3


def test_long_texts_behind_short_ones_and_short_ones_again(database: Database) -> None:
    size = 2**20 // len(TEXT.encode())
    sizes = {oid: size if 700 <= oid < 712 else oid % 50 for oid in range(3000)}
    fill(database, sizes)
    found = read(database, active())
    wanted = "".join(text(oid, size) for oid, size in sizes.items() if oid % 7 != 6)
    assert b"".join(found).decode() == f"<L>{wanted}</L>"


def test_who_leaves_early_leaves_nothing_running(database: Database) -> None:
    fill(database, dict.fromkeys(range(3000), 20))

    async def some() -> int:
        found = active()
        await asyncio.to_thread(database.read, found.next)
        async with aclosing(pages(database, found)) as following:
            await anext(following)
        return len(asyncio.all_tasks())

    assert asyncio.run(some()) == 1
    assert b"<VM>0" in read(database, active())[0]


def test_gaps_do_not_make_more_pages_than_texts(database: Database) -> None:
    fill(database, dict.fromkeys((3, 1_000_000, 2_000_000_003), 1))
    found = read(database, active())
    assert b"".join(found).count(b"<VM>") == 3
    assert len(found) < 16
