"""The reader of the yaml patch format: nodes made changes, and errors that name their places."""

import base64
import binascii
import re
from collections.abc import Sequence

from onecfg.catalogue import Entry, find
from onecfg.formats.yaml_tree import Node
from onecfg.model import (
    ABSENT,
    Change,
    Command,
    Data,
    Extra,
    Key,
    LineError,
    NewFile,
    Symbol,
    Tagged,
)
from onecfg.notation.descriptor_classes import CLASSES, Target
from onecfg.notation.line import MAX_BYTES

_NODE = 16
"""What a node counts for besides its text, when aliases are written out."""

BINARY = ("!binary", "tag:yaml.org,2002:binary")
_TYPES = ("str", "int", "float", "bool", "null", "timestamp", "seq", "map")
_PLAIN = frozenset([*BINARY, *(f"tag:yaml.org,2002:{name}" for name in _TYPES)])
_FILE_FIELDS = ("class", "action", "owner", "group", "mode", "content", "change")
_CHANGE_FIELDS = ("path", "key", "value", "old", "state", "extra")
_STATES = (Command.INS, Command.SET, Command.RM)
_ACCOUNT = re.compile(r"[a-z_][a-z0-9_-]*\$?", re.IGNORECASE)
_MODE = re.compile("0?[0-7]{3}")
_SHOWN = re.compile(r"[\w.:/-]{1,40}")


def is_plain(tag: str) -> bool:
    """Whether a tag is of plain data, and not of an object of some language."""
    return not tag or tag in _PLAIN


