"""The text form of the template grammar: a scanner without backtracking, linear in the length of the text."""

import re
from collections.abc import Iterable, Iterator

CDATA_END = "]]>"

_SPACE = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)*")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_EQUAL = re.compile(r"[ \t]*=[ \t]*")
_BARE = re.compile(r"[^=#\s,\[\]]+")
_ESCAPED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_ESCAPE = re.compile(r'\\(["\\])')
_LINE_END = re.compile(r"\r?\n|\Z")
_PLAIN = r'([A-Za-z_][A-Za-z0-9_]*)[ \t]*=[ \t]*(?:"([^"\\\]]*)"|([^=#\s,\[\]"\\]+))'
"""A name and a value that hold nothing of which the rest of the grammar might make something else."""
_PLAIN_SINGLE = re.compile(_PLAIN + r"(?:[ \t\r\n]+|\Z)")
_PLAIN_PAIR = re.compile(_PLAIN + r"[ \t\r\n]*([,\]])[ \t\r\n]*")

Pair = tuple[str, str | dict[str, str]]


class TextError(ValueError):
    """Not a template; the text of the error holds line and column."""


class _Scanner:
    """A position in a template text."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def fail(self, reason: str) -> TextError:
        line = self.text.count("\n", 0, self.at) + 1
        column = self.at - (self.text.rfind("\n", 0, self.at) + 1) + 1
        return TextError(f"syntax error, {reason} at line {line}, column {column}")

    def skip_space(self) -> None:
        match = _SPACE.match(self.text, self.at)
        self.at = match.end() if match else self.at

    def accept(self, char: str) -> bool:
        if self.text.startswith(char, self.at):
            self.at += 1
            return True
        return False

    def name(self) -> str:
        match = _NAME.match(self.text, self.at)
        if not match:
            raise self.fail("expected the name of an attribute")
        self.at = match.end()
        return match.group().upper()

    def equal(self) -> None:
        match = _EQUAL.match(self.text, self.at)
        if not match:
            raise self.fail("expected '='")
        self.at = match.end()

    def at_line_end(self) -> bool:
        return _LINE_END.match(self.text, self.at) is not None

    def value(self) -> str:
        """A quoted or a bare value; a bare one may begin with a quote when more than the quotes follows."""
        bare = _BARE.match(self.text, self.at)
        close = self._closing_quote() if self.text.startswith('"', self.at) else -1
        if close >= 0 and (bare is None or bare.end() <= close + 1):
            raw = self.text[self.at + 1 : close]
            if CDATA_END in raw:
                raise self.fail(f"a value cannot hold '{CDATA_END}'")
            self.at = close + 1
            return raw.replace('\\"', '"')
        if bare is None:
            raise self.fail("expected a value")
        self.at = bare.end()
        return bare.group().replace('\\"', '"')

    def _closing_quote(self) -> int:
        """The quote that ends the value: the first without a backslash, else the last of all; -1 without one."""
        start = self.at + 1
        found = -1
        position = self.text.find('"', start)
        while position >= 0:
            found = position
            if position == start or self.text[position - 1] != "\\":
                return position
            position = self.text.find('"', position + 1)
        return found

    def vector(self) -> dict[str, str]:
        """The inside of brackets; the first of two equal keys counts."""
        pairs: dict[str, str] = {}
        self.skip_space()
        if self.accept("]"):
            return pairs
        while True:
            plain = _PLAIN_PAIR.match(self.text, self.at)
            if plain:
                self.at = plain.end()
                pairs.setdefault(plain[1].upper(), plain[3] if plain[2] is None else plain[2])
                if plain[4] == "]":
                    return pairs
                continue
            self.skip_space()
            key = self.name()
            self.equal()
            pairs.setdefault(key, self.value())
            self.skip_space()
            if self.accept("]"):
                return pairs
            if not self.accept(","):
                raise self.fail("expected ',' or ']'")
            self.skip_space()


class _ConfigurationScanner(_Scanner):
    """Inside double quotes a backslash may stand before a quote or a backslash, as ``onecfg`` writes them.

    The grammar of templates has no way to say a value that ends with a backslash; a password may.
    """

    def value(self) -> str:
        match = _ESCAPED.match(self.text, self.at)
        if match is None:
            return super().value()
        self.at = match.end()
        return _ESCAPE.sub(r"\1", match.group(1))


def parse_text(text: str, *, configuration: bool = False) -> Iterator[Pair]:
    """The attributes of ``text``, names in upper case; ``configuration`` for the escapes of ``oned.conf``.

    Raises :class:`TextError`.
    """
    scanner = _ConfigurationScanner(text) if configuration else _Scanner(text)
    scanner.skip_space()
    while scanner.at < len(text):
        plain = _PLAIN_SINGLE.match(text, scanner.at)
        if plain:
            scanner.at = plain.end()
            yield plain[1].upper(), plain[3] if plain[2] is None else plain[2]
            continue
        scanner.skip_space()
        if scanner.at == len(text):
            return
        name = scanner.name()
        scanner.equal()
        if scanner.at_line_end():
            yield name, ""
        elif scanner.accept("["):
            yield name, scanner.vector()
        else:
            yield name, scanner.value()
        scanner.skip_space()


def _quoted(value: str) -> str:
    if value.endswith("\\") or CDATA_END in value:
        raise TextError("a value that ends with a backslash or holds ']]>' has no text form")
    escaped = value.replace('"', '\\"')
    return f'"{escaped}"'


def render_text(pairs: Iterable[Pair]) -> str:
    """The text form, one attribute a line. Raises :class:`TextError` for what the grammar cannot express."""
    lines = []
    for name, value in pairs:
        if isinstance(value, str):
            lines.append(f"{name} = {_quoted(value)}\n")
        else:
            inner = ", ".join(f"{key} = {_quoted(value[key])}" for key in sorted(value))
            lines.append(f"{name} = [ {inner} ]\n")
    return "".join(lines)
