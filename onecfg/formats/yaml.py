"""YAML files with Ruby symbols.

The text is edited, never printed anew: a change becomes one splice at the offsets of the node it is about, the new
text is parsed, and its data must be exactly what the change asked for; where a splice would mean anything else
(exotic styles, an anchor that is used elsewhere) the change is refused. So comments, order, quoting, spacing and line
ends outside the node stay by construction.

Why not ruamel.yaml, which keeps comments: it prints the whole file anew (spacing, quoting and indentation move), and
loading ``sunstone-server.conf`` takes it about 100 ms where libyaml's events take 0.2 ms (measured, two cores).
"""

from collections.abc import Sequence
from typing import TypeGuard

from onecfg.formats.yaml_data import has, similar, symbols
from onecfg.formats.yaml_data import same as equal
from onecfg.formats.yaml_place import Place, label
from onecfg.formats.yaml_splice import Splice, Splicer
from onecfg.formats.yaml_tree import Node, Tree
from onecfg.model import (
    ABSENT,
    Absent,
    Change,
    ChangeError,
    Command,
    Data,
    FormatError,
    Key,
    PatchError,
    PlaceError,
    Result,
    Symbol,
)

_OWN = "the value is the user's own"


class Document:
    """A parsed YAML file; lists are ``ordered`` or compared as multisets."""

    def __init__(self, text: str, *, ordered: bool = False) -> None:
        self._ordered = ordered
        self._bom = "\ufeff" if text.startswith("\ufeff") else ""
        self._tree = Tree(text.removeprefix("\ufeff"))
        self._newline = "\r\n" if "\r\n" in text else "\n"

    def render(self) -> str:
        """The text of the document."""
        return self._bom + self._tree.text

    def check(self) -> None:
        """Nothing to do: every change was read back when it was made."""

    def warnings(self) -> list[str]:
        """Nothing that a loader would pass over in silence."""
        return []

    @property
    def data(self) -> Data:
        """What the file holds; ``None`` when there is only a comment."""
        return None if self._tree.root is None else self._tree.root.data

    def same(self, other: "Document") -> bool:
        """Whether both hold the same data, whatever the layout; the order of lists counts if it does here."""
        return self._similar(self.data, other.data)

    def difference(self, other: "Document", file: str) -> list[Change]:
        """Changes of ``file`` that turn the data of this document into that of ``other``.

        Raises ``ChangeError`` when a value cannot be written out (it holds itself).
        """

        from onecfg.formats import yaml_difference  # a patch has no need of it

        def fault(changes: Sequence[Change]) -> int | None:
            """The number of the first change that does not do its part; all of them when the result is another."""
            trial = Document(self.render(), ordered=self._ordered)
            for index, change in enumerate(changes):
                try:
                    trial.apply(change)
                except PatchError:
                    return index
            return None if trial.same(other) else len(changes)

        return yaml_difference.find(self._tree.root, other.data, file, ordered=self._ordered, fault=fault)

    def apply(self, change: Change, *, keep: bool = False) -> Result:
        """Make one change.

        Raises ``PlaceError`` when its place is missing or of another type, ``ChangeError`` when it is refused.
        """
        keys, data, old = _native(change)
        if change.whole or not keys:
            return self._change_whole(change, keys, data, old, keep=keep)
        parent = self._walk(keys[:-1])
        found = parent.child(keys[-1])
        if not change.native and found and isinstance(found.target.data, list):
            # Only what stands there tells the line format's element of a list from a value.
            if change.command is Command.INS:
                return self._insert_item(found, data, None, old, keep=keep)
            if change.command is Command.RM and data is not None:
                return self._remove_item(found, data, None, keep=keep)
        if change.command is Command.RM:
            if not change.native and data is not None and found:
                raise ChangeError(
                    f"Unexpected data type {found.type_name} found, and only a list has values to remove.",
                    todo="Leave the value out to remove the key.",
                )
            return self._remove(parent, keys[-1], old if keep else ABSENT)
        return self._store(parent, keys[-1], change.command, data, old, keep=keep)

    # -- finding

    def _walk(self, keys: Sequence[Key]) -> Place:
        """The place that ``keys`` lead to; for none the root."""
        root = self._tree.root
        place = Place(Node(0, 0, None)) if root is None else Place(root)
        for key in keys:
            place.mapping()
            child = place.child(key)
            if child is None:
                place.refuse_merged(key)
                raise PlaceError(
                    f"Patch path '{label(key)}' not found.", todo=f"Insert it first: ins .../{label(key)} {{}}."
                )
            place = child
        return place

    def _similar(self, one: Data, other: Data) -> bool:
        return similar(one, other, ordered=self._ordered)

    def _index(self, items: Sequence[Data], data: Data) -> int | None:
        """Where ``data`` is in a list."""
        return next((index for index, item in enumerate(items) if self._similar(item, data)), None)

    # -- keys

    def _store(
        self, parent: Place, key: Key, command: Command, data: Data, old: "Data | Absent", *, keep: bool
    ) -> Result:
        """Give ``key`` its value."""
        mapping, found = parent.mapping(), parent.child(key)
        present = has(mapping, key)
        if present and equal(mapping[key], data):
            return Result.in_place("this value is there", counts=command is Command.SET)
        if keep and command is Command.SET and not present:
            raise PlaceError(f"'{label(key)}' not found.", todo="Insert it, or leave it out.")
        if keep and present and (command is Command.INS or not self._expected(mapping[key], old)):
            return Result.not_applicable(_OWN)
        splicer = Splicer(self._tree, self._newline)
        splice = splicer.replacement(found, data) if found else splicer.insertion(parent.target, key, data)
        mapping[key] = data
        return self._edit(splice, replaced=present)

    def _expected(self, value: Data, old: "Data | Absent") -> bool:
        """Whether ``value`` is the one that a change expects; without one it expects null, as upstream does."""
        return self._similar(value, None if isinstance(old, Absent) else old)

    def _remove(self, parent: Place, key: Key, old: "Data | Absent") -> Result:
        """Remove ``key``, if it has the value ``old`` or none is given."""
        mapping, target = parent.mapping(), parent.target
        found = target.pair(key)
        if not has(mapping, key):
            return Result.in_place("there is no such key")
        if found is None:
            parent.refuse_merged(key)
        if not isinstance(old, Absent) and not self._similar(mapping[key], old):
            return Result.not_applicable(_OWN)
        index = next(index for index, pair in enumerate(target.pairs) if pair is found)
        splice = Splicer(self._tree, self._newline).removal(parent, index)
        del mapping[key]
        return self._edit(splice, replaced=False)

    # -- wholes: an element of a list, or the file

    def _change_whole(
        self, change: Change, keys: Sequence[Key], data: Data, old: "Data | Absent", *, keep: bool
    ) -> Result:
        """Change the collection itself that the path leads to."""
        command, index = change.command, change.extra.index if self._ordered else None
        if command is Command.SET and not keys:
            return self._replace_all(data, native=change.native)
        if not change.whole:
            raise ChangeError("The path is empty.", todo="Name a key; only set / {...} replaces a whole file.")
        place = self._walk(keys)
        match command:
            case Command.INS:
                return self._insert_item(place, data, index, old, keep=keep)
            case Command.RM:
                return self._remove_item(place, data, index, keep=keep)
        raise ChangeError(
            "A list without its key cannot be set.", todo="Name its key, or insert and remove elements."
        )

    def _insert_item(
        self, place: Place, data: Data, index: int | None, old: "Data | Absent", *, keep: bool
    ) -> Result:
        """Put ``data`` into a list that does not have it: at its end, or where ``old`` is at ``index``."""
        items = place.items()
        if self._index(items, data) is not None:
            return Result.in_place("the list has this value")
        at = len(items) if index is None else self._position(items, index, old, keep=keep)
        splice = Splicer(self._tree, self._newline).item(place, at, data)
        items.insert(at, data)
        return self._edit(splice, replaced=False)

    def _position(self, items: Sequence[Data], index: int, old: "Data | Absent", *, keep: bool) -> int:
        """Where to insert; an upgrade takes the place next to ``index`` where ``old`` is, or else ``index`` itself."""
        at = min(index, len(items))
        if self._expected(items[at] if at < len(items) else None, old):
            return at
        if not keep:
            raise _moved(index)
        near = self._index(items, None if isinstance(old, Absent) else old)
        return near if near is not None and abs(near - index) <= 1 else at

    def _remove_item(self, place: Place, data: Data, index: int | None, *, keep: bool) -> Result:
        """Remove the first ``data`` of a list, or the one at ``index``."""
        items = place.items()
        at = self._index(items, data)
        if index is not None:
            if index < len(items) and self._similar(items[index], data):
                at = index
            elif not keep:
                raise _moved(index)
        if at is None:
            return Result.in_place("the list has no such value")
        splice = Splicer(self._tree, self._newline).removal(place, at)
        del items[at]
        return self._edit(splice, replaced=False)

    def _replace_all(self, data: Data, *, native: bool) -> Result:
        """Give the file other data."""
        root = self._tree.root
        if not native and not isinstance(data, (dict, list)):
            raise ChangeError("The path is empty.", todo="Name a key; only set / {...} replaces a whole file.")
        if equal(self.data, data):
            return Result.in_place("this value is there", counts=True)
        splice = Splicer(self._tree, self._newline).document(data)
        if root is not None:
            root.data = data
        return self._edit(splice, replaced=root is not None, expected=data)

    # -- editing: the data of the nodes is changed along, and the new text has to give the same

    def _edit(self, splice: Splice, *, replaced: bool, expected: Data = None) -> Result:
        """Make the splice. Raises ``ChangeError``, and changes nothing, unless it gives the data of the nodes."""
        before = self._tree
        wanted = expected if before.root is None else before.root.data
        start, end, new = splice
        try:
            after = Tree(before.text[:start] + new + before.text[end:])
            good = equal(None if after.root is None else after.root.data, wanted)
        except FormatError:
            good = False
        if not good:
            self._tree = Tree(before.text)
            raise ChangeError(
                "The place is written in a way that cannot be edited without touching others (an anchor that is "
                "used elsewhere, a key that stands twice, ...).",
                todo="Change the file itself there.",
            )
        self._tree = after
        return Result.applied(replaced=replaced)


def _native(change: Change) -> "tuple[tuple[Key, ...], Data, Data | Absent]":
    """Path, value and expected value with symbols as symbols."""
    if change.native and not isinstance(change.path, str):
        return change.path, change.value, change.old
    keys = tuple(Symbol(key[1:]) if _is_symbol(key) else key for key in change.components)
    old = change.old
    return keys, symbols(change.value), old if isinstance(old, Absent) else symbols(old)


def _is_symbol(key: Key) -> TypeGuard[str]:
    """Whether the line format means a symbol."""
    return isinstance(key, str) and key.startswith(":") and len(key) > 1


def _moved(index: int) -> PlaceError:
    return PlaceError(f"The list has another value at {index}.", todo="Write what is there now as old.")
