"""Answers of many rows, read a page at a time: the memory they take does not grow with the pool.

A page begins behind the last row of the page before, found by its keys, so that nothing is held in the database while
a slow client reads. Each page shows what is committed when it is read; no row appears twice.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, or_

from oned.database.db import Transaction

PAGE_BYTES = 2**19
"""What a page should hold, in characters."""
FIRST_ROWS, MOST_ROWS = 32, 4096


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

    def next(self, transaction: Transaction) -> str:
        """The next piece of the answer; after it :attr:`ended` tells whether it was the last."""
        head = "" if self._begun else f"<{self._root}>"
        self._begun = True
        pieces = self._page(transaction)
        tail = f"</{self._root}>" if self.ended else ""
        return "".join((head, *pieces, tail))

    def texts(self, transaction: Transaction) -> list[str]:
        """All texts at once, for who changes them."""
        found: list[str] = []
        while not self.ended:
            found += self._page(transaction)
        return found

    def _page(self, transaction: Transaction) -> list[str]:
        """The next texts."""
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
