"""Files of oned's own syntax: ``KEY = value`` and ``SECTION = [ KEY = value, ... ]``.

The tree holds every character of the file in exactly one node, so that printing it back gives the file. More is read
than upstream's lens reads: indented comments, comments after ``]`` and after the last entry, empty values, keys in
lower case. What is written obeys the lens, because upstream's own tools may read the file next.

Keys match in upper case, as oned reads them. A section of ``IDENTIFIED`` is told apart by its NAME, whose text in
the file, quotes included, is the middle element of a path: ``VM_MAD/"kvm"/ARGUMENTS``.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from onecfg.model import Change, ChangeError, Command, Data, FormatError, Result, stringify

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
_VALUE = re.compile(r'"(?:[^"\\]++|\\.)*+"|[^\s"\[#]*+', re.DOTALL)
_TAIL = re.compile(r"[ \t]*+(?:#[^\n]*+|\r)?(?:\n|\Z)")
_BETWEEN = re.compile(r"(?:\s++|#[^\n]*+)*+")
_ENTRY = re.compile(r"([A-Za-z0-9_]++)([ \t]*+=[ \t]*+)")
_ENTRY_VALUE = re.compile(r'"(?:[^"\\]++|\\.)*+"|[^\s"#,\[\]]*+', re.DOTALL)

_KEY = re.compile(r"[A-Z0-9_]+")
_TEXT = r'"(?:[^"\\]|\\["\\])*"'
_NEW_VALUE = re.compile(rf'{_TEXT}|[^\s"\[#]+')
_NEW_ENTRY_VALUE = re.compile(rf'{_TEXT}|[^\s"#,\[\]]+')


def quote(text: str) -> str:
    """``text`` as the double-quoted string of a value."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


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

    def names(self) -> list[str]:
        """The values of NAME, of which a section of ``IDENTIFIED`` has one."""
        return [entry.value for entry in self.entries if entry.key.upper() == "NAME"]


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

    def items(self) -> list[str | Attribute | Section]:
        """Every node of the file, in order."""
        items: list[str | Attribute | Section] = []
        while self.offset < len(self.text):
            blank = self.take(_BLANK_LINES) or self.take(_LAST_LINE)
            items.append(blank or self.item())
        return items

    def item(self) -> Attribute | Section:
        head = _HEAD.match(self.text, self.offset)
        if head is None:
            raise self.error("Neither a comment nor KEY = value.", "Keys consist of A-Z, 0-9 and _.")
        self.offset = head.end()
        indent, key, equals = head.groups()
        if self.text.startswith("[", self.offset):
            entries, closing = self.entries()
            return Section(indent, key, equals, entries, closing, self.tail("section"))
        value = self.value(_VALUE)
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
            entry = Entry(before, head[1], head[2], self.value(_ENTRY_VALUE), self.take(_BETWEEN))
            entries.append(entry)
            separator = self.text[self.offset : self.offset + 1]
            if separator not in {",", "]"}:
                raise self.error("A comma or ] is missing after the value.", "Entries are parted by commas.")
        self.offset += 1
        closing, entries[-1].after = entries[-1].after, ""
        return entries, closing


