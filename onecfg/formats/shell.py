"""Files of shell assignments: ``NAME=value``, ``export NAME=value``, ``export NAME OTHER``.

Every line is kept; only plain assignments at the top level are nodes. What stands in a compound command (``if``,
``case``, a function) or shares its line with other commands is opaque: it is printed back, and a change of a name that
is assigned there is refused, because the last assignment that runs decides and only the shell knows which that is.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from onecfg.model import Change, ChangeError, Command, Data, FormatError, Result, stringify

_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_QUOTES = r"'[^']*+'|\"(?:[^\"\\`$]++|\\.|`[^`]*+`|\$\([^()]*+\)|\$(?!\())*+\""
_EXPANSION = r"\$\([^()]*+\)|\$\{[^{}]*+\}|`[^`]*+`"
_WORD = rf"(?:{_QUOTES}|{_EXPANSION}|\\.|[^\s'\"`\\$;&|<>()#]|(?<=[^\s])\#|\$(?![({{]))*+"
_ASSIGNMENT = re.compile(
    rf"(?P<lead>[ \t]*(?P<export>export[ \t]+)?)(?P<name>{_NAME})=(?P<value>\([^()]*+\)|{_WORD})"
    r"(?P<tail>[ \t]*;?[ \t]*(?:(?<=[\s;])\#[^\n]*)?\r?(?:\n|\Z))",
    re.DOTALL,
)
_EXPORTS = re.compile(
    rf"(?P<lead>[ \t]*export)(?P<names>(?:[ \t]+{_NAME})+)(?P<tail>[ \t]*;?[ \t]*(?:\#[^\n]*)?\r?(?:\n|\Z))"
)
_BLANK = re.compile(r"[ \t\r]*(?:#[^\n]*)?(?:\n|\Z)")
_VALUE = re.compile(_WORD, re.DOTALL)
_OPEN = re.compile(
    r"(?:^|[;&|()]|\b(?:then|do|else|elif)\b)\s*(?:if|case|for|while|until|select)\b|(?:^|[\s;)])\{(?=\s|$)"
)
_CLOSE = re.compile(r"(?:^|[\s;])(?:fi|esac|done|\})(?=$|[\s;#&|)])")


@dataclass(slots=True)
class Assignment:
    """``NAME=value`` with the line's end; ``lead`` holds ``export`` if it is exported here."""

    lead: str
    name: str
    value: str
    tail: str

    def render(self) -> str:
        """The text of the node."""
        return f"{self.lead}{self.name}={self.value}{self.tail}"


@dataclass(slots=True)
class Exports:
    """``export NAME OTHER``; each name with the blanks before it."""

    lead: str
    names: list[str]
    tail: str

    def render(self) -> str:
        """The text of the node."""
        return self.lead + "".join(self.names) + self.tail


@dataclass(slots=True)
class Opaque:
    """A comment, a blank line, or a command."""

    text: str
    command: bool = False

    def render(self) -> str:
        """The text of the node."""
        return self.text


def quote(text: str) -> str:
    """``text`` as a value that the shell takes literally."""
    return "'" + text.replace("'", "'\\''") + "'"


