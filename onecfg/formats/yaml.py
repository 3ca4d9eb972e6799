"""YAML files with Ruby symbols.

The text is edited, never printed anew: a change becomes one splice at the offsets of the node it is about, the new
text is parsed, and its data must be exactly what the change asked for; where a splice would mean anything else
(exotic styles, an anchor that is used elsewhere) the change is refused. So comments, order, quoting, spacing and line
ends outside the node stay by construction.

Why not ruamel.yaml, which keeps comments: it prints the whole file anew (spacing, quoting and indentation move), and
loading ``sunstone-server.conf`` takes it about 100 ms where libyaml's events take 0.2 ms (measured, two cores).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from onecfg.formats import yaml_text
from onecfg.formats.yaml_tree import Node, Tree, same, symbols
from onecfg.model import Change, ChangeError, Command, Data, FormatError, Key, Result, Symbol, Tagged

Splice: TypeAlias = tuple[int, int, str]
"""Replace the text from the first offset to the second by the third."""

_TO_DASH = re.compile(r"(?:\s++|#[^\n]*+)*+-")

_RUBY = {
    dict: "Hash",
    list: "Array",
    str: "String",
    bool: "Boolean",
    int: "Integer",
    float: "Float",
    Symbol: "Symbol",
    Tagged: "Object",
}


@dataclass(frozen=True, slots=True)
class _Place:
    """A node, the key that it is the value of (none for the root), and whether that is inside ``{}`` or ``[]``."""

    node: Node
    key: Node | None = None
    in_flow: bool = False

    @property
    def target(self) -> Node:
        return self.node.resolved()

    def child(self, key: Key) -> "_Place | None":
        """The value of ``key`` in this mapping; of a key that stands twice the last, as loaders take it."""
        target = self.target
        found = [pair for pair in target.pairs if pair[0].data == key and type(pair[0].data) is type(key)]
        return _Place(found[-1][1], found[-1][0], target.style == "flow") if found else None


class Document:
    """A parsed YAML file."""

    def __init__(self, text: str) -> None:
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

    def apply(self, change: Change, *, keep: bool = False) -> Result:  # noqa: ARG002
        """Make one change. Raises ``ChangeError`` when it is refused."""
        command, keys, data = change.command, list(change.components), change.value
        if not change.native:
            keys, data = [_key(element) for element in keys], symbols(data)
        if not keys:
            return self._replace_all(command, data)
        parent = self._walk(keys[:-1])
        found = parent.child(keys[-1])
        if command is Command.RM:
            return self._remove(parent, keys[-1], found, data)
        if found is None:
            splice = self._insertion(parent.target, keys[-1], data)
            return self._assign(parent, keys[-1], data, splice, replaced=False)
        old = found.target.data
        if command is Command.INS and isinstance(old, list):
            if any(same(item, data) for item in old):
                return Result.in_place("the list has this value")
            splice = self._appending(found, data)
            old.append(data)
            return self._edit(splice, replaced=False)
        if same(old, data):
            return Result.in_place("this value is there", counts=command is Command.SET)
        return self._assign(parent, keys[-1], data, self._replacement(found, data), replaced=True)

    # -- finding

    def _walk(self, keys: Sequence[Key]) -> _Place:
        """The mapping that ``keys`` lead to."""
        root = self._tree.root
        place = _Place(Node(0, 0, None)) if root is None else _Place(root)
        for key in keys:
            _mapping(place)
            child = place.child(key)
            if child is None:
                raise ChangeError(
                    f"Patch path '{_name(key)}' not found.", todo=f"Insert it first: ins .../{_name(key)} {{}}."
                )
            place = child
        _mapping(place)
        return place

    # -- editing: the data of the nodes is changed along, and the new text has to give the same

    def _assign(self, parent: _Place, key: Key, data: Data, splice: Splice, *, replaced: bool) -> Result:
        _mapping(parent)[key] = data
        return self._edit(splice, replaced=replaced)

    def _edit(self, splice: Splice, *, replaced: bool) -> Result:
        """Make the splice. Raises ``ChangeError``, and changes nothing, unless it gives the data of the nodes."""
        before = self._tree
        start, end, new = splice
        try:
            after = Tree(before.text[:start] + new + before.text[end:])
            good = before.root is None or (after.root is not None and same(after.root.data, before.root.data))
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

    def _replace_all(self, command: Command, data: Data) -> Result:
        if command is not Command.SET or not isinstance(data, (dict, list)):
            raise ChangeError("The path is empty.", todo="Name a key; only set / {...} replaces a whole file.")
        root, tree = self._tree.root, self._tree
        text = yaml_text.block(data, 0, self._newline)
        if root is None:
            splice = tree.end, tree.end, self._break(tree.end) + text + self._newline
            return self._edit(splice, replaced=False)
        if same(root.data, data):
            return Result.in_place("this value is there", counts=True)
        splice = self._line_start(root.start), self._line_end(root.end), text
        root.data = data
        return self._edit(splice, replaced=True)

    def _remove(self, parent: _Place, key: Key, found: _Place | None, data: Data) -> Result:
        if found is None:
            return Result.in_place("there is no such key")
        old = found.target.data
        if data is None:
            splice = self._removal(
                parent, next(i for i, (k, _) in enumerate(parent.target.pairs) if k is found.key)
            )
            del _mapping(parent)[key]
            return self._edit(splice, replaced=False)
        if not isinstance(old, list):
            raise ChangeError(
                f"Unexpected data type {_ruby(old)} found, and only a list has values to remove.",
                todo="Leave the value out to remove the key.",
            )
        index = next((index for index, item in enumerate(old) if same(item, data)), None)
        if index is None:
            return Result.in_place("the list has no such value")
        splice = self._removal(found, index)
        del old[index]
        return self._edit(splice, replaced=False)

    # -- splices

    def _line_start(self, offset: int) -> int:
        return self._tree.text.rfind("\n", 0, offset) + 1

    def _line_end(self, offset: int) -> int:
        """The end of the line's text, before its line end."""
        text = self._tree.text
        end = text.find("\n", offset)
        end = len(text) if end < 0 else end
        return end - 1 if end > offset and text[end - 1] == "\r" else end

    def _break(self, offset: int) -> str:
        """The line end that is missing at ``offset``, if one is."""
        return "" if offset == 0 or self._tree.text[offset - 1] == "\n" else self._newline

    def _column(self, offset: int) -> int:
        return offset - self._line_start(offset)

    def _replacement(self, place: _Place, data: Data) -> Splice:
        """``data`` instead of the node at ``place``, which is a value in a mapping."""
        node, text = place.node, self._tree.text
        style = node.style if node.style in {"'", '"'} else ""
        if place.in_flow or place.key is None:
            new = yaml_text.scalar(data, style) if isinstance(data, str) else yaml_text.flow(data)
            return node.start, node.end, new if node.end > node.start else f" {new}"
        column = self._column(place.key.start)
        new = yaml_text.after_colon(data, column, self._newline, style)
        colon = text.index(":", place.key.end) + 1
        if node.style != "block" and not new.startswith(" "):
            return colon, node.end, new
        if node.style != "block":
            return (node.start, node.end, new[1:]) if node.end > node.start else (colon, colon, new)
        # The lines of a block go, with the comment after the last; the one after its key stays.
        kept = text[colon : min(self._line_end(colon), node.start)].rstrip()
        if not kept.lstrip().startswith("#"):
            kept = ""
        new = kept + new if not new.startswith(" ") else new + kept
        return colon, self._line_end(node.end), new

    def _insertion(self, mapping: Node, key: Key, data: Data) -> Splice:
        """``key`` as the last one of ``mapping``."""
        if mapping.style == "flow":
            pair = f"{yaml_text.flow(key)}: {yaml_text.flow(data)}"
            last = mapping.pairs[-1][1].end if mapping.pairs else mapping.end - 1
            return last, last, f", {pair}" if mapping.pairs else pair
        column = self._column(mapping.pairs[0][0].start)
        line = f"{' ' * column}{yaml_text.scalar(key)}:{yaml_text.after_colon(data, column, self._newline)}"
        if mapping is self._tree.root:
            end = self._tree.end
            return end, end, self._break(end) + line + self._newline
        end = self._after_comments(max(mapping.end, mapping.pairs[-1][0].end), column)
        return end, end, self._newline + line

    def _after_comments(self, offset: int, column: int) -> int:
        """The end of the line at ``offset``, or of the last comment that follows it and is indented to ``column``."""
        end = self._line_end(offset)
        while column:
            following = self._tree.text.find("\n", end) + 1
            line = self._tree.text[following : self._line_end(following)] if following else ""
            bare = line.lstrip(" ")
            if not bare.startswith("#") or len(line) - len(bare) < column:
                break
            end = following + len(line)
        return end

    def _appending(self, place: _Place, data: Data) -> Splice:
        """``data`` as the last item of the list at ``place``."""
        sequence = place.target
        if sequence.style == "flow":
            last = sequence.items[-1].end if sequence.items else sequence.end - 1
            return last, last, (", " if sequence.items else "") + yaml_text.flow(data)
        column = self._column(self._dash(sequence, 0))
        end = self._after_comments(sequence.end, column)
        item = yaml_text.block(data, column + 2, self._newline)[column + 2 :]
        return end, end, f"{self._newline}{' ' * column}- {item}"

    def _dash(self, sequence: Node, index: int) -> int:
        """The offset of the ``-`` of an item."""
        first = sequence.items[index - 1].end if index else sequence.start
        found = _TO_DASH.match(self._tree.text, first)
        # An anchor or a tag may stand before the first one.
        return found.end() - 1 if found else self._tree.text.find("-", first)

    def _removal(self, place: _Place, index: int) -> Splice:
        """The pair or item ``index`` out of the collection at ``place``."""
        node = place.target
        pairs = node.pairs or [(item, item) for item in node.items]
        start, end = pairs[index][0].start, max(pairs[index][0].end, pairs[index][1].end)
        if len(pairs) == 1:
            empty: Data = {} if node.pairs else []
            return self._replacement(_Place(node, place.key, place.in_flow), empty)
        following = pairs[index + 1][0].start if index + 1 < len(pairs) else None
        if node.style == "flow":
            return (start, following, "") if following else (pairs[index - 1][1].end, end, "")
        if node.items:
            start = self._dash(node, index)
            following = self._dash(node, index + 1) if following else None
        if self._tree.text[self._line_start(start) : start].strip(" ") and following:
            return start, following, ""
        stop = self._tree.text.find("\n", end) + 1
        return self._line_start(start), stop or len(self._tree.text), ""


def _key(element: Key) -> Key:
    """An element of a path as a key: a symbol with its colon, a text without."""
    if isinstance(element, str) and element.startswith(":") and len(element) > 1:
        return Symbol(element[1:])
    return element


def _name(key: Key) -> str:
    return f":{key.name}" if isinstance(key, Symbol) else str(key)


def _ruby(data: Data) -> str:
    """The type of ``data`` as Ruby calls it."""
    return "NilClass" if data is None else _RUBY[type(data)]


def _mapping(place: _Place) -> dict[Key, Data]:
    """The data of a mapping. Raises ``ChangeError`` when the node is something else."""
    data = place.target.data
    if isinstance(data, dict):
        return data
    raise ChangeError(
        f"Expected Hash but got {_ruby(data)}.",
        todo="The file has no keys: replace it by set / {...}."
        if place.key is None
        else "Set the key above it; elements of a list have no path.",
    )
