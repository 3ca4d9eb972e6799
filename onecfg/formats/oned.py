"""Files of oned's own syntax: ``KEY = value`` and ``SECTION = [ KEY = value, ... ]``.

Keys match in upper case, as oned reads them. A section of ``IDENTIFIED`` is told apart by its NAME, whose text in
the file, quotes included, is the middle element of a path: ``VM_MAD/"kvm"/ARGUMENTS``.

What the line format writes obeys upstream's lens, because upstream's own tools may read the file next. A native change
may carry whatever a file of this kind can hold: it came out of one.
"""

from collections.abc import Sequence

from onecfg.formats import oned_difference
from onecfg.formats.oned_tree import IDENTIFIED, Attribute, Entry, Node, Section, parse, quote
from onecfg.formats.oned_values import change_values, element, is_many, new_value, refuse_lower_case
from onecfg.model import ABSENT, Change, ChangeError, Command, FormatError, PlaceError, Result, stringify


class Document:
    """A parsed file of oned's syntax."""

    def __init__(self, text: str) -> None:
        self._items = parse(text)
        self._newline = "\r\n" if "\r\n" in text else "\n"
        self.check()

    def render(self) -> str:
        """The text of the document."""
        return "".join(item if isinstance(item, str) else item.render() for item in self._items)

    def check(self) -> None:
        """Raise ``FormatError`` for what oned and upstream's tools could not tell apart."""
        seen: set[tuple[str, str]] = set()
        attributes = {item.key.upper() for item in self._items if isinstance(item, Attribute)}
        for section in self._sections():
            key = section.key.upper()
            names = [name for name in section.names() if name] if key in IDENTIFIED else [""]
            if key in attributes:
                raise self._error(section, f"{key} is a section and also a key.", "Remove one of them.")
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

    def difference(self, other: "Document", file: str) -> list[Change]:
        """The native changes that make the data of this document that of ``other``."""
        return oned_difference.difference(self.data(), other.data(), file)

    def same(self, other: "Document") -> bool:
        """Whether both hold the same data, whatever their comments, layout and order of keys."""
        return oned_difference.same(self.data(), other.data())

    def data(self) -> oned_difference.Data:
        """What the file says, without comments and layout."""
        order: dict[str, None] = {}
        attributes: dict[str, oned_difference.Values] = {}
        sections: dict[str, dict[str, dict[str, oned_difference.Values]]] = {}
        for item in self._items:
            if isinstance(item, str):
                continue
            key = item.key.upper()
            order[key] = None
            if isinstance(item, Attribute):
                attributes.setdefault(key, []).append(item.value)
                continue
            name = item.names()[0] if key in IDENTIFIED else ""
            inside = sections.setdefault(key, {}).setdefault(name, {})
            for entry in item.entries:
                inside.setdefault(entry.key.upper(), []).append(entry.value)
        return {key: attributes.get(key) or sections[key] for key in order}

    def apply(self, change: Change, *, keep: bool = False) -> Result:
        """Make one change. Raises ``ChangeError`` when it is refused, ``PlaceError`` when its section is missing."""
        path = [str(part) for part in change.components]
        if change.whole:
            return self._remove_whole(change, path)
        if isinstance(change.path, str):
            _refuse_torn(path)
        match path:
            case (key,):
                return self._change_attribute(change, key, keep=keep)
            case (key, entry):
                return self._change_entry(change, self._unnamed(change.command, key, entry), path, keep=keep)
            case (key, name, entry):
                section = self._named(key, name)
                made = change.command is not Command.RM and entry == "NAME" and stringify(change.value) == name
                if section is None and not made:
                    raise self._not_found(key, name, entry)
                return self._change_entry(change, section, path, keep=keep)
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

    def _remove(self, nodes: Sequence[Node]) -> None:
        gone = {id(node) for node in nodes}
        self._items = [item for item in self._items if id(item) not in gone]

    def _append(self, node: Node) -> None:
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

    # -- whole sections

    def _remove_whole(self, change: Change, path: Sequence[str]) -> Result:
        """Remove what the path names: the section of a name, or everything of a key."""
        if change.command is not Command.RM:
            raise ChangeError("The change names no key.", todo="Name a key; a section is made by its first key.")
        if len(path) == 1 and is_many(change, path[0]) and element(change) is not None:
            return self._change_attribute(change, path[0], keep=False)
        nodes: list[Node]
        if len(path) == 1:
            refuse_lower_case(path[0])
            nodes = [*self._attributes(path[0]), *self._sections(path[0])]
        elif len(path) == 2:
            section = self._named(path[0], path[1])
            nodes = [section] if section else []
        else:
            raise ChangeError("The path names no section.", todo='Write [SECTION] or [SECTION, "name"].')
        if not nodes:
            return Result.in_place("there is no such section")
        self._remove(nodes)
        return Result.applied()

    # -- KEY

    def _change_attribute(self, change: Change, key: str, *, keep: bool) -> Result:
        refuse_lower_case(key)
        sections = self._sections(key)
        if sections and change.command is Command.RM:
            self._remove(sections)
            return Result.applied()
        if sections:
            raise ChangeError(f"{key} is a section.", todo=f"Name the key in it: {key}/KEY.")

        def add(text: str) -> None:
            self._append(Attribute("", key, " = ", text, self._newline))

        return change_values(
            change,
            key,
            self._attributes(key),
            add,
            self._remove,
            text="" if change.command is Command.RM else new_value(change, key, in_section=False),
            keep=keep,
        )

    # -- SECTION/KEY and SECTION/"name"/KEY

    def _unnamed(self, command: Command, key: str, entry: str) -> Section | None:
        """The section ``key``, if there is one and it is the only one."""
        refuse_lower_case(key)
        found = self._sections(key)
        if key in IDENTIFIED and entry.startswith('"'):
            if command is Command.RM:
                return None
            raise ChangeError(f"{key}/{entry} is a section.", todo=f"Name the key in it: {key}/{entry}/KEY.")
        if key in IDENTIFIED and (len(found) > 1 or (not found and command is not Command.RM)):
            raise ChangeError(
                f"{key}/{entry} does not tell which {key} section is meant.",
                todo=f'Write its name, quoted as in the file: {key}/"name"/{entry}.',
            )
        return found[0] if found else None

    def _named(self, key: str, name: str) -> Section | None:
        """The section ``key`` whose NAME is ``name``, if there is one."""
        if key not in IDENTIFIED:
            refuse_lower_case(key)
            raise ChangeError(
                f"Unknown index key name for section {key}.", todo=f"It occurs once: write {key}/KEY."
            )
        return next((section for section in self._sections(key) if name in section.names()), None)

    def _not_found(self, key: str, name: str, entry: str) -> PlaceError:
        """What to say about a name that no section has."""
        todo = f"Create the section first: ins {key}/{name}/NAME with the same name as its value."
        if self._named(key, quote(name)) is not None:
            todo = f"Quote the name as in the file: {key}/{quote(name)}/{entry}."
        return PlaceError(f"Patch path '{key}/{name}' not found.", todo=todo)

    def _change_entry(self, change: Change, section: Section | None, path: Sequence[str], *, keep: bool) -> Result:
        """Change the last element of ``path`` in ``section``; none is a section that is not there."""
        key, entry = path[0], path[-1]
        if change.command is Command.RM and section is None:
            return _no_section(key, entry)
        refuse_lower_case(entry)
        text = "" if change.command is Command.RM else new_value(change, entry, in_section=True)
        if section is None:
            if keep and change.command is Command.SET and change.old is not ABSENT:
                return Result.not_applicable("the section is gone, and stays so")
            return self._create(key, entry, text)
        found = section.find(entry)
        if (
            len(path) == 3
            and entry == "NAME"
            and found
            and (change.command is Command.RM or found[0].value != text)
        ):
            raise ChangeError(
                "The NAME of a section is what paths find it by.", todo="Add a section of the new name."
            )

        def remove(nodes: Sequence[Entry]) -> None:
            _refuse_emptying(section, nodes, key, entry)
            for node in nodes:
                section.drop(node)

        def add(value: str) -> None:
            section.add(entry, value, self._newline)

        return change_values(change, entry, found, add, remove, text=text, keep=keep)

    def _create(self, key: str, entry: str, text: str) -> Result:
        """A new section of one entry."""
        if self._attributes(key):
            raise ChangeError(f"{key} is a key and no section.", todo=f"Write {key}, or remove it first.")
        new = Entry(f"{self._newline}    ", entry, " = ", text)
        self._append(Section("", key, " = ", [new], self._newline, self._newline))
        return Result.applied()


def _no_section(key: str, entry: str) -> Result:
    """What an ``rm`` finds in a section that is not there."""
    if key in IDENTIFIED and entry.startswith('"'):
        return Result.not_applicable(
            "the line format cannot remove a whole named section: write it in the yaml format, "
            f"path: [{key}, '{entry}'], key: null, state: rm"
        )
    refuse_lower_case(entry)
    return Result.in_place("there is no such key")


def _refuse_emptying(section: Section, nodes: Sequence[Entry], key: str, entry: str) -> None:
    """Raise ``ChangeError`` when ``nodes`` are all that ``section`` has."""
    if len(nodes) == len(section.entries):
        raise ChangeError(
            f"{entry} is the only key of {key}, and a section cannot be empty.",
            todo=f"Remove the section: rm {key}.",
        )


def _refuse_torn(path: Sequence[str]) -> None:
    """Raise ``ChangeError`` when the path of the line format was split inside a quoted name."""
    if any(part.startswith('"') and (len(part) == 1 or not part.endswith('"')) for part in path):
        raise ChangeError(
            "A name that holds / cannot be written in the line format, which splits the path there.",
            todo="Write the change in the yaml format, where a path is a list.",
        )