class Document:
    """A parsed file of shell assignments."""

    def __init__(self, text: str) -> None:
        self._newline = "\r\n" if "\r\n" in text else "\n"
        self._nodes = list(_nodes(text))

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

    def apply(self, change: Change, *, keep: bool = False) -> Result:  # noqa: ARG002
        """Make one change. Raises ``ChangeError`` when it is refused."""
        command, path, value = change.command, [str(part) for part in change.components], change.value
        if len(path) != 1:
            raise ChangeError(
                "The path of a shell variable is its name alone.",
                todo=f"Write {path[-1]}." if path else "Name a variable.",
            )
        name = path[0]
        if not re.fullmatch(_NAME, name):
            raise ChangeError(f"{name} is no variable.", todo="Names consist of A-Z, a-z, 0-9 and _.")
        self._refuse_opaque(name)
        found = [node for node in self._nodes if isinstance(node, Assignment) and node.name == name]
        if any(node.value.startswith("(") for node in found):
            raise ChangeError(f"{name} is an array.", todo="Change the file itself there.")
        if command is Command.RM:
            return self._remove(name, found)
        if command is Command.SET and (value is None or value is False):
            return Result.not_applicable("a set without a value changes nothing: use rm, or set it to a text")
        return self._store(command, name, found, value)

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

    def _store(self, command: Command, name: str, found: list[Assignment], value: Data) -> Result:
        text = stringify(value)
        if not _VALUE.fullmatch(text):
            raise ChangeError(
                f"The value for {name} is not a single word of the shell.",
                todo='Quote it for the shell too: "\\"some text\\"" or "\'some text\'".',
            )
        if not found:
            self._append(Assignment("", name, text, self._newline))
            return Result.applied()
        if found[-1].value == text:
            counts = command is Command.SET or not isinstance(value, str)
            return Result.in_place("this value is there", counts=counts)
        found[-1].value = text
        self._drop(found[:-1])
        return Result.applied(replaced=True)

    def _remove(self, name: str, found: list[Assignment]) -> Result:
        exports = [
            node
            for node in self._nodes
            if isinstance(node, Exports) and name in (word.strip() for word in node.names)
        ]
        if not found and not exports:
            return Result.in_place("there is no such variable")
        for node in exports:
            node.names = [word for word in node.names if word.strip() != name]
        self._drop([*found, *(node for node in exports if not node.names)])
        return Result.applied()

    def _drop(self, nodes: Sequence[Assignment | Exports]) -> None:
        gone = {id(node) for node in nodes}
        self._nodes = [node for node in self._nodes if id(node) not in gone]

    def _append(self, node: Assignment) -> None:
        """Put ``node`` at the end of the file, on a line of its own."""
        if self._nodes and not self._nodes[-1].render().endswith("\n"):
            self._nodes.append(Opaque(self._newline))
        self._nodes.append(node)


def _nodes(text: str) -> list[Assignment | Exports | Opaque]:
    """Every line of the file, those of one compound command together."""
    nodes: list[Assignment | Exports | Opaque] = []
    offset = 0
    while offset < len(text):
        if blank := _BLANK.match(text, offset):
            nodes.append(Opaque(blank.group()))
            offset = blank.end()
        elif found := _ASSIGNMENT.match(text, offset):
            nodes.append(Assignment(found["lead"], found["name"], found["value"], found["tail"]))
            offset = found.end()
        elif found := _EXPORTS.match(text, offset):
            nodes.append(Exports(found["lead"], re.findall(rf"[ \t]+{_NAME}", found["names"]), found["tail"]))
            offset = found.end()
        else:
            end = _command(text, offset)
            nodes.append(Opaque(text[offset:end], command=True))
            offset = end
    return nodes


def _command(text: str, offset: int) -> int:
    """Where the command that starts at ``offset`` ends. Raises ``FormatError`` when it does not."""
    start, depth = offset, 0
    while True:
        end = _line_end(text, offset)
        code = text[offset:end].rstrip().partition(" #")[0]
        if "<<" in code:
            raise FormatError.at(text, offset, "A here-document.", todo="Files with one cannot be patched.")
        if not _balanced(code):
            raise FormatError.at(text, offset, "A quote without its end.", todo="Close it on the same line.")
        depth += len(_OPEN.findall(code)) - len(_CLOSE.findall(code))
        if depth <= 0:
            return end
        if end >= len(text):
            raise FormatError.at(text, start, "A compound command without its end.", todo="Close it.")
        offset = end


def _line_end(text: str, offset: int) -> int:
    """The start of the line after the one at ``offset``; a backslash at its end joins the next to it."""
    while (offset := text.find("\n", offset) + 1) and text[offset - 2 : offset - 1] == "\\":
        pass
    return offset or len(text)


def _balanced(code: str) -> bool:
    rest = re.sub(r"\\.|'[^']*'|\"(?:\\.|[^\"\\])*\"", "", code, flags=re.DOTALL)
    return "'" not in rest and '"' not in rest
