"""Which addresses of a range are taken, and by whom: two sorted lists, so that size costs nothing, only use does.

In the database it is upstream's ``ALLOCATED``: pairs of an index and an owner, separated by blanks. An owner is the
bit of its kind with the lower 32 bits of its id; an address on hold belongs to the virtual machine -1.
"""

import itertools
from bisect import bisect_left
from collections.abc import Iterator

from oned.access.acl import ID_MASK, Kind

MOST = 2**19
"""Addresses of one range that can be taken: their list is part of a body of at most 16 MiB."""


def owner(kind: Kind, oid: int) -> int:
    """The number that stands for an object in ``ALLOCATED``."""
    return kind.bit | (oid & ID_MASK)


def owner_id(number: int) -> int:
    """The object's id; -1 is a hold."""
    oid = number & ID_MASK
    return oid - 2**32 if oid & 2**31 else oid


HOLD = owner(Kind.VM, -1)


class Leases:
    """The taken indexes of one range."""

    __slots__ = ("_indexes", "_owners")

    def __init__(self, indexes: list[int] | None = None, owners: list[int] | None = None) -> None:
        self._indexes = indexes or []
        self._owners = owners or []

    @classmethod
    def parse(cls, text: str) -> "Leases":
        """The leases of an ``ALLOCATED``. Raises :class:`ValueError` when it is damaged."""
        words = text.split()
        if len(words) % 2:
            raise ValueError("an index has no owner")
        indexes = list(map(int, words[::2]))
        owners = list(map(int, words[1::2]))
        if any(first >= second for first, second in itertools.pairwise(indexes)):
            known = dict(reversed(list(zip(indexes, owners, strict=True))))  # the first of an index counts
            indexes = sorted(known)
            owners = [known[index] for index in indexes]
        return cls(indexes, owners)

    def text(self) -> str:
        """``ALLOCATED``."""
        return "".join([f" {index} {number}" for index, number in self])

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return zip(self._indexes, self._owners, strict=True)

    def __len__(self) -> int:
        return len(self._indexes)

    def owner_of(self, index: int) -> int | None:
        """Who has ``index``."""
        at = bisect_left(self._indexes, index)
        return self._owners[at] if at < len(self._indexes) and self._indexes[at] == index else None

    def last(self) -> int:
        """The highest index that is taken, -1 without one."""
        return self._indexes[-1] if self._indexes else -1

    def first_free(self) -> int:
        """The lowest index that is free: where the sorted list first is ahead of its positions."""
        low, high = 0, len(self._indexes)
        while low < high:
            middle = (low + high) // 2
            if self._indexes[middle] == middle:
                low = middle + 1
            else:
                high = middle
        return low

    def first_run(self, count: int) -> int:
        """The lowest index from which ``count`` are free one after the other."""
        start = self.first_free()
        for index in self._indexes[start:]:
            if index - start >= count:
                return start
            start = index + 1
        return start

    def is_free(self, start: int, count: int) -> bool:
        """Whether none of ``count`` indexes is taken."""
        return bisect_left(self._indexes, start) == bisect_left(self._indexes, start + count)

    def take(self, start: int, number: int, count: int = 1) -> None:
        """Give ``count`` free indexes to an owner. Raises :class:`ValueError` for one that is taken."""
        if not self.is_free(start, count):
            raise ValueError("an address is taken")
        at = bisect_left(self._indexes, start)
        self._indexes[at:at] = range(start, start + count)
        self._owners[at:at] = [number] * count

    def free(self, index: int, number: int) -> bool:
        """Take ``index`` back from an owner; False when it is not its."""
        at = bisect_left(self._indexes, index)
        if at == len(self._indexes) or self._indexes[at] != index or self._owners[at] != number:
            return False
        del self._indexes[at], self._owners[at]
        return True

    def free_all(self, number: int, start: int = 0, count: int = 2**32) -> int:
        """Take back what an owner has of ``count`` indexes from ``start``. Returns how many."""
        kept = [(i, o) for i, o in self if o != number or not start <= i < start + count]
        freed = len(self) - len(kept)
        if freed:
            self._indexes = [index for index, _ in kept]
            self._owners = [kept_owner for _, kept_owner in kept]
        return freed
