"""The language of requirements (``SCHED_REQUIREMENTS``) and ranks (``SCHED_RANK``), as 6.0 has it.

Requirements: comparisons ``= != > < @>`` of an attribute with a number or a text (a shell pattern), joined by ``&``,
``|``, ``!`` and parentheses; ``&`` and ``|`` bind alike, from left to right. Nothing at all is true, a comparison with
an attribute that is missing is false. Ranks: arithmetic over numbers and attributes; a missing attribute is 0.
"""

import re
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import ClassVar

from onelib.errors import OneError

Attributes = Callable[[str], Sequence[str]]
"""The values of an attribute, none when it is missing."""
Test = Callable[[Attributes], bool]
Number = Callable[[Attributes], float]

MAX_LENGTH = 100_000
MAX_DEPTH = 100
_TOKEN = re.compile(
    r"""\s*(?:(?P<number>-?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?(?![\w.]))|(?P<text>"[^"]*")|(?P<name>[A-Za-z][\w./-]*)|"""
    r"""(?P<sign>@>|!=|[=<>&|!()+*/-]))""",
    re.ASCII,
)
_ARITHMETIC = re.compile(
    r"""\s*(?:(?P<number>\d+(?:\.\d*)?(?:[eE][+-]?\d+)?)|(?P<text>"[^"]*")|(?P<name>[A-Za-z]\w*)|(?P<sign>[-+*/()]))""",
    re.ASCII,
)


class ExpressionError(OneError):
    """An expression cannot be read; the message names the place."""

    exit_code: ClassVar[int] = 65


class _Tokens:
    """The words of an expression, one after the other."""

    def __init__(self, text: str, pattern: re.Pattern[str]) -> None:
        if len(text) > MAX_LENGTH:
            raise ExpressionError(f"The expression is longer than {MAX_LENGTH} characters.")
        self._found: list[tuple[str, str, int]] = []
        self._at = 0
        self.depth = 0
        offset, end = 0, len(text.rstrip())
        while offset < end:
            match = pattern.match(text, offset)
            if match is None:
                raise ExpressionError(f"Column {offset + 1}: not part of an expression.")
            kind = match.lastgroup or ""
            self._found.append((kind, match[kind], match.start(kind) + 1))
            offset = match.end()
        self._end = end + 1

    @property
    def left(self) -> bool:
        return self._at < len(self._found)

    def peek(self) -> str:
        """The next word if it is a sign, else nothing."""
        if not self.left or self._found[self._at][0] != "sign":
            return ""
        return self._found[self._at][1]

    def take(self) -> tuple[str, str]:
        """The next word and its kind."""
        if not self.left:
            raise self.error("it ends too early")
        kind, word, _ = self._found[self._at]
        self._at += 1
        return kind, word

    def expect(self, sign: str) -> None:
        if self.peek() != sign:
            raise self.error(f"{sign} is missing")
        self._at += 1

    def error(self, what: str) -> ExpressionError:
        column = self._found[self._at][2] if self.left else self._end
        return ExpressionError(f"Column {column}: {what}.")

    def deeper(self) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.error(f"more than {MAX_DEPTH} nested levels")


@lru_cache(maxsize=4096)
def requirement(text: str) -> Test:
    """The test that ``text`` describes. Raises :class:`ExpressionError`."""
    tokens = _Tokens(text, _TOKEN)
    if not tokens.left:
        return lambda _: True
    test = _joined(tokens)
    if tokens.left:
        raise tokens.error("& or | is missing")
    return test


def _joined(tokens: _Tokens) -> Test:
    tokens.deeper()
    tests = [("&", _operand(tokens))]
    while tokens.peek() in {"&", "|"}:
        _, sign = tokens.take()
        tests.append((sign, _operand(tokens)))
    tokens.depth -= 1

    def evaluate(attributes: Attributes) -> bool:
        result = True
        for sign, test in tests:
            result = (result and test(attributes)) if sign == "&" else (result or test(attributes))
        return result

    return evaluate


