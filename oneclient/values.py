"""What stands on a command line, as the parameters of a method."""

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from oneclient.access import secret
from oneclient.acl_rule import rule_numbers
from oneclient.errors import InputError, UsageError
from oneclient.names import ALL_OBJECTS, one_id
from oneclient.resources import RESOURCES
from oneclient.table import Taken
from onelib.api import Api, Parameter
from onelib.template import Template

_SIZE = re.compile(r"(\d+(?:\.\d+)?)([MGT]?)B?", re.IGNORECASE)
_FACTORS = {"": 1, "M": 1, "G": 1024, "T": 1024**2}
_MODE = re.compile(r"[0-7]{3}")
_INPUT = re.compile(r'(?:^|,)(\w+)=("[^"]*"|[^",]*)(?=,|$)')
_STDIN = "-"


def convert(api: Api, taken: Taken, given: Any) -> Any:  # noqa: ANN401 (what click gives, what the kind means)
    """The value of one argument or option. Raises :class:`~onelib.errors.OneError`."""
    kind = taken.kind.rstrip("*?")
    if kind == "flag":
        return bool(given)
    if kind == "choice":
        return _choice(taken, given)
    if kind == "secret":
        what = taken.name.removesuffix("_file").replace("_", " ").capitalize()
        return "" if given is None and taken.kind.endswith("?") else secret(given, what)
    if kind == "login":
        return given or api.user
    if given is None or given == ():
        return taken.default or (-1 if kind == "int" or kind in RESOURCES else "")
    if kind in RESOURCES:
        return ALL_OBJECTS if taken.kind.endswith("*") and given == "ALL" else one_id(api, kind, given)
    return _TEXTS[kind](given) if kind in _TEXTS else given


def _choice(taken: Taken, given: int | None) -> int:
    if given is None and taken.required:
        raise UsageError("One option is missing.", todo=f"Give one of --{', --'.join(taken.choices)}.")
    return int(taken.default) if given is None else given


def _size(text: str) -> str:
    match = _SIZE.fullmatch(text)
    if match is None:
        raise UsageError(f"{text!r} is no size.", todo="Write megabytes, or 10G.")
    return str(round(float(match[1]) * _FACTORS[match[2].upper()]))


def _octal(text: str) -> list[int]:
    """The nine bits: use, manage and admin for owner, group and others."""
    if not _MODE.fullmatch(text):
        raise UsageError(f"{text!r} are no permissions.", todo="Write three octal digits, as 640.")
    return [int(digit) >> shift & 1 for digit in text for shift in (2, 1, 0)]


def _whole(text: str, what: str, *, least: int) -> int:
    if not text.removeprefix("-").isdecimal() or int(text) < least or int(text) == 0:
        raise UsageError(f"{text!r} is no {what}.", todo="Write a whole number that is not 0.")
    return int(text)


def _file(path: str) -> str:
    if path == _STDIN:
        return sys.stdin.read()
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise InputError(
            f"The file {path} cannot be read: {reason}.", todo="Name a template, or - for input."
        ) from None


_TEXTS: dict[str, Callable[[Any], Any]] = {
    "size": _size,
    "octal": _octal,
    "file": _file,
    "period": lambda text: _whole(text, "number of seconds", least=-1),
    "times": lambda text: _whole(text, "number of times", least=1),
    "rule": lambda words: rule_numbers(list(words)),
}


def attributes(api: Api, taken: Taken, value: Any) -> list[tuple[str, str | dict[str, str]]]:  # noqa: ANN401 (convert)
    """What an option adds to the template: one attribute, or a vector for each disk or interface of a list."""
    name = taken.attribute
    if taken.kind in {"disks", "nics"}:
        inner, resource = ("IMAGE_ID", "image") if taken.kind == "disks" else ("NETWORK_ID", "vnet")
        return [(name, {inner: str(one_id(api, resource, part))}) for part in value.split(",")]
    if taken.kind == "inputs":
        return [(found[1], found[2].strip('"')) for found in _inputs(value)]
    if taken.kind == "graphics":
        return [(name, {"TYPE": "VNC", "LISTEN": "0.0.0.0" if value in {"", "yes"} else value})]
    return [(name, "YES" if value is True else str(value))]


def _inputs(text: str) -> list[re.Match[str]]:
    """``A=1,B="x, y"``. Raises :class:`UsageError`."""
    found = list(_INPUT.finditer(text))
    if "".join(match[0] for match in found) != text:
        raise UsageError(f"{text!r} are no user inputs.", todo='Write NAME=VALUE,NAME="a value, quoted".')
    return found


def template_text(text: str, pairs: list[tuple[str, str | dict[str, str]]], vector: str) -> str:
    """The template in ``text`` with ``pairs`` in it: as ``vector``, or as they are, in place of the file's own."""
    if not pairs:
        return text
    more = Template([(vector, {name: str(value) for name, value in pairs})] if vector else pairs)
    whole = Template.parse(text) if text.strip() else Template()
    if vector and whole.vectors(vector):
        merged = whole.vector(vector) | more.vector(vector)
        whole.set(vector, merged)
    else:
        whole.merge(more)
    return whole.to_xml()


def standard_input(what: str) -> str:
    """A template that is piped in. Raises :class:`UsageError` at a terminal, and for an empty one."""
    text = "" if sys.stdin is None or sys.stdin.isatty() else sys.stdin.read()
    if not text.strip():
        raise UsageError(f"{what}: there is no template.", todo="Name a file, pipe one in, or use the options.")
    return text


def constant(word: str) -> Parameter:
    """A constant of the table."""
    if word in {"true", "false"}:
        return word == "true"
    return int(word) if word.lstrip("-").isdigit() else "" if word == "''" else word
