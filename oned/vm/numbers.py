"""Numbers as a C++ stream reads them whole: blanks before, nothing after. What is not one is ``None``."""

import re

_INTEGER = re.compile(r"\s*([+-]?[0-9]+)\Z")
_FLOAT = re.compile(r"\s*([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)\Z")
_MOST = 2**63


def integer(text: str | None) -> int | None:
    """The integer of 64 bits that ``text`` is."""
    match = _INTEGER.match(text or "")
    if match is None or len(match.group(1)) > 20:
        return None
    value = int(match.group(1))
    return value if -_MOST <= value < _MOST else None


def decimal(text: str | None) -> float | None:
    """The number that ``text`` is; not one beyond the range of a C++ float."""
    match = _FLOAT.match(text or "")
    if match is None or len(match.group(1)) > 64:
        return None
    value = float(match.group(1))
    return value if abs(value) < 3.4e38 else None