class Document:
    """A parsed file of oned's syntax."""

    def __init__(self, text: str) -> None:
        self._items = _Parser(text).items()
        self._newline = "\r\n" if "\r\n" in text else "\n"
        self.check()

    def render(self) -> str:
        """The text of the document."""
        return "".join(item if isinstance(item, str) else item.render() for item in self._items)

    def check(self) -> None:
        """Raise ``FormatError`` for sections that oned and upstream's tools could not tell apart."""
        seen: set[tuple[str, str]] = set()
        for section in self._sections():
            key = section.key.upper()
            names = section.names() if key in IDENTIFIED else [""]
            if len(names) != 1:
                what = "Multiple NAME identifications" if names else "Missing NAME identification"
                raise self._error(section, f"{what} for a {key} section.", "Give each of them one NAME.")
            if (key, names[0]) in seen:
                what = f"Duplicate identification for {key}[{names[0]}]." if names[0] else ""
                what = what or f"Invalid multiple sections of {key}."
                raise self._error(section, what, "Remove all of them but one.")
            seen.add((key, names[0]))

    def _error(self, section: Section, message: str, todo: str) -> FormatError:
        """The error at ``section``."""
        line = 1
        for item in self._items:
            if item is section:
                break
            line += (item if isinstance(item, str) else item.render()).count("\n")
        return FormatError(message, line=line, todo=todo)

    def warnings(self) -> list[str]:
        """Nothing that a loader would pass over in silence."""
        return []

    def apply(self, change: Change, *, keep: bool = False) -> Result:  # noqa: ARG002
        """Make one change. Raises ``ChangeError`` when it is refused."""
        command, path, value = change.command, [str(part) for part in change.components], change.value
        match tuple(path):
            case (key,):
                return self._change_attribute(command, key, value)
            case (key, entry):
                return self._change_entry(command, self._unnamed(command, key, entry), path, value)
            case (key, name, entry):
                section = self._named(key, name)
                if section is None and (command is Command.RM or entry != "NAME" or stringify(value) != name):
                    raise self._not_found(key, name, entry)
                return self._change_entry(command, section, path, value)
            case ():
                raise ChangeError("The path is empty.", todo="Name a key, e.g. PORT or DB/BACKEND.")
        raise ChangeError(
            f"The path has {len(path)} elements, and files of this kind three at most.",
            todo='Write KEY, SECTION/KEY or SECTION/"name"/KEY.',
        )

    def _sections(self, key: str | None = None) -> list[Section]:
        return [
            item for item in self._items if isinstance(item, Section) and (key is None or item.key.upper() == key)
        ]

    def _attributes(self, key: str) -> list[Attribute]:
        return [item for item in self._items if isinstance(item, Attribute) and item.key.upper() == key]

    def _remove(self, nodes: Sequence[Attribute | Section]) -> None:
        gone = {id(node) for node in nodes}
        self._items = [item for item in self._items if id(item) not in gone]

    def _append(self, node: Attribute | Section) -> None:
        """Put ``node`` at the end of the file, on a line of its own."""
        if self._items:
            last = self._items[-1]
            text = last if isinstance(last, str) else last.tail
            if not text.endswith("\n"):
                text += self._newline
            if isinstance(last, str):
                self._items[-1] = text
            else:
                last.tail = text
        self._items.append(node)

    # -- KEY

    def _change_attribute(self, command: Command, key: str, value: Data) -> Result:
        _refuse_lower_case(key)
        found = self._attributes(key)
        if command is Command.RM:
            return self._remove_attribute(key, found, value)
        if self._sections(key):
            raise ChangeError(f"{key} is a section.", todo=f"Name the key in it: {key}/KEY.")
        text = _new_value(_NEW_VALUE, key, value)
        if key in REPEATED and command is Command.INS:
            if any(node.value == text for node in found):
                return Result.in_place("this value is there")
            self._append(Attribute("", key, " = ", text, self._newline))
            return Result.applied()
        if not found:
            self._append(Attribute("", key, " = ", text, self._newline))
            return Result.applied()
        if found[0].value == text:
            return _unchanged(command, value)
        found[0].value = text
        self._remove(found[1:])
        return Result.applied(replaced=True)

    def _remove_attribute(self, key: str, found: list[Attribute], value: Data) -> Result:
        nodes: Sequence[Attribute | Section] = [*found, *self._sections(key)]
        if key in REPEATED:
            if value is None:
                return Result.not_applicable(f"{key} occurs many times: name the value to remove after it")
            text = stringify(value)
            nodes = [node for node in found if node.value == text][:1]
        if not nodes:
            return Result.in_place("there is no such key" if value is None else "there is no such value")
        self._remove(nodes)
        return Result.applied()

    # -- SECTION/KEY and SECTION/"name"/KEY

    def _unnamed(self, command: Command, key: str, entry: str) -> Section | None:
        """The section ``key``, if there is one and it is the only one."""
        _refuse_lower_case(key)
        found = self._sections(key)
        if key in IDENTIFIED and entry.startswith('"'):
            return None
        if key in IDENTIFIED and (len(found) > 1 or (not found and command is not Command.RM)):
            raise ChangeError(
                f"{key}/{entry} does not tell which {key} section is meant.",
                todo=f'Write its name, quoted as in the file: {key}/"name"/{entry}.',
            )
        return found[0] if found else None

    def _named(self, key: str, name: str) -> Section | None:
        """The section ``key`` whose NAME is ``name``, if there is one."""
        if key not in IDENTIFIED:
            _refuse_lower_case(key)
            raise ChangeError(
                f"Unknown index key name for section {key}.", todo=f"It occurs once: write {key}/KEY."
            )
        return next((section for section in self._sections(key) if name in section.names()), None)

    def _not_found(self, key: str, name: str, entry: str) -> ChangeError:
        """What to say about a name that no section has."""
        todo = f"Create the section first: ins {key}/{name}/NAME with the same name as its value."
        if self._named(key, quote(name)) is not None:
            todo = f"Quote the name as in the file: {key}/{quote(name)}/{entry}."
        return ChangeError(f"Patch path '{key}/{name}' not found.", todo=todo)

    def _change_entry(self, command: Command, section: Section | None, path: Sequence[str], value: Data) -> Result:
        """Change the last element of ``path`` in ``section``; none is a section that is not there."""
        key, entry = path[0], path[-1]
        if command is Command.RM:
            return self._remove_entry(section, key, entry)
        _refuse_lower_case(entry)
        text = _new_value(_NEW_ENTRY_VALUE, entry, value)
        if section is None:
            if self._attributes(key):
                raise ChangeError(f"{key} is a key and no section.", todo=f"Write {key}, or remove it first.")
            newline = self._newline
            new = Entry(f"{newline}    ", entry, " = ", text)
            self._append(Section("", key, " = ", [new], newline, newline))
            return Result.applied()
        found = [node for node in section.entries if node.key.upper() == entry]
        if not found:
            _insert_entry(section, entry, text, self._newline)
            return Result.applied()
        if found[0].value == text:
            return _unchanged(command, value)
        if len(path) == 3 and entry == "NAME":
            raise ChangeError(
                "The NAME of a section is what paths find it by.", todo="Add a section of the new name."
            )
        found[0].value = text
        for node in found[1:]:
            _drop_entry(section, node)
        return Result.applied(replaced=True)

    def _remove_entry(self, section: Section | None, key: str, entry: str) -> Result:
        if section is None and key in IDENTIFIED and entry.startswith('"'):
            return Result.not_applicable(
                "the line format cannot remove a whole named section: remove its keys, or the section by hand"
            )
        _refuse_lower_case(entry)
        found = [node for node in section.entries if node.key.upper() == entry] if section else []
        if section is None or not found:
            return Result.in_place("there is no such key")
        if len(found) == len(section.entries):
            raise ChangeError(
                f"{entry} is the only key of {key}, and a section cannot be empty.",
                todo=f"Remove the section: rm {key}.",
            )
        for node in found:
            _drop_entry(section, node)
        return Result.applied()


