"""The syntax tree of oned's own files: every character of the file is in exactly one node, so that it prints back.

More is read than upstream's lens reads: indented comments, comments after ``]`` and after the last entry, empty values,
keys in lower case.
"""

import re
from dataclasses import dataclass

from onecfg.model import FormatError

IDENTIFIED = frozenset(
    ["IM_MAD", "VM_MAD"]
    + [f"{pool}_HOOK" for pool in ("VM", "VNET", "USER", "GROUP", "IMAGE", "HOST")]
    + [f"{driver}_MAD_CONF" for driver in ("TM", "DS", "MARKET", "AUTH", "VN")]
)
"""Sections that occur many times, each with a NAME of its own."""

REPEATED = frozenset(
    [f"{pool}_RESTRICTED_ATTR" for pool in ("VM", "IMAGE", "VNET", "USER", "GROUP")]
    + [f"{pool}_ENCRYPTED_ATTR" for pool in ("DOCUMENT", "HOST", "IMAGE", "VM", "VNET", "DATASTORE", "CLUSTER")]
    + [f"INHERIT_{pool}_ATTR" for pool in ("DATASTORE", "IMAGE", "VNET")]
)
"""Keys of which every occurrence counts."""

_BLANK_LINES = re.compile(r"(?:[ \t\r]*+(?:#[^\n]*+)?\n)*+")
_LAST_LINE = re.compile(r"[ \t\r]*+(?:#[^\n]*+)?\Z")
_HEAD = re.compile(r"([ \t]*+)([A-Za-z0-9_]++)([ \t]*+=[ \t]*+)")
VALUE = re.compile(r'"(?:[^"\\]++|\\.)*+"|[^\s"\[#]*+', re.DOTALL)
_TAIL = re.compile(r"[ \t]*+(?:#[^\n]*+|\r)?(?:\n|\Z)")
_BETWEEN = re.compile(r"(?:\s++|#[^\n]*+)*+")
_ENTRY = re.compile(r"([A-Za-z0-9_]++)([ \t]*+=[ \t]*+)")
ENTRY_VALUE = re.compile(r'"(?:[^"\\]++|\\.)*+"|[^\s"#,\[\]]*+', re.DOTALL)


def quote(text: str) -> str:
    """``text`` as the double-quoted string of a value."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _inline_comment(between: str) -> tuple[str, str]:
    """The rest of the line that a comma or value ends, comment included, and the lines after it."""
    end = between.find("\n")
    line = between if end < 0 else between[:end]
    return (line.rstrip("\r"), between[len(line.rstrip("\r")) :]) if "#" in line else ("", between)


@dataclass(slots=True)
class Attribute:
    """``KEY = value`` on a line of its own, with the line's end."""

    indent: str
    key: str
    equals: str
    value: str
    tail: str

    def render(self) -> str:
        """The text of the node."""
        return self.indent + self.key + self.equals + self.value + self.tail


@dataclass(slots=True)
class Entry:
    """``KEY = value`` in a section: what stands before it, and what between its value and the comma."""

    before: str
    key: str
    equals: str
    value: str
    after: str = ""

    def render(self) -> str:
        """The text of the node, without the comma."""
        return self.before + self.key + self.equals + self.value + self.after


