"""Answers of many rows, read a page at a time: the memory they take does not grow with the pool.

A page begins behind the last row of the page before, found by its keys, so that nothing is held in the database while
a slow client reads. Each page shows what is committed when it is read; no row appears twice.

MariaDB joins the texts of a page itself: reading ten thousand rows one by one takes longer than all else.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select

from oned.database.db import Transaction
from oned.database.engine import JOINED_BYTES

PAGE_BYTES = 2**18
"""What a page should hold: little enough that the copies of it stay in the processor's cache."""
FIRST_ROWS, MOST_ROWS = 32, 4096
FIRST_IDS = 256
"""Of the first page that MariaDB joins: it stops at :data:`JOINED_BYTES`, however long the texts are."""
FEW_ROWS = 8
"""A page of fewer is read row by row: their texts are long."""
WHOLE_BYTES = JOINED_BYTES - 4
"""A text of fewer bytes was not cut off when it was joined; where it is, no character is divided."""


class CutOffError(Exception):
    """A page begun ahead is longer than what MariaDB joins: after :attr:`resume` it is read again, by rows."""

    def __init__(self, resume: Callable[[], None]) -> None:
        super().__init__()
        self.resume = resume
        """Call it when nothing that was begun behind the page will be used."""


class Listing:
    """The element ``root`` around texts of the database.

    ``query`` selects the text and then ``keys``, by which its rows are told apart and put in order; it has no order,
    limit or offset itself. ``count`` rows are read (None: all), the first ``offset`` are left out.
    """

    def __init__(
        self,
        root: str,
        query: Select[Any],
        keys: Sequence[ColumnElement[Any]],
        *,
        descending: bool = False,
        count: int | None = None,
        offset: int = 0,
    ) -> None:
        self._root = root
        self._query = query.order_by(*(key.desc() if descending else key for key in keys))
        self._keys = keys
        self._descending = descending
        self._left = count
        self._offset = offset
        self._last: Sequence[Any] | None = None
        self._rows = FIRST_ROWS
        self._begun = False
        self.ended = False

    def next(self, transaction: Transaction) -> bytes:
        """The next piece of the answer; after it :attr:`ended` tells whether it was the last."""
        head = "" if self._begun else f"<{self._root}>"
        self._begun = True
        page = self._page(transaction)
        tail = f"</{self._root}>" if self.ended else ""
        return b"".join((head.encode(), page, tail.encode())) if head or tail else page

    def plan(self, begun: int) -> Callable[[Transaction], bytes] | None:
        """What reads the next piece, while ``begun`` others are being read; None when nothing can be begun now."""
        return None if begun or self.ended else self.next

    def texts(self, transaction: Transaction) -> list[str]:
        """All texts at once, for who changes them."""
        found: list[str] = []
        while not self.ended:
            found += self._by_rows(transaction)
        return found

    def _page(self, transaction: Transaction) -> bytes:
        """The next texts, one after the other."""
        return "".join(self._by_rows(transaction)).encode("utf-8", "replace")

    def _by_rows(self, transaction: Transaction) -> list[str]:
        """The next texts, one by one."""
        wanted = self._rows if self._left is None else min(self._rows, self._left)
        query = self._query.limit(wanted)
        if self._last is not None:
            query = query.where(self._behind())
        elif self._offset:
            query = query.offset(self._offset)
        rows = transaction.rows(query) if wanted else []
        texts = [row[0] for row in rows]
        if self._left is not None:
            self._left -= len(rows)
        self.ended = len(rows) < wanted or self._left == 0
        if rows:
            self._last = rows[-1][1:]
            length = sum(map(len, texts))
            self._rows = min(max(1, PAGE_BYTES * len(rows) // max(length, 1)), MOST_ROWS, 4 * self._rows)
        return texts

    def _behind(self) -> ColumnElement[bool]:
        """What holds for the rows behind the last one."""
        condition: ColumnElement[bool] | None = None
        for key, value in reversed(list(zip(self._keys, self._last or (), strict=True))):
            further = key < value if self._descending else key > value
            if condition is None:
                condition = further
            else:
                reached = key <= value if self._descending else key >= value
                condition = and_(reached, or_(further, condition))
        if condition is None:
            raise ValueError("a listing has at least one key")
        return condition


class PoolListing(Listing):
    """Texts of objects that are told apart by the id ``oid``, of those from ``first`` to ``last`` (None: the newest).

    ``query`` selects the text and then the id. On MariaDB a page is what it finds in a range of ids.
    """

    def __init__(
        self,
        root: str,
        query: Select[Any],
        oid: ColumnElement[int],
        *,
        descending: bool = False,
        first: int = 0,
        last: int | None = None,
    ) -> None:
        within = query.where(oid >= first) if last is None else query.where(oid >= first, oid <= last)
        super().__init__(root, within, (oid,), descending=descending)
        # Of one text after the other in the order of the primary key, with no sorting; GROUP_CONCAT's own takes a file.
        whole = func.aggregate_strings(query.selected_columns[0], "")
        self._whole = within.with_only_columns(whole).with_hint(oid.table, "FORCE INDEX (PRIMARY)", "mysql")
        self._oid = oid
        self._first = first
        self._bound = last
        self._highest: int | None = None

    def _page(self, transaction: Transaction) -> bytes:
        if not transaction.mysql or self._descending or self._rows < FEW_ROWS:
            return super()._page(transaction)
        if self._highest is None:
            self._rows = FIRST_IDS
            newest = transaction.one(select(func.max(self._oid)))
            found = -1 if newest is None or newest[0] is None else newest[0]
            self._highest = found if self._bound is None else min(found, self._bound)
        low, high = self._claim(self._highest)
        page = self._joined(transaction, low, high)
        if page is None:
            self._resume(low)
            return super()._page(transaction)
        return page

    def plan(self, begun: int) -> Callable[[Transaction], bytes] | None:
        """A range of ids can be begun before the one in front of it is there."""
        if self._highest is None or self.ended or self._rows < FEW_ROWS:
            return super().plan(begun)
        low, high = self._claim(self._highest)
        return partial(self._ahead, low=low, high=high, tail=f"</{self._root}>" if self.ended else "")

    def _claim(self, highest: int) -> tuple[int, int]:
        """The next range of ids, which nobody else reads from now on."""
        low = self._first if self._last is None else self._last[0] + 1
        high = min(highest, low + self._rows - 1)
        self._last = (high,)
        self.ended = high >= highest
        return low, high

    def _resume(self, low: int) -> None:
        """Read on from the id ``low``, one row after the other."""
        self._last = (low - 1,)
        self._rows = FEW_ROWS - 1
        self.ended = False

    def _ahead(self, transaction: Transaction, *, low: int, high: int, tail: str) -> bytes:
        page = self._joined(transaction, low, high)
        if page is None:
            raise CutOffError(partial(self._resume, low))
        return page + tail.encode()

    def _joined(self, transaction: Transaction, low: int, high: int) -> bytes | None:
        """The texts of a range of ids, as one; None where they were cut off."""
        row = transaction.one(self._whole.where(self._oid >= low, self._oid <= high))
        page = ((row[0] if row is not None else None) or "").encode()
        if len(page) >= WHOLE_BYTES:
            return None
        self._rows = min(max(1, PAGE_BYTES * (high - low + 1) // max(len(page), 1)), 4 * (high - low + 1))
        return page