def _refuse_lower_case(key: str) -> None:
    """Raise ``ChangeError`` unless ``key`` is one that oned would read back as it stands."""
    if _KEY.fullmatch(key):
        return
    if _KEY.fullmatch(key.upper()):
        raise ChangeError(
            f"{key} is not in upper case and would become a second key.", todo=f"Write {key.upper()}."
        )
    raise ChangeError(f"{key} is no key.", todo="Keys consist of A-Z, 0-9 and _.")


def _new_value(pattern: re.Pattern[str], key: str, value: Data) -> str:
    """The text to store. Raises ``ChangeError`` when it could not be read back."""
    text = stringify(value)
    if pattern.fullmatch(text):
        return text
    todo = 'Quote it for the file too: "\\"some text\\"", and inside only \\" and \\\\ take a backslash.'
    raise ChangeError(f"The value for {key} is {'not a single word' if text else 'empty'}.", todo=todo)


def _unchanged(command: Command, value: Data) -> Result:
    """The result for a value that is there: a ``set`` counts; an ``ins`` only as upstream compares, by type."""
    return Result.in_place("this value is there", counts=command is Command.SET or not isinstance(value, str))


def _inline_comment(between: str) -> tuple[str, str]:
    """The rest of the line that a comma or value ends, comment included, and the lines after it."""
    end = between.find("\n")
    line = between if end < 0 else between[:end]
    return (line.rstrip("\r"), between[len(line.rstrip("\r")) :]) if "#" in line else ("", between)


def _insert_entry(section: Section, key: str, value: str, newline: str) -> None:
    """Put an entry last. A comment on the line of the entry before it stays there."""
    comment, section.closing = _inline_comment(section.closing)
    section.entries.append(Entry(f"{comment}{newline}    ", key, " = ", value))


def _drop_entry(section: Section, node: Entry) -> None:
    """Take an entry out with its inline comment; the comments on lines above it stay."""
    index = next(index for index, entry in enumerate(section.entries) if entry is node)
    section.entries.pop(index)
    if index == len(section.entries):
        _, rest = _inline_comment(section.closing)
        kept = node.before.rstrip() if "#" in node.before else ""
        section.closing = kept + ("\n" if kept and "\n" not in rest else "") + rest
        return
    following = section.entries[index]
    _, rest = _inline_comment(following.before)
    start = node.before.rfind("\n")
    if "\n" not in rest:
        following.before = node.before
    elif start >= 0:
        following.before = node.before[:start].rstrip("\r") + rest
    else:
        following.before = rest if "#" in rest else node.before