@dataclass(slots=True)
class Section:
    """``SECTION = [ ... ]``; ``closing`` stands before the ``]``, ``tail`` after it."""

    indent: str
    key: str
    equals: str
    entries: list[Entry]
    closing: str
    tail: str

    def render(self) -> str:
        """The text of the node."""
        inside = ",".join(entry.render() for entry in self.entries)
        return f"{self.indent}{self.key}{self.equals}[{inside}{self.closing}]{self.tail}"

    def find(self, key: str) -> list[Entry]:
        """The entries of ``key``, which is in upper case."""
        return [entry for entry in self.entries if entry.key.upper() == key]

    def names(self) -> list[str]:
        """The values of NAME, of which a section of ``IDENTIFIED`` has one."""
        return [entry.value for entry in self.find("NAME")]

    def add(self, key: str, value: str, newline: str) -> None:
        """Put an entry last. A comment on the line of the entry before it stays there."""
        comment, self.closing = _inline_comment(self.closing)
        self.entries.append(Entry(f"{comment}{newline}    ", key, " = ", value))

    def drop(self, node: Entry) -> None:
        """Take an entry out with its inline comment; the comments on lines above it stay."""
        index = next(index for index, entry in enumerate(self.entries) if entry is node)
        self.entries.pop(index)
        if index == len(self.entries):
            _, rest = _inline_comment(self.closing)
            kept = node.before.rstrip() if "#" in node.before else ""
            self.closing = kept + ("\n" if kept and "\n" not in rest else "") + rest
            return
        following = self.entries[index]
        _, rest = _inline_comment(following.before)
        start = node.before.rfind("\n")
        if "\n" not in rest:
            following.before = node.before
        elif start >= 0:
            following.before = node.before[:start].rstrip("\r") + rest
        else:
            following.before = rest if "#" in rest else node.before


Node = Attribute | Section


def parse(text: str) -> list[str | Node]:
    """Every node of the file, in order; blank lines and comments are plain texts. Raises ``FormatError``."""
    return _Parser(text).items()


class _Parser:
    """One pass over the text; ``offset`` only grows."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.offset = 0

    def error(self, message: str, todo: str = "") -> FormatError:
        return FormatError.at(self.text, self.offset, message, todo=todo)

    def take(self, pattern: re.Pattern[str]) -> str:
        """The text that ``pattern`` matches here, empty when it does not."""
        found = pattern.match(self.text, self.offset)
        if found is None:
            return ""
        self.offset = found.end()
        return found.group()

    def items(self) -> list[str | Node]:
        items: list[str | Node] = []
        while self.offset < len(self.text):
            blank = self.take(_BLANK_LINES) or self.take(_LAST_LINE)
            items.append(blank or self.item())
        return items

    def item(self) -> Node:
        head = _HEAD.match(self.text, self.offset)
        if head is None:
            raise self.error("Neither a comment nor KEY = value.", "Keys consist of A-Z, 0-9 and _.")
        self.offset = head.end()
        indent, key, equals = head.groups()
        if self.text.startswith("[", self.offset):
            entries, closing = self.entries()
            return Section(indent, key, equals, entries, closing, self.tail("section"))
        value = self.value(VALUE)
        return Attribute(indent, key, equals, value, self.tail("value"))

    def value(self, pattern: re.Pattern[str]) -> str:
        if (value := self.take(pattern)) or not self.text.startswith('"', self.offset):
            return value
        raise self.error("The quoted value has no end.", 'Close it with ", and write " inside it as \\".')

    def tail(self, what: str) -> str:
        tail = _TAIL.match(self.text, self.offset)
        if tail is None:
            raise self.error(f"Text follows the {what}.", "A value with blanks stands in double quotes.")
        self.offset = tail.end()
        return tail.group()

    def entries(self) -> tuple[list[Entry], str]:
        """The entries of a section and what stands before its ``]``; the offset is at the ``[``."""
        entries: list[Entry] = []
        separator = "["
        while separator != "]":
            self.offset += 1
            before = self.take(_BETWEEN)
            if self.text.startswith("]", self.offset):
                what = "A comma stands before ]." if entries else "The section is empty."
                raise self.error(what, "Remove it." if entries else "Remove the section or give it a key.")
            head = _ENTRY.match(self.text, self.offset)
            if head is None:
                raise self.error("KEY = value is missing in the section.")
            self.offset = head.end()
            entry = Entry(before, head[1], head[2], self.value(ENTRY_VALUE), self.take(_BETWEEN))
            entries.append(entry)
            separator = self.text[self.offset : self.offset + 1]
            if separator not in {",", "]"}:
                raise self.error("A comma or ] is missing after the value.", "Entries are parted by commas.")
        self.offset += 1
        closing, entries[-1].after = entries[-1].after, ""
        return entries, closing
