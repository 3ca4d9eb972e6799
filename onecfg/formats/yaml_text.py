"""Data as YAML text, in the quoting style that the place already has."""

import re
from typing import Any

import yaml

from onecfg.model import Data, Symbol, Tagged, stringify

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
            return f":{name}" if _SYMBOL.fullmatch(name) else f':"{name}"'
        case str():
            return _string(data, style)
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
            return "{" + ", ".join(f"{flow(key)}: {flow(value)}" for key, value in data.items()) + "}"
        case Symbol(name):
            return f"!ruby/symbol {_string(name, '')}"
    return scalar(data)


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
            return newline.join(
                f"{pad}{scalar(key)}:{after_colon(value, column, newline)}" for key, value in data.items()
            )
        case list() if data:
            items = (block(item, column + 2, newline)[column + 2 :] for item in data)
            return newline.join(f"{pad}- {item}" for item in items)
        case dict() | list():
            return pad + flow(data)
    return pad + scalar(data)
