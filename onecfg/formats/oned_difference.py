"""What differs between the data of two files of oned's syntax.

Comments, layout and the order of keys are no data. Of a key in ``REPEATED`` every value counts, in any order; of any
other key that stands many times the first one is the one in force, and the others count in any order.
"""

from collections.abc import Iterable, Iterator
from typing import TypeAlias

from onecfg.formats.oned_tree import IDENTIFIED, REPEATED
from onecfg.model import ABSENT, Absent, Change, Command, Extra, Key

Values: TypeAlias = list[str]
"""The texts of one key, in order; never empty."""

Data: TypeAlias = "dict[str, Values | dict[str, dict[str, Values]]]"
"""Keys in upper case; of a section its entries by its NAME, which is empty for a section that occurs once."""

_MANY = Extra(multiple=True)


def same(one: Data, other: Data) -> bool:
    """Whether both mean the same."""
    return not difference(one, other, "")


def difference(before: Data, after: Data, file: str) -> list[Change]:
    """The native changes of ``file`` that make ``before`` into ``after``: its keys first, then the new ones."""
    return list(_Writer(file).tree(before, after))


class _Writer:
    """The changes of one file."""

    def __init__(self, file: str) -> None:
        self._file = file

    def _change(
        self,
        command: Command,
        path: tuple[Key, ...],
        value: str | None = None,
        old: "str | Absent" = ABSENT,
        extra: Extra | None = None,
        *,
        whole: bool = False,
    ) -> Change:
        return Change(self._file, command, path, value, native=True, whole=whole, old=old, extra=extra or Extra())

    def tree(self, before: Data, after: Data) -> Iterator[Change]:
        for key in dict.fromkeys([*before, *after]):
            old, new = before.get(key, []), after.get(key, [])
            if isinstance(old, list) and isinstance(new, list):
                yield from self.values((key,), old, new, many=key in REPEATED)
            elif isinstance(old, dict) and isinstance(new, dict):
                yield from self.sections(key, old, new)
            elif isinstance(old, dict):
                yield self._change(Command.RM, (key,), whole=True)
                yield from self.tree({}, {key: new} if new else {})
            elif isinstance(new, dict):
                yield from self.tree({key: old} if old else {}, {})
                yield from self.sections(key, {}, new)

    def sections(
        self, key: str, before: dict[str, dict[str, Values]], after: dict[str, dict[str, Values]]
    ) -> Iterator[Change]:
        for name in dict.fromkeys([*before, *after]):
            path = (key, name) if key in IDENTIFIED else (key,)
            if name in after:
                yield from self.entries(path, before.get(name, {}), after[name])
            else:
                yield self._change(Command.RM, path, whole=True)

    def entries(
        self, path: tuple[str, ...], before: dict[str, Values], after: dict[str, Values]
    ) -> Iterator[Change]:
        """NAME first, which makes the section; what has to go comes last, so that the section is never empty."""
        keys = dict.fromkeys([*before, *after])
        changed = [key for key in keys if key in after]
        if not before and len(path) == 2:
            changed.sort(key=lambda key: key != "NAME")
        for key in [*changed, *(key for key in keys if key not in after)]:
            yield from self.values((*path, key), before.get(key, []), after.get(key, []), many=False)

    def values(self, path: tuple[str, ...], old: Values, new: Values, *, many: bool) -> Iterator[Change]:
        """The changes of one key, from its values ``old`` to ``new``; none is a key that is not there."""
        if not many and not new:
            if old:
                yield self._change(Command.RM, path, old=old[0])
            return
        kept = old
        if not many and old[:1] != new[:1]:
            # One that is there collapses to the new value, whatever stood after it.
            command, was = (Command.SET, old[0]) if old else (Command.INS, ABSENT)
            yield self._change(command, path, new[0], was)
            kept = new[:1]
        for value in _without(kept, new):
            yield self._change(Command.RM, path, value, value, _MANY)
        for value in dict.fromkeys(_without(new, kept)):
            yield self._change(Command.INS, path, value, extra=_MANY)


def _without(values: Iterable[str], others: Iterable[str]) -> list[str]:
    gone = set(others)
    return [value for value in values if value not in gone]
