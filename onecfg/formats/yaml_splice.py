"""Edits of a YAML text: each is one splice at the offsets of the node that it is about.

A splice may come out wrong in an exotic style; whoever makes it reads the new text back (``formats/yaml.py``).
"""

import re
from typing import TypeAlias

from onecfg.formats import yaml_text
from onecfg.formats.yaml_place import Place
from onecfg.formats.yaml_tree import Node, Tree
from onecfg.model import Data, Key

Splice: TypeAlias = tuple[int, int, str]
"""Replace the text from the first offset to the second by the third."""

# An anchor or a tag may stand before the first one.
_TO_DASH = re.compile(r"(?:\s++|#[^\n]*+|[&!]\S*+)*+-")
_ANNOUNCED = re.compile(r"(?<![^\s{,\[])\?[ \t]+\Z")


class Splicer:
    """The splices of one text."""

    def __init__(self, tree: Tree, newline: str) -> None:
        self._tree, self._newline = tree, newline

    def document(self, data: Data) -> Splice:
        """``data`` instead of the whole file, apart from the comments at its head and end."""
        root, end = self._tree.root, self._tree.end
        text = yaml_text.block(data, 0, self._newline)
        if root is None:
            return end, end, self._break(end) + text + self._newline
        start = self._line_start(root.start)
        before = self._tree.text[start : root.start]
        if before.startswith("---"):
            start, text = start + 3, self._newline + text
        return start, self._line_end(root.end), text

    def replacement(self, place: Place, data: Data) -> Splice:
        """``data`` instead of the node at ``place``, which is a value in a mapping."""
        node, text = place.node, self._tree.text
        style = node.style if node.style in {"'", '"'} else ""
        if place.in_flow or place.key is None:
            new = yaml_text.scalar(data, style) if isinstance(data, str) else yaml_text.flow(data)
            return node.start, node.end, new if node.end > node.start else f" {new}"
        column = self._column(self._key_start(place.key))
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

    def insertion(self, mapping: Node, key: Key, data: Data) -> Splice:
        """``key`` as the last one of ``mapping``."""
        if mapping.style == "flow":
            last = mapping.pairs[-1][1].end if mapping.pairs else mapping.end - 1
            return last, last, (", " if mapping.pairs else "") + yaml_text.flow_pair(key, data)
        column = self._column(self._key_start(mapping.pairs[0][0]))
        line = yaml_text.pair(key, data, column, self._newline)
        if mapping is self._tree.root:
            end = self._tree.end
            return end, end, self._break(end) + line + self._newline
        end = self._after_comments(max(mapping.end, mapping.pairs[-1][0].end), column)
        return end, end, self._newline + line

    def item(self, place: Place, index: int, data: Data) -> Splice:
        """``data`` as the item ``index`` of the list at ``place``; the items from there on move."""
        sequence = place.target
        items = sequence.items
        if sequence.style == "flow":
            new = yaml_text.flow(data)
            if index < len(items):
                return items[index].start, items[index].start, f"{new}, "
            last = items[-1].end if items else sequence.end - 1
            return last, last, (", " if items else "") + new
        column = self._column(self._dash(sequence, 0))
        new = "- " + yaml_text.block(data, column + 2, self._newline)[column + 2 :]
        if index == 0:
            start = self._dash(sequence, 0)
            return start, start, f"{new}{self._newline}{' ' * column}"
        if index == len(items):
            end = self._after_comments(sequence.end, column)
        else:
            end = self._line_end(max(items[index - 1].end, self._dash(sequence, index - 1) + 1))
        return end, end, f"{self._newline}{' ' * column}{new}"

    def removal(self, place: Place, index: int) -> Splice:
        """The pair or item ``index`` out of the collection at ``place``."""
        node = place.target
        pairs = node.pairs or [(item, item) for item in node.items]
        start, end = self._key_start(pairs[index][0]), max(pairs[index][0].end, pairs[index][1].end)
        if len(pairs) == 1:
            empty: Data = {} if node.pairs else []
            return self.replacement(Place(node, place.key, place.in_flow), empty)
        following = self._key_start(pairs[index + 1][0]) if index + 1 < len(pairs) else None
        if node.style == "flow":
            return (start, following, "") if following else (pairs[index - 1][1].end, end, "")
        if node.items:
            start = self._dash(node, index)
            following = self._dash(node, index + 1) if following else None
        if self._tree.text[self._line_start(start) : start].strip(" ") and following:
            return start, following, ""
        stop = self._tree.text.find("\n", end) + 1
        return self._line_start(start), stop or len(self._tree.text), ""

    # -- offsets

    def _line_start(self, offset: int) -> int:
        return self._tree.text.rfind("\n", 0, offset) + 1

    def _line_end(self, offset: int) -> int:
        """The end of the line's text, before its line end."""
        text = self._tree.text
        end = text.find("\n", offset)
        end = len(text) if end < 0 else end
        return end - 1 if end > offset and text[end - 1] == "\r" else end

    def _key_start(self, key: Node) -> int:
        """Where a key begins, with the ``?`` that may announce it."""
        found = _ANNOUNCED.search(self._tree.text, self._line_start(key.start), key.start)
        return found.start() if found else key.start

    def _break(self, offset: int) -> str:
        """The line end that is missing at ``offset``, if one is."""
        return "" if offset == 0 or self._tree.text[offset - 1] == "\n" else self._newline

    def _column(self, offset: int) -> int:
        return offset - self._line_start(offset)

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

    def _dash(self, sequence: Node, index: int) -> int:
        """The offset of the ``-`` of an item."""
        first = sequence.items[index - 1].end if index else sequence.start
        found = _TO_DASH.match(self._tree.text, first)
        return found.end() - 1 if found else first
