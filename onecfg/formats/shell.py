"""Files of shell assignments: ``NAME=value``, ``export NAME=value``, ``export NAME OTHER``.

Every line is kept; only plain assignments at the top level can be changed. A change of a name that is assigned inside
a command is refused, because the last assignment that runs decides and only the shell knows which that is. What no
assignment can express (commands that differ, names that are assigned in them) a native change says as a unified diff
of the whole file.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from onecfg.formats import unified
from onecfg.formats.shell_tree import ARRAY, NAME, VALUE, Assignment, Exports, Node, Opaque, parse
from onecfg.model import ABSENT, Absent, Change, ChangeError, Command, Extra, Result, Status, stringify


def quote(text: str) -> str:
    """``text`` as a value that the shell takes literally."""
    return "'" + text.replace("'", "'\\''") + "'"


def sayable(text: str) -> bool:
    """Whether the line format may write ``text`` as a value."""
    return VALUE.fullmatch(text) is not None


@dataclass(frozen=True)
class Variable:
    """What the file makes of a variable: its last value, none when it is only exported."""

    value: str | None = None
    exported: bool = False


class Document:
    """A parsed file of shell assignments."""

    def __init__(self, text: str) -> None:
        self._newline = "\r\n" if "\r\n" in text else "\n"
        self._nodes: list[Node] = parse(text)

    def render(self) -> str:
        """The text of the document."""
        return "".join(node.render() for node in self._nodes)

    def check(self) -> None:
        """Nothing to do: every value was checked when it was stored."""

    def warnings(self) -> list[str]:
        """A sentence for each name that is assigned more than once."""
        names = [node.name for node in self._nodes if isinstance(node, Assignment)]
        again = sorted(name for name, count in Counter(names).items() if count > 1)
        return [f"Variable {name} specified multiple times. Only last value will be respected." for name in again]

    def variables(self) -> dict[str, Variable]:
        """The variables by their names."""
        values = {node.name: node.value for node in self._nodes if isinstance(node, Assignment)}
        exported = self._exported()
        return {name: Variable(values.get(name), name in exported) for name in [*values, *exported]}

    def commands(self) -> list[str]:
        """The commands that are no assignments, in order."""
        return [node.text.strip() for node in self._nodes if isinstance(node, Opaque) and node.command]

    def same(self, other: "Document") -> bool:
        """Whether both have the same variables, exports and commands, whatever their comments and layout."""
        return self.variables() == other.variables() and self.commands() == other.commands()

    def difference(self, other: "Document", file: str) -> list[Change]:
        """The native changes that make the data of this document that of ``other``, by name."""
        changes = list(_changes(self.variables(), other.variables(), file))
        trial = Document(self.render())
        try:
            for change in changes:
                trial.apply(change)
        except ChangeError:
            trial = self
        if trial.same(other):
            return changes
        diff = unified.write(self.render(), other.render())
        return [Change(file, Command.SET, (), diff, native=True, whole=True)]

    def apply(self, change: Change, *, keep: bool = False) -> Result:
        """Make one change. Raises ``ChangeError`` when it is refused, ``PlaceError`` when a diff does not fit."""
        path = [str(part) for part in change.components]
        if not path and change.whole and change.command is Command.SET and isinstance(change.value, str):
            return self._apply_diff(change.value)
        if len(path) != 1:
            raise ChangeError(
                "The path of a shell variable is its name alone.",
                todo=f"Write {path[-1]}." if path else "Name a variable.",
            )
        name = path[0]
        if not re.fullmatch(NAME, name):
            raise ChangeError(f"{name} is no variable.", todo="Names consist of A-Z, a-z, 0-9 and _.")
        self._refuse_opaque(name)
        found = [node for node in self._nodes if isinstance(node, Assignment) and node.name == name]
        if change.command is Command.RM:
            return self._remove(name, found)
        if not change.native and any(node.value.startswith("(") for node in found):
            raise ChangeError(
                f"{name} is an array.", todo="Remove it first, or write the change in the yaml format."
            )
        stored = self._store(change, name, found, keep=keep)
        exported = self._export(name, change, found, keep=keep)
        if exported is None or stored.status is Status.APPLIED:
            return stored
        return stored if stored.counts and exported.status is not Status.APPLIED else exported

    def _apply_diff(self, diff: str) -> Result:
        after = unified.apply(self.render(), diff)
        if after is None:
            return Result.in_place("the diff is applied", counts=True)
        self._nodes = parse(after)
        return Result.applied()

    def _refuse_opaque(self, name: str) -> None:
        """Raise ``ChangeError`` when ``name`` is assigned inside a command."""
        assigned = re.compile(rf"(?<![\w$]){name}\+?=")
        line = 1
        for node in self._nodes:
            text = node.render()
            if isinstance(node, Opaque) and node.command and (hit := assigned.search(text)):
                line += text.count("\n", 0, hit.start())
                raise ChangeError(
                    f"{name} is also assigned inside a command on line {line}.",
                    todo="Change the file itself there.",
                )
            line += text.count("\n")

    # -- values

    def _store(self, change: Change, name: str, found: list[Assignment], *, keep: bool) -> Result:
        if change.command is Command.SET and (change.value is None or change.value is False):
            return Result.not_applicable("a set without a value changes nothing: use rm, or set it to a text")
        text = _new_value(change, name)
        expected = change.command is Command.SET and change.old is not ABSENT
        if not found:
            if keep and expected:
                return Result.not_applicable("the variable is gone, and stays so")
            self._append(Assignment("", name, text, self._newline))
            return Result.applied()
        if found[-1].value == text:
            counts = change.command is Command.SET or not isinstance(change.value, str)
            return Result.in_place("this value is there", counts=counts)
        expected = expected and found[-1].value == stringify(None if change.old is ABSENT else change.old)
        if keep and not expected:
            return Result.not_applicable("the value is the user's own, and stays")
        found[-1].value = text
        if any(node.exported for node in found) and not found[-1].exported:
            found[-1].lead += "export "
        self._drop(found[:-1])
        return Result.applied(replaced=not expected)

    def _remove(self, name: str, found: list[Assignment]) -> Result:
        if not found and name not in self._exported():
            return Result.in_place("there is no such variable")
        self._drop(found)
        self._unlist(name)
        return Result.applied()

    # -- exports

    def _exported(self) -> dict[str, None]:
        """The names that are exported, in order."""
        names: list[str] = []
        for node in self._nodes:
            if isinstance(node, Assignment) and node.exported:
                names.append(node.name)
            elif isinstance(node, Exports):
                names += [word.strip() for word in node.names]
        return dict.fromkeys(names)

    def _export(self, name: str, change: Change, found: list[Assignment], *, keep: bool) -> Result | None:
        """Export the variable or not, as ``extra`` wants it; ``None`` when it wants nothing."""
        wanted = change.extra.export
        if wanted is None or (keep and change.command is Command.INS and found):
            return None
        if wanted == (name in self._exported()):
            return Result.in_place("it is exported, or not, as it is to be", counts=change.command is Command.SET)
        assignments = [node for node in self._nodes if isinstance(node, Assignment) and node.name == name]
        if not wanted:
            for node in assignments:
                node.lead = node.lead.removesuffix(node.lead.lstrip())
            self._unlist(name)
        elif assignments:
            assignments[-1].lead += "export "
        elif keep:
            return Result.not_applicable("the variable is gone, and stays so")
        else:
            self._append(Exports("export", [f" {name}"], self._newline))
        return Result.applied()

    def _unlist(self, name: str) -> None:
        """Take ``name`` out of the lists of exports."""
        for node in self._nodes:
            if isinstance(node, Exports):
                node.names = [word for word in node.names if word.strip() != name]
        self._drop([node for node in self._nodes if isinstance(node, Exports) and not node.names])

    # -- nodes

    def _drop(self, nodes: Sequence[Node]) -> None:
        gone = {id(node) for node in nodes}
        self._nodes = [node for node in self._nodes if id(node) not in gone]

    def _append(self, node: Node) -> None:
        """Put ``node`` at the end of the file, on a line of its own."""
        if self._nodes and not self._nodes[-1].render().endswith("\n"):
            self._nodes.append(Opaque(self._newline))
        self._nodes.append(node)


def _new_value(change: Change, name: str) -> str:
    """The text to store. Raises ``ChangeError`` when the shell would not take it as one word."""
    text = stringify(change.value)
    if sayable(text) or (change.native and ARRAY.fullmatch(text)):
        return text
    raise ChangeError(
        f"The value for {name} is not a single word of the shell.",
        todo='Quote it for the shell too: "\\"some text\\"" or "\'some text\'".',
    )


def _changes(before: dict[str, Variable], after: dict[str, Variable], file: str) -> Iterator[Change]:
    """The changes of the variables, by name."""

    def change(
        command: Command, name: str, value: str | None, old: "str | Absent" = ABSENT, *, export: bool | None = None
    ) -> Change:
        return Change(file, command, (name,), value, native=True, old=old, extra=Extra(export=export))

    for name in sorted({*before, *after}):
        old, new = before.get(name, Variable()), after.get(name, Variable())
        export = None if old.exported == new.exported else new.exported
        if old.value is not None and new.value is None:
            yield change(Command.RM, name, None, old.value)
            export = True if new.exported else None
        elif old.value != new.value:
            command, was = (Command.INS, ABSENT) if old.value is None else (Command.SET, old.value)
            yield change(command, name, new.value, was, export=export)
            continue
        if export is not None:
            yield change(Command.SET, name, None, export=export)
