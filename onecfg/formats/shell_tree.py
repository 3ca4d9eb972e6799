"""The syntax tree of files of shell assignments: every line is in exactly one node, so that it prints back.

Only plain assignments and exports at the top level are nodes of their own; what stands in a compound command (``if``,
``case``, a function) or shares its line with other commands is opaque.
"""

import re
from dataclasses import dataclass

from onecfg.model import FormatError

NAME = r"[A-Za-z_][A-Za-z0-9_]*+"
_QUOTES = r"'[^']*+'|\"(?:[^\"\\`$]++|\\.|`[^`]*+`|\$\([^()]*+\)|\$(?!\())*+\""
_EXPANSION = r"\$\([^()]*+\)|\$\{[^{}]*+\}|`[^`]*+`"
_WORD = rf"(?:{_QUOTES}|{_EXPANSION}|\\.|[^\s'\"`\\$;&|<>()#]|(?<=[^\s])\#|\$(?![({{]))*+"
_ARRAY = r"\([^()]*+\)"
_ASSIGNMENT = re.compile(
    rf"(?P<lead>[ \t]*(?P<export>export[ \t]+)?)(?P<name>{NAME})=(?P<value>{_ARRAY}|{_WORD})"
    r"(?P<tail>[ \t]*+(?:;[ \t]*+)?+(?:(?<=[\s;])\#[^\n]*)?\r?(?:\n|\Z))",
    re.DOTALL,
)
_EXPORTS = re.compile(
    rf"(?P<lead>[ \t]*export)(?P<names>(?:[ \t]++{NAME})++)(?P<tail>[ \t]*+(?:;[ \t]*+)?+(?:\#[^\n]*)?\r?(?:\n|\Z))"
)
_BLANK = re.compile(r"[ \t\r]*(?:#[^\n]*)?(?:\n|\Z)")
VALUE = re.compile(_WORD, re.DOTALL)
ARRAY = re.compile(_ARRAY, re.DOTALL)
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

    @property
    def exported(self) -> bool:
        """Whether the line exports the variable."""
        return self.lead.strip() != ""

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


Node = Assignment | Exports | Opaque


def parse(text: str) -> list[Node]:
    """Every line of the file, those of one compound command together. Raises ``FormatError``."""
    nodes: list[Node] = []
    offset = 0
    while offset < len(text):
        if blank := _BLANK.match(text, offset):
            nodes.append(Opaque(blank.group()))
            offset = blank.end()
        elif found := _ASSIGNMENT.match(text, offset):
            nodes.append(Assignment(found["lead"], found["name"], found["value"], found["tail"]))
            offset = found.end()
        elif found := _EXPORTS.match(text, offset):
            nodes.append(Exports(found["lead"], re.findall(rf"[ \t]+{NAME}", found["names"]), found["tail"]))
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
