"""Data as YAML text, in the quoting style that the place already has."""

import math
import re
from typing import Any

import yaml

from onecfg.model import Data, Key, Symbol, Tagged, stringify

MAX_KEY = 500
"""Characters of a key; a longer one is announced by ``?``."""

_RESOLVER: Any = yaml.resolver.Resolver()
_PLAIN = re.compile(r"[A-Za-z_/$][\w./@+=$()*:-]*(?: [\w./@+=$()*-][\w./@+=$()*:-]*)*", re.ASCII)
_ADDRESS = re.compile(r"\d+\.\d+\.\d+\.\d+")
_SYMBOL = re.compile(r"[A-Za-z0-9_][\w./@+=$()*-]*", re.ASCII)
_BOOLEAN_IN_RUBY = {"y", "Y", "n", "N"}
_ESCAPES = {"\n": "\\n", "\t": "\\t", "\r": "\\r", '"': '\\"', "\\": "\\\\", "\0": "\\0"}


def scalar(data: Data, style: str = "") -> str:
    """A scalar on one line; ``style`` is the quote (``'`` or ``"``) that a text should have if it can."""
    match data:
        case None:
            return "null"
        case Symbol(name):
            return f":{name}" if _SYMBOL.fullmatch(name) else _tagged(name)
        case str():
            return _string(data, style)
        case float() if not math.isfinite(data):
            return ".nan" if math.isnan(data) else ".inf" if data > 0 else "-.inf"
        case bool() | int() | float():
            return stringify(data)
        case Tagged(tag, text):
            return f"{tag if tag.startswith('!') else f'!<{tag}>'} {_string(text, style)}"
    raise TypeError("not a scalar")


def _string(text: str, style: str) -> str:
    one_line = text.isprintable() and "\ufeff" not in text
    if not one_line or style == '"':
        return '"' + "".join(_escaped(character) for character in text) + '"'
    return text if style != "'" and is_plain(text) else "'" + text.replace("'", "''") + "'"


def is_plain(text: str) -> bool:
    """Whether ``text`` stands for itself without quotes, inside ``[]`` and ``{}`` too, for Ruby and for Python."""
    if _ADDRESS.fullmatch(text):
        return True
    if text in _BOOLEAN_IN_RUBY or text.endswith(":") or ": " in text or not _PLAIN.fullmatch(text):
        return False
    return bool(_RESOLVER.resolve(yaml.ScalarNode, text, (True, False)) == "tag:yaml.org,2002:str")


def _escaped(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    if character.isprintable() and character != "\ufeff":
        return character
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def flow(data: Data) -> str:
    """``data`` on one line. In there libyaml, and so Ruby, takes no plain symbols: they get their tag."""
    match data:
        case list():
            return "[" + ", ".join(flow(item) for item in data) + "]"
        case dict():
            return "{" + ", ".join(flow_pair(key, value) for key, value in data.items()) + "}"
        case Symbol(name):
            return _tagged(name)
    return scalar(data)


def _tagged(name: str) -> str:
    """A symbol where a plain one is not read, or not as it should be."""
    return f"!ruby/symbol {_string(name, '')}"


def flow_pair(key: Key, value: Data) -> str:
    """A pair between ``{`` and ``}``."""
    name = flow(key)
    return f"{'? ' if len(name) > MAX_KEY else ''}{name}: {flow(value)}"


def pair(key: Key, value: Data, column: int, newline: str) -> str:
    """A pair in block style from ``column`` on, without the last line end."""
    pad, name = " " * column, scalar(key)
    colon = f"{newline}{pad}" if len(name) > MAX_KEY else ""
    return f"{pad}{'? ' if colon else ''}{name}{colon}:{after_colon(value, column, newline)}"


def literal(text: str, column: int) -> str | None:
    """``text`` as the lines of a literal block from ``column`` on, without the last line end, if it can be one."""
    bare = text.rstrip("\n")
    if "\n" not in text or not bare or not all(one.isprintable() or one in "\n\t" for one in text):
        return None
    if "\ufeff" in text:
        return None
    indent = "2" if bare[0] in " \t\n" else ""
    ending = text[len(bare) :]
    chomp = "-" if not ending else "" if ending == "\n" else "+"
    lines = [f"{' ' * column}{line}" if line else "" for line in bare.split("\n")]
    return "\n".join([f"|{indent}{chomp}", *lines]) + ending[1:]


def after_colon(data: Data, column: int, newline: str, style: str = "") -> str:
    """What follows ``key:``, the key standing at ``column``: a blank and a scalar, or the lines of a block."""
    if isinstance(data, (dict, list)):
        return newline + block(data, column + 2, newline) if data else f" {flow(data)}"
    return " " + scalar(data, style)


def block(data: Data, column: int, newline: str) -> str:
    """``data`` in block style from ``column`` on, without the last line end."""
    pad = " " * column
    match data:
        case dict() if data:
            return newline.join(pair(key, value, column, newline) for key, value in data.items())
        case list() if data:
            items = (block(item, column + 2, newline)[column + 2 :] for item in data)
            return newline.join(f"{pad}- {item}" for item in items)
        case dict() | list():
            return pad + flow(data)
    return pad + scalar(data)
