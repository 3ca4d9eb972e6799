"""Lists of rows, read page by page: each row once, in order, whatever the sizes and the changes in between."""

from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, select

from oned.database import listing
from oned.database.db import Database, Transaction
from oned.database.listing import Listing
from oned.database.schema import vm_showback

ROWS = vm_showback.c
KEYS = (ROWS.year, ROWS.month, ROWS.vmid)
Key = tuple[int, int, int]


def fill(database: Database, keys: Sequence[Key], size: int = 4) -> None:
    def job(transaction: Transaction) -> None:
        transaction.write(delete(vm_showback))
        for key in keys:
            row = dict(zip(("year", "month", "vmid"), key, strict=True))
            transaction.write(insert(vm_showback), row | {"body": f"<R>{key}</R>".ljust(size)})

    database.submit(job).result(30)


def read(database: Database, found: Listing) -> list[str]:
    pieces = []
    while not found.ended:
        pieces.append(database.read(found.next).decode())
    return pieces


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(*[st.integers(0, 3)] * 3), unique=True, max_size=40),
    st.booleans(),
    st.none() | st.integers(1, 50),
    st.integers(0, 50),
    st.integers(1, 7),
)
def test_rows_come_once_and_in_order(  # noqa: PLR0917 (what hypothesis varies)
    database: Database, keys: list[Key], descending: bool, count: int | None, offset: int, page: int
) -> None:
    fill(database, keys)
    wanted = sorted(keys, reverse=descending)
    if count is not None:
        wanted = wanted[offset : offset + count]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(listing, "FIRST_ROWS", page)
        patch.setattr(listing, "MOST_ROWS", page)
        found = Listing(
            "L",
            select(ROWS.body, *KEYS),
            KEYS,
            descending=descending,
            count=count,
            offset=offset if count is not None else 0,
        )
        text = "".join(read(database, found))
    assert text == f"<L>{''.join(f'<R>{key}</R>' for key in wanted)}</L>"


def test_pages_of_large_rows_have_few(database: Database) -> None:
    fill(database, [(1, 1, number) for number in range(400)], size=listing.PAGE_BYTES // 4)
    pieces = read(database, Listing("L", select(ROWS.body, *KEYS), KEYS))
    assert len(pieces[0]) > listing.FIRST_ROWS * listing.PAGE_BYTES // 4
    assert max(map(len, pieces[1:])) < 2 * listing.PAGE_BYTES


def test_pages_of_small_rows_grow(database: Database) -> None:
    fill(database, [(1, 1, number) for number in range(3000)])
    assert len(read(database, Listing("L", select(ROWS.body, *KEYS), KEYS))) == 5


def test_rows_that_come_and_go_between_pages(database: Database) -> None:
    fill(database, [(1, 1, number) for number in range(300)])
    found = Listing("L", select(ROWS.body, *KEYS), KEYS)
    first = database.read(found.next).decode()

    def job(transaction: Transaction) -> None:
        transaction.write(delete(vm_showback).where(ROWS.vmid.between(100, 200)))
        transaction.write(insert(vm_showback), {"year": 1, "month": 1, "vmid": 999, "body": "<R>new</R>"})

    database.submit(job).result(30)
    text = first + "".join(read(database, found))
    assert text.count("<R>") == 300 - 101 + 1
    assert text.endswith("<R>new</R></L>")
