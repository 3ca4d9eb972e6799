"""The changes that turn one YAML file's data into another's.

The plain way is a walk over both: keys and elements that go, come, or have another value. Three things stand in its
way, and then a larger part is *settled*, i.e. set as a whole:

- An alias shares its data with its anchor. Where the two no longer agree, the alias is settled first (removed and
  inserted if its own value stays), from the last one to the first, so that none is ever without its anchor.
- A list that cannot be reached by inserting elements it lacks and removing others.
- A notation in which a change is refused. The changes are tried on a copy; what contains the place of one that fails
  is settled, in the end the whole file.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import TypeAlias

from onecfg.formats.yaml_data import Numbers, has, refuse_endless, same, similar
from onecfg.formats.yaml_tree import Node
from onecfg.model import ABSENT, Absent, Change, ChangeError, Command, Data, Extra, Key

Path: TypeAlias = tuple[Key, ...]
Fault: TypeAlias = Callable[[Sequence[Change]], int | None]
"""The number of the first change that does not do its part when they are made, if one does not."""

MAX_ITEMS = 1000
"""Of an ordered list that is compared item by item."""


def find(root: Node | None, other: Data, file: str, *, ordered: bool, fault: Fault) -> list[Change]:
    """The changes of ``file`` that turn the data of ``root`` into ``other``; ``fault`` tries them.

    Raises ``ChangeError`` when a value cannot be written out.
    """
    settled: set[Path] = set()
    while True:
        changes = _Walk(root, other, file, ordered=ordered).changes(settled)
        for change in changes:
            refuse_endless(change.value)
            refuse_endless(None if isinstance(change.old, Absent) else change.old)
        number = fault(changes)
        if number is None:
            return changes
        if () in settled:
            raise ChangeError("The files differ in a way that no change can express.", todo="Copy the file.")
        settled.add(_above(changes[number]) if number < len(changes) else ())


def _above(change: Change) -> Path:
    """What contains the place of a change."""
    path = change.path if isinstance(change.path, tuple) else change.components
    return path if change.whole else path[:-1]


@dataclass(frozen=True)
class _Alias:
    """Where an alias and its anchor are: the nearest places that a path leads to."""

    place: Path
    anchor: Path


@dataclass
class _Walk:
    """A walk over the nodes of a file and the data it is to hold."""

    root: Node | None
    other: Data
    file: str
    ordered: bool

    def changes(self, wanted: set[Path]) -> list[Change]:
        """The changes, with what contains the places ``wanted`` settled."""
        settled = self._settled(wanted)
        if () in settled:
            return [self._change(Command.SET, (), self.other, old=self._data)]
        first = [change for path in settled for change in self._settle(path)]
        return first + list(self._differences(self.root, self.other, (), set(settled)))

    # -- what is settled

    def _settled(self, wanted: set[Path]) -> list[Path]:
        """The places to settle, the last one first."""
        if self.root is None:
            return [] if self.other is None else [()]
        aliases = list(_aliases(self.root))
        settled = {self._reachable(path) for path in wanted}
        while True:
            more = {self._reachable(alias.place) for alias in aliases if self._touched(alias.anchor, settled)}
            if more <= settled:
                break
            settled |= more
        outer = [path for path in settled if not any(path[:length] in settled for length in range(len(path)))]
        return sorted(outer, key=self._offset, reverse=True)

    def _reachable(self, path: Path) -> Path:
        """``path``, or the first place on the way to it where the two files part."""
        data = self.other
        for length, key in enumerate(path):
            if key is None or not isinstance(data, dict):
                return path[:length]
            if not has(data, key):
                return path[: length + 1]
            data = data[key]
        return path

    def _touched(self, path: Path, settled: set[Path]) -> bool:
        """Whether the text at ``path`` may change."""
        if any(path[: len(one)] == one[: len(path)] for one in settled):
            return True
        now, then = _lookup(self._data, path), _lookup(self.other, path)
        return isinstance(now, Absent) or isinstance(then, Absent) or not self._similar(now, then)

    @property
    def _data(self) -> Data:
        return None if self.root is None else self.root.data

    def _offset(self, path: Path) -> int:
        """Where in the text the value at ``path`` is."""
        node = self.root
        for key in path:
            found = node.resolved().pair(key) if node else None
            node = found[1] if found else None
        return node.start if node else 0

    def _settle(self, path: Path) -> Iterator[Change]:
        """Give ``path`` its value as a whole; what has it already is written anew."""
        now, then = _lookup(self._data, path), _lookup(self.other, path)
        if isinstance(then, Absent):
            yield self._change(Command.RM, path, old=now)
        elif isinstance(now, Absent):
            yield self._change(Command.INS, path, then)
        elif same(now, then):
            yield self._change(Command.RM, path, old=now)
            yield self._change(Command.INS, path, then)
        else:
            yield self._change(Command.SET, path, then, old=now)

    # -- the plain way

    def _differences(self, node: Node | None, other: Data, path: Path, settled: set[Path]) -> Iterator[Change]:
        """The changes at and below ``path``."""
        if node is None or path in settled or self._similar(node.data, other):
            return
        match node.data, other:
            case dict(), dict() if node.target is None and not self._hidden(node, other):
                yield from self._mapping(node, other, path, settled)
                return
            case list() as items, list() if node.target is None:
                changes = (self._in_order if self.ordered else self._in_any_order)(items, other, path)
                if changes is not None:
                    yield from changes
                    return
        yield self._change(Command.SET, path, other, old=node.data)

    def _hidden(self, node: Node, other: dict[Key, Data]) -> bool:
        """Whether a key has to change that cannot be changed by itself."""
        data = node.data if isinstance(node.data, dict) else {}
        if None in data.keys() ^ other.keys() or (None in data and not self._similar(data[None], other[None])):
            return True
        names = Counter(key.data for key, _ in node.pairs if not isinstance(key.data, (list, dict)))
        return any(not has(other, key) and names[key] != 1 for key in data)

    def _mapping(self, node: Node, other: dict[Key, Data], path: Path, settled: set[Path]) -> Iterator[Change]:
        """Keys that go or have another value in the order of the one, those that come in the order of the other."""
        data = node.data if isinstance(node.data, dict) else {}
        stay: list[Change] = []
        for key, value in data.items():
            place = (*path, key)
            found = node.pair(key)
            if place in settled:
                continue
            if not has(other, key):
                stay.append(self._change(Command.RM, place, old=value))
            elif found is None and not self._similar(value, other[key]):
                stay.append(self._change(Command.SET, place, other[key], old=value))
            elif found is not None:
                stay.extend(self._differences(found[1], other[key], place, settled))
        come = [
            self._change(Command.INS, (*path, key), value)
            for key, value in other.items()
            if not has(data, key) and (*path, key) not in settled
        ]
        # What is never empty keeps its style; 1 and true are told apart only one at a time.
        first, second = (stay, come) if data.keys() & other.keys() else (come, stay)
        yield from first
        yield from second

    def _in_any_order(self, items: list[Data], other: list[Data], path: Path) -> list[Change] | None:
        """Elements that go and come; ``None`` when one would have to come that is there already."""
        numbers, others = self._numbered(items, other)
        now, then = Counter(numbers), Counter(others)
        if any(count > max(now[name], 1) for name, count in then.items()):
            return None
        left = now - then
        go = []
        for name, item in zip(numbers, items, strict=True):
            if left[name] > 0:
                left[name] -= 1
                go.append(self._element(Command.RM, path, item, old=item))
        come = [
            self._element(Command.INS, path, item)
            for name, item in zip(others, other, strict=True)
            if name not in now
        ]
        return go + come if now.keys() & then.keys() else come + go

    def _in_order(self, items: list[Data], other: list[Data], path: Path) -> list[Change] | None:
        """Elements that go and come by their index; ``None`` as above, and for long lists."""
        if max(len(items), len(other)) > MAX_ITEMS:
            return None
        numbers, others = self._numbered(items, other)
        blocks = SequenceMatcher(None, numbers, others, autojunk=False).get_matching_blocks()
        kept = {block.a + offset for block in blocks for offset in range(block.size)}
        there = {block.b + offset for block in blocks for offset in range(block.size)}
        then = Counter(others)
        new = [index for index in range(len(other)) if index not in there]
        if any(then[others[index]] > 1 for index in new):
            return None
        shift = 0 if kept else len(new)
        gone = [index for index in range(len(items)) if index not in kept]
        go = [
            self._element(Command.RM, path, items[index], old=items[index], index=index - before + shift)
            for before, index in enumerate(gone)
        ]
        come = []
        for index in new:
            following = next((other[later] for later in range(index, len(other)) if later in there), ABSENT)
            old = following if kept or not items else items[0]
            come.append(self._element(Command.INS, path, other[index], old=old, index=index))
        return go + come if kept else come + go

    def _numbered(self, items: list[Data], other: list[Data]) -> tuple[list[int], list[int]]:
        """Both lists with a number for each element, the same for equal ones."""
        numbers = Numbers(ordered=self.ordered)
        return [numbers.of(item) for item in items], [numbers.of(item) for item in other]

    def _element(
        self, command: Command, path: Path, value: Data, *, old: "Data | Absent" = ABSENT, index: int | None = None
    ) -> Change:
        extra = Extra(index=index)
        return Change(self.file, command, path, value, native=True, whole=True, old=old, extra=extra)

    def _change(
        self, command: Command, path: Path, value: Data = None, *, old: "Data | Absent" = ABSENT
    ) -> Change:
        """A change of the key that ``path`` ends with; without one, of the whole file."""
        return Change(self.file, command, path, value, native=True, whole=not path, old=old)

    def _similar(self, one: Data, other: Data) -> bool:
        return similar(one, other, ordered=self.ordered)


def _lookup(data: Data, path: Path) -> "Data | Absent":
    """The value at ``path``."""
    for key in path:
        if not isinstance(data, dict) or not has(data, key):
            return ABSENT
        data = data[key]
    return data


def _aliases(root: Node) -> Iterator[_Alias]:
    """Every alias with the nearest places that a path leads to."""
    anchors: dict[int, Path] = {}

    def walk(node: Node, path: Path, *, fixed: bool) -> Iterator[_Alias]:
        if node.target is not None:
            yield _Alias(path, anchors[id(node.target)])
            return
        anchors[id(node)] = path
        for key, value in node.pairs:
            within = fixed or not _is_addressable(node, key, value)
            place = path if within or isinstance(key.data, (list, dict)) else (*path, key.data)
            yield from walk(key, place, fixed=True)
            yield from walk(value, place, fixed=within)
        for item in node.items:
            yield from walk(item, path, fixed=True)

    yield from walk(root, (), fixed=False)


def _is_addressable(node: Node, key: Node, value: Node) -> bool:
    """Whether a path leads to a pair of the mapping ``node``."""
    if key.data is None or key.merges or isinstance(key.data, (list, dict)):
        return False
    pair = node.pair(key.data)
    return pair is not None and pair[1] is value
