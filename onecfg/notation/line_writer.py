"""Changes as lines of the line format, and why some of them have none."""

import json
import math
import re

from onecfg.catalogue import find
from onecfg.formats import Kind, oned_values, shell
from onecfg.formats.oned_tree import REPEATED
from onecfg.model import ABSENT, Change, ChangeError, Command, Data, Key, PatchError, Symbol, stringify
from onecfg.notation.line import BLANKS


class Inexpressible(PatchError):  # noqa: N818 - it is no fault of anybody
    """The line format cannot say a change; ``reason`` tells why, without its value."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"The line format cannot say it: {reason}.", todo="Use the yaml format.")
        self.reason = reason


def write(change: Change) -> str:
    """The line that says ``change``, without a line end. Raises ``Inexpressible``.

    What it is read back as has the same effect on a file that the change fits: an ``ins`` on one without the key, a
    ``set`` or ``rm`` on one that has it.
    """
    entry = find(change.file)
    if entry is None:
        raise Inexpressible("the file is none that a patch may name")
    if change.command in {Command.CREATE, Command.DELETE}:
        raise Inexpressible("it is about a whole file")
    command = change.command
    match entry.kind:
        case Kind.ONED:
            value = _oned_value(change)
        case Kind.SHELL:
            value = _shell_value(change)
        case Kind.PLAIN:
            value = change.value
        case _:
            value = _yaml_value(change)
            if change.native and not change.whole and command is Command.INS and isinstance(value, list):
                command = Command.SET  # an ins of a list puts it into the list that is there
    as_symbols = change.native and entry.kind in {Kind.YAML, Kind.YAML_STRICT}
    words = [change.file, f"{command.value:<3}", path_text(change, as_symbols=as_symbols)]
    if command is not Command.RM or value is not None:
        words.append(json.dumps(_json(value, as_symbols=as_symbols), ensure_ascii=False, separators=(",", ":")))
    line = " ".join(words)
    if "\n" in line or re.search(f"[{BLANKS}]", change.file) or not _encodable(line):
        raise Inexpressible("a name has a line end in it, or bytes that are not UTF-8")
    return line


def path_text(change: Change, *, as_symbols: bool) -> str:
    """The path as the line format writes it, quoted where it has to be. Raises ``Inexpressible``."""
    elements = change.components if isinstance(change.path, str) else change.path
    texts = [_element(part, as_symbols=as_symbols) for part in elements]
    if any(text == "" or "/" in text for text in texts):
        raise Inexpressible("a name is empty or has a / in it, at which the path would be split")
    path = "/".join(texts) or "/"
    blank = re.search(f"[{BLANKS}]", path)
    if not blank and '"' not in path:
        return path
    if not path.endswith("\\"):
        return '"' + path.replace('"', '\\"') + '"'
    if blank or path.startswith('"'):
        raise Inexpressible("a name ends in a backslash, which no quoted path may")
    return path


def _element(part: Key, *, as_symbols: bool) -> str:
    """An element of a path."""
    text = _json(part, as_symbols=as_symbols)
    if isinstance(text, str):
        return text
    raise Inexpressible("a key is neither a text nor a symbol")


def _oned_value(change: Change) -> Data:
    path = change.components
    repeated = len(path) == 1 and path[0] in REPEATED
    if change.whole and len(path) > 1:
        raise Inexpressible("it removes a whole named section")
    if change.extra.multiple and not repeated:
        raise Inexpressible("it is about one of several values of a key that should occur once")
    if change.command is Command.RM:
        if repeated and oned_values.element(change) is None:
            raise Inexpressible("it removes every value of a key that occurs many times")
        return oned_values.element(change) if repeated else None
    if not oned_values.sayable(_text(change), in_section=len(path) > 1):
        raise Inexpressible("the value is one that oned reads and other tools do not")
    return change.value


def _shell_value(change: Change) -> Data:
    if change.whole and not change.components:
        raise Inexpressible("it changes the commands of the file")
    if change.extra.export is not None:
        raise Inexpressible("it exports a variable, or no longer does")
    if change.command is Command.RM:
        return None
    old = change.old
    if not shell.sayable(_text(change)) or (isinstance(old, str) and old.startswith("(")):
        raise Inexpressible("the variable is an array")
    return change.value


def _text(change: Change) -> str:
    """The value as a text of a file without types."""
    try:
        return stringify(change.value)
    except ChangeError:
        raise Inexpressible("the value is a list or an object") from None


def _yaml_value(change: Change) -> Data:
    if change.extra.index is not None:
        raise Inexpressible("it is about an element at its place in an ordered list")
    if change.command is not Command.RM:
        if change.whole and not change.components and not isinstance(change.value, (list, dict)):
            raise Inexpressible("the file as a whole becomes a single value, or empty")
        return change.value
    if not change.whole:
        return None if change.native else change.value
    element = change.value if change.value is not None or change.old is ABSENT else change.old
    if element is None or not change.components:
        raise Inexpressible("it removes an empty element of a list")
    return element


def _json(value: "Data | Key", *, as_symbols: bool) -> Data:
    """``value`` as the JSON that is read back as it: with ``as_symbols`` a text that starts with ``:`` is a symbol."""
    match value:
        case Symbol(name) if as_symbols and name:
            return f":{name}"
        case str() if not (as_symbols and value.startswith(":") and len(value) > 1):
            return value
        case None | bool() | int():
            return value
        case float() if math.isfinite(value):
            return value
        case list():
            return [_json(item, as_symbols=as_symbols) for item in value]
        case dict():
            return {
                _element(key, as_symbols=as_symbols): _json(item, as_symbols=as_symbols)
                for key, item in value.items()
            }
        case str():
            raise Inexpressible("a text starts with a colon, which would make it a symbol")
    raise Inexpressible("a value is of a type that JSON has not")


def _encodable(line: str) -> bool:
    try:
        line.encode()
    except UnicodeEncodeError:
        return False
    return True