class Reader:
    """The nodes of a patch made changes, and errors that name their places."""

    def __init__(self, text: str, source: str, catalogue: tuple[Entry, ...]) -> None:
        self.text, self.source, self.catalogue = text, source, catalogue
        self._sizes: dict[int, int] = {}

    def place(self, node: Node | None) -> tuple[int, int]:
        """Line and column of a node, counted from one."""
        offset = 0 if node is None else node.start
        return self.text.count("\n", 0, offset) + 1, offset - self.text.rfind("\n", 0, offset)

    def error(self, node: Node | None, message: str, todo: str) -> LineError:
        """The error at ``node``."""
        line, column = self.place(node)
        return LineError(f"{self.source}:{line}:{column}: {message}", todo=todo)

    # -- shapes

    def fields(self, node: Node, what: str, known: Sequence[str]) -> dict[str, Node]:
        """The values of the mapping ``node`` by their keys, all of which are ``known``."""
        found: dict[str, Node] = {}
        for key, value in self.mapping(node, what):
            if not isinstance(key.data, str) or key.data not in known:
                raise self.error(
                    key, f"Unknown key{_shown(key.data)} of {what}.", f"Known are {', '.join(known)}."
                )
            if key.data in found:
                raise self.error(key, f"'{key.data}' of {what} stands twice.", "Keep one of them.")
            found[key.data] = value
        return found

    def mapping(self, node: Node, what: str) -> list[tuple[Node, Node]]:
        """The pairs of a mapping."""
        target = node.resolved()
        if not isinstance(target.data, dict):
            raise self.error(node, f"{what.capitalize()} is no mapping.", "Write KEY: VALUE lines there.")
        self.data(node)
        return target.pairs

    def choice(self, node: Node, what: str, known: Sequence[str]) -> str:
        """One of the texts ``known``."""
        if isinstance(node.data, str) and node.data in known:
            return node.data
        raise self.error(node, f"Unknown {what}{_shown(node.data)}.", f"Write one of: {', '.join(known)}.")

    def text_of(self, node: Node, what: str, shape: re.Pattern[str], todo: str) -> str:
        """A text of that shape."""
        if isinstance(node.data, str) and shape.fullmatch(node.data):
            return node.data
        raise self.error(node, f"The {what} cannot be understood.", todo)

    def data(self, node: Node) -> Data:
        """The data of a node: within bounds and without objects of Ruby."""
        self._size(node, set())
        return node.data

    def _size(self, node: Node, open_nodes: set[int]) -> int:
        """The size of what ``node`` stands for when its aliases are written out."""
        target = node.resolved()
        name = id(target)
        if name in self._sizes:
            return self._sizes[name]
        if name in open_nodes:
            raise self.error(node, "An anchor that holds itself.", "Write the value out.")
        tag = target.data.tag if isinstance(target.data, Tagged) else target.tag
        if not is_plain(tag):
            raise self.error(node, "A tag of an object.", "Write plain data; a symbol is :name.")
        open_nodes.add(name)
        children = [child for pair in target.pairs for child in pair] + target.items
        size = _NODE + sum(self._size(child, open_nodes) for child in children)
        match target.data:
            case str(text) | Tagged(_, text) | Symbol(text):
                size += len(text)
        open_nodes.remove(name)
        if size > MAX_BYTES:
            raise self.error(node, f"More than {MAX_BYTES >> 20} MiB with its aliases written out.", "Write less.")
        self._sizes[name] = size
        return size

    # -- the patch

    def changes(self, root: Node | None) -> list[Change]:
        """All changes of a patch, in its order. Raises ``LineError`` at the first mistake."""
        todo = "It is: patches: {FILE: {class: CLASS, change: [...]}}."
        if root is None or not isinstance(root.data, dict):
            raise self.error(root, "The patch does not contain expected YAML document.", todo)
        patches = {key.data: value for key, value in root.pairs}.get("patches")
        if patches is None:
            raise self.error(root, "The patch has no 'patches'.", todo)
        self.fields(root, "the patch", ("patches",))
        found: list[Change] = []
        seen: set[str] = set()
        for key, value in self.mapping(patches, "'patches'"):
            file = key.data
            entry = find(file, self.catalogue) if isinstance(file, str) else None
            if entry is None or not isinstance(file, str):
                raise self.error(
                    key,
                    f"Unknown file to patch{_shown(file)}.",
                    "Write the absolute path of a configuration file, e.g. /etc/one/oned.conf.",
                )
            if file in seen:
                raise self.error(key, f"'{file}' stands twice.", "Put its changes together.")
            seen.add(file)
            found += self._file(Target(file, entry), key, value)
        return found

    def _file(self, target: Target, key: Node, node: Node) -> list[Change]:
        """What is to be done with one file."""
        fields = self.fields(node, "a file", _FILE_FIELDS)
        if "class" not in fields:
            raise self.error(key, "The file has no class.", f"Add class: {target.class_name}.")
        if self.choice(fields["class"], "class", tuple(CLASSES.values())) != target.class_name:
            raise self.error(
                fields["class"], "The file is of another class.", f"Write class: {target.class_name}."
            )
        content = self._content(target, fields) if "content" in fields else None
        action = (
            self.choice(fields["action"], "action", ("apply", "create", "delete")) if "action" in fields else ""
        )
        changes = self._changes(target, fields["change"]) if "change" in fields else []
        if action in {"create", "delete"} and changes:
            raise self.error(fields["change"], f"A file to {action} has no changes.", "Leave 'change' out.")
        origin = f"{self.source}:{self.place(key)[0]}"
        match action:
            case "create" if content is None:
                raise self.error(key, "The file to create has no content.", "Add content: TEXT.")
            case "create":
                changes = [Change(target.file, Command.CREATE, (), None, origin, native=True, content=content)]
            case "delete":
                changes = [Change(target.file, Command.DELETE, (), None, origin, native=True)]
            case "apply" if "change" not in fields:
                raise self.error(key, "The file to patch has no changes.", "Add change: [...].")
        return changes

    def _content(self, target: Target, fields: dict[str, Node]) -> NewFile:
        """The content of a file, with the owner and mode that it is created with."""
        account = "Write the name of an account in quotes, e.g. 'oneadmin'."
        entry, node = target.entry, fields["content"]
        owner, group, mode = entry.owner, entry.group, entry.mode
        if "owner" in fields:
            owner = self.text_of(fields["owner"], "owner", _ACCOUNT, account)
        if "group" in fields:
            group = self.text_of(fields["group"], "group", _ACCOUNT, account)
        if "mode" in fields:
            mode = int(self.text_of(fields["mode"], "mode", _MODE, "Write it in quotes: mode: '0640'."), 8)
        match self.data(node):
            case str(text):
                return NewFile(text.encode(), owner, group, mode)
            case Tagged(tag, text) if tag in BINARY:
                try:
                    return NewFile(base64.b64decode("".join(text.split()), validate=True), owner, group, mode)
                except (binascii.Error, ValueError):
                    raise self.error(node, "The content is not base64.", "Encode the file's bytes.") from None
        raise self.error(node, "The content is no text.", "Write it as a block: content: |")

    # -- changes

    def _changes(self, target: Target, node: Node) -> list[Change]:
        items = self._list(node, "change", "Write '- path: [...]' and so on for each change.")
        return [self._change(target, item) for item in items]

    def _list(self, node: Node, what: str, todo: str) -> list[Node]:
        if not isinstance(node.data, list):
            raise self.error(node, f"The {what} is no list.", todo)
        self.data(node)
        return node.resolved().items

    def _change(self, target: Target, node: Node) -> Change:
        """One change of a file."""
        fields = self.fields(node, "a change", _CHANGE_FIELDS)
        for name in ("path", "state"):
            if name not in fields:
                raise self.error(node, f"The change has no {name}.", "It has path, key, value and state.")
        command = Command(self.choice(fields["state"], "state", [state.value for state in _STATES]))
        path = tuple(
            self._key(target, item)
            for item in self._list(fields["path"], "path", "Write path: [] or its elements.")
        )
        key = self._key(target, fields["key"], last=True) if "key" in fields else None
        whole = key is None
        old: Data = self.data(fields["old"]) if "old" in fields else None
        value = self.data(fields["value"]) if "value" in fields else None
        extra, hinted = self._extra(target, fields.get("extra"))
        if command is Command.RM:
            if value is not None:
                raise self.error(fields["value"], "A rm has no value.", "Write what it removes as old.")
            value = old if (whole and target.is_yaml) or extra.multiple or hinted else None
        problem = target.problem(command, path, value, whole=whole, index=extra.index)
        if problem:
            raise self.error(node, problem[0], problem[1])
        return Change(
            target.file,
            command,
            path if whole else (*path, key),
            value,
            f"{self.source}:{self.place(node)[0]}",
            native=not hinted,
            whole=whole,
            old=old if "old" in fields else ABSENT,
            extra=extra,
        )

    def _key(self, target: Target, node: Node, *, last: bool = False) -> Key:
        """An element of a path; ``last`` may be null."""
        data = self.data(node)
        if isinstance(data, str) or (data is None and last):
            return data
        if target.is_yaml and not isinstance(data, (list, dict)):
            return data
        todo = "Write a key." if target.is_yaml else "Keys of this file are texts: write it in quotes."
        raise self.error(node, "The path has an element that is no key.", todo)

    def _extra(self, target: Target, node: Node | None) -> tuple[Extra, bool]:
        """What is said besides, and whether the change means what the line format means."""
        if node is None or node.data is None:
            return Extra(), False
        allowed = {"hintings": bool, **target.extras}
        found: dict[str, bool | int] = {}
        for name, value in self.fields(node, "'extra' of this class", tuple(allowed)).items():
            data = value.data
            if data is None:
                continue
            if type(data) is not allowed[name] or not isinstance(data, int) or data < 0:
                raise self.error(value, f"'{name}' has another type.", "Write true or false; for index a number.")
            found[name] = data
        index, export = found.get("index"), found.get("export")
        extra = Extra(bool(found.get("multiple")), None if export is None else bool(export), index)
        return extra, bool(found.get("hintings"))


def _shown(data: Data) -> str:
    """A short plain name for a message; nothing else of a patch is shown, it may be a value."""
    name = f":{data.name}" if isinstance(data, Symbol) else data
    return f" '{name}'" if isinstance(name, str) and _SHOWN.fullmatch(name) else ""