def _operand(tokens: _Tokens) -> Test:
    sign = tokens.peek()
    if sign == "!":
        tokens.take()
        tokens.deeper()
        inner = _operand(tokens)
        tokens.depth -= 1
        return lambda attributes: not inner(attributes)
    if sign == "(":
        tokens.take()
        inside = _joined(tokens)
        tokens.expect(")")
        return inside
    return _comparison(tokens)


def _comparison(tokens: _Tokens) -> Test:
    kind, word = tokens.take()
    if kind not in {"name", "text"}:
        raise tokens.error("the name of an attribute is missing before it")
    name = word.strip('"')
    if tokens.peek() not in {"=", "!=", ">", "<", "@>"}:
        raise tokens.error("a comparison is missing")
    _, sign = tokens.take()
    kind, value = tokens.take()
    if kind == "sign":
        raise tokens.error("a value is missing before it")
    if kind == "number":
        return _compare_number(name, sign, float(value))
    return _compare_text(name, sign, value.strip('"'))


def _numbers(values: Sequence[str]) -> list[float]:
    found = []
    for value in values:
        try:
            found.append(float(value))
        except ValueError:
            continue
    return found


def _compare_number(name: str, sign: str, number: float) -> Test:
    tests: dict[str, Callable[[list[float]], bool]] = {
        "=": lambda values: bool(values) and values[0] == number,
        "!=": lambda values: bool(values) and values[0] != number,
        ">": lambda values: bool(values) and values[0] > number,
        "<": lambda values: bool(values) and values[0] < number,
        "@>": lambda values: number in values,
    }
    test = tests[sign]
    return lambda attributes: test(_numbers(attributes(name)))


def _compare_text(name: str, sign: str, text: str) -> Test:
    if sign in {"<", ">"}:
        raise ExpressionError(f"{name} {sign} a text: only numbers have an order.")
    if sign == "@>":
        return lambda attributes: any(fnmatchcase(value, text) for value in attributes(name))
    wanted = sign == "="

    def evaluate(attributes: Attributes) -> bool:
        values = attributes(name)
        return bool(values) and fnmatchcase(values[0], text) is wanted

    return evaluate


@lru_cache(maxsize=4096)
def rank(text: str) -> Number:
    """The number that ``text`` describes; nothing is 0. Raises :class:`ExpressionError`."""
    tokens = _Tokens(text, _ARITHMETIC)
    if not tokens.left:
        return lambda _: 0.0
    number = _sum(tokens)
    if tokens.left:
        raise tokens.error("an operator is missing")
    return number


def _sum(tokens: _Tokens) -> Number:
    tokens.deeper()
    parts = [("+", _product(tokens))]
    while tokens.peek() in {"+", "-"}:
        _, sign = tokens.take()
        parts.append((sign, _product(tokens)))
    tokens.depth -= 1
    return lambda attributes: sum(part(attributes) if sign == "+" else -part(attributes) for sign, part in parts)


def _product(tokens: _Tokens) -> Number:
    parts = [("*", _factor(tokens))]
    while tokens.peek() in {"*", "/"}:
        _, sign = tokens.take()
        parts.append((sign, _factor(tokens)))

    def evaluate(attributes: Attributes) -> float:
        result = 1.0
        for sign, part in parts:
            value = part(attributes)
            result = result * value if sign == "*" else result / value if value else 0.0
        return result

    return evaluate


def _factor(tokens: _Tokens) -> Number:
    kind, word = tokens.take()
    if word == "-":
        tokens.deeper()
        inner = _factor(tokens)
        tokens.depth -= 1
        return lambda attributes: -inner(attributes)
    if word == "(":
        inside = _sum(tokens)
        tokens.expect(")")
        return inside
    if kind == "number":
        number = float(word)
        return lambda _: number
    if kind == "sign":
        raise tokens.error("a number is missing before it")
    name = word.strip('"')
    return lambda attributes: next(iter(_numbers(attributes(name))), 0.0)
