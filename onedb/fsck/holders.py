"""Objects that each are in one holder, images in datastores and apps in marketplaces: it exists and lists them."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from oned.model.base import PoolObject
from onedb.fsck.finding import Finding, differences, unrepaired
from onedb.fsck.records import Records

Listed = dict[int, set[int]]
"""Ids of members by their holder."""


class Holding(NamedTuple):
    """How members name their holder, and how sentences call the two."""

    member: type[Any]
    label: str
    holder: type[PoolObject]
    word: str
    id_of: str
    """The member's attribute with the holder's id, -1 for none."""
    name_of: str
    """The one with its name."""
    lost: Callable[[Any], str]
    """What to do about a member whose holder is gone."""

    def check(self, records: Records, listed: Listed) -> Iterator[Finding]:
        """Every member: the holder exists and is called so. Fills ``listed``."""
        names = records.names(self.holder.table)
        for member, _ in records.objects(self.member):
            oid, name = getattr(member, self.id_of), getattr(member, self.name_of)
            if oid == -1:
                continue
            if oid not in names:
                yield unrepaired(self.lost(member))
                continue
            listed[oid].add(member.oid)
            if name != names[oid]:
                text = f"{self.label} {member.oid} has a wrong name for {self.word} {oid}, {name}."
                yield records.finding(self.member.table, f"{text} It will be changed to {names[oid]}")
                setattr(member, self.name_of, names[oid])
                records.save(member)

    def differences(
        self, records: Records, holder: str, has: set[int], right: set[int]
    ) -> tuple[set[int], list[str]]:
        """What a holder should list, and the sentences of what is wrong with what it lists."""
        right = right | has & records.unread(self.member.table)
        return right, list(differences(self.label, holder, has, right))


def new_listed() -> Listed:
    """No members of any holder."""
    return defaultdict(set)
