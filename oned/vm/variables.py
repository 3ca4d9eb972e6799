"""Variables in the context of a virtual machine: ``$NAME``, ``$VECTOR[KEY]``, ``$VECTOR[KEY, FILTER="value"]``.

A backslash keeps the character after it, and stays. What a variable stands for is put in as it is: variables in it
are not looked at again. Source: OpenNebula 6.0, "Contextualization", "Virtual Machine Variables".
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from oned.errors import InternalError

_WORD = r"[A-Za-z0-9_]+"
_BLANK = r"[ \t]*"
_VALUE = r'(?:"[^"]*"|[A-Za-z0-9]+)'
_TEXT = re.compile(r"(?:[^$\\]|\\.|\\\Z)+", re.DOTALL)
_VARIABLE = re.compile(
    rf"\$(?P<name>{_WORD})"
    rf"(?:\[{_BLANK}(?P<key>{_WORD})(?:{_BLANK}={_BLANK}(?P<value>{_VALUE}))?"
    rf"(?:{_BLANK},{_BLANK}(?P<filter>{_WORD}){_BLANK}={_BLANK}(?P<wanted>{_VALUE}))?{_BLANK}\])?"
)


@dataclass(frozen=True)
class Variable:
    """One variable: ``$name``, ``$name[key]`` or ``$name[key, filter=wanted]``; names are in upper case.

    ``value`` is what ``$FILE[key=value]`` has in place of a filter.
    """

    name: str
    key: str = ""
    value: str = ""
    filter: str = ""
    wanted: str = ""


Lookup = Callable[[Variable], str]


def _fail(text: str, at: int, what: str) -> InternalError:
    return InternalError(f"Error parsing: {text}. syntax error, {what} at line 1, columns {at + 1}:{at + 1}")


def parse(text: str) -> Iterator[str | Variable]:
    """The parts of ``text``. Raises :class:`InternalError` with upstream's frame."""
    at = 0
    while at < len(text):
        match = _TEXT.match(text, at)
        if match:
            yield match.group()
            at = match.end()
            continue
        match = _VARIABLE.match(text, at)
        if match is None:
            raise _fail(text, at, "unexpected EOA, expecting VARIABLE")
        at = match.end()
        if match.group("key") is None and text[at : at + 1] == "[":
            raise _fail(text, at, "unexpected OBRACKET, expecting EOA")
        found = {group: value or "" for group, value in match.groupdict().items()}
        yield Variable(
            found["name"].upper(),
            found["key"].upper(),
            found["value"].strip('"'),
            found["filter"].upper(),
            found["wanted"].strip('"'),
        )


def expand(text: str, lookup: Lookup) -> str:
    """``text`` with every variable replaced. Raises :class:`InternalError`."""
    if "$" not in text:
        return text
    parts: list[str] = []
    for part in parse(text):
        if isinstance(part, str):
            parts.append(part)
        elif part.value:
            raise _fail(text, 0, "unexpected EQUAL, expecting COMMA or CBRACKET")
        else:
            parts.append(lookup(part))
    return "".join(parts)


def files(text: str) -> list[Variable]:
    """The variables ``$FILE[IMAGE_ID=...]`` of ``text``, one blank or other character between two.

    Raises :class:`InternalError` for anything else.
    """
    found: list[Variable] = []
    text = text.lstrip()
    for part in parse(text):
        if isinstance(part, str):
            if not found or len(part) > 1:
                raise _fail(text, 0, "unexpected RSTRING, expecting VARIABLE")
        elif part.name != "FILE":
            raise InternalError(f"Error parsing: {text}. Must use FILE variable for attribute.")
        elif not part.value:
            raise _fail(text, 0, "expecting EQUAL")
        else:
            found.append(part)
    return found
