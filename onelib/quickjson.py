"""JSON with the interpreter's own scanner: the package ``json`` imports ``re``, which takes 9 ms of processor time.

That is as long as a bare interpreter takes in all, and the probe and each runner would pay it. Of a text in UTF-8 it
makes what ``json.loads`` makes, and refuses what that refuses.
"""

from __future__ import annotations

from _json import encode_basestring_ascii as quote
from _json import make_scanner

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["loads", "quote"]
_SPACE = " \t\n\r"


class _Python:
    """How ``json`` makes Python of JSON by default: what the scanner asks its maker for."""

    strict = True
    object_hook = object_pairs_hook = None
    parse_float = parse_constant = float
    parse_int = int
    memo: dict[str, str] = {}  # noqa: RUF012  the scanner's, and it keeps no state in it between calls


_scan: Any = make_scanner(_Python)  # type: ignore[arg-type]  # it takes whatever has these attributes


def loads(data: bytes) -> Any:  # noqa: ANN401  whatever the text says
    """The content of the JSON text ``data`` in UTF-8. Raises ``ValueError``, ``RecursionError``."""
    text = data.decode()
    try:
        content, end = _scan(text, len(text) - len(text.lstrip(_SPACE)))
    except (StopIteration, ValueError, SystemError):  # the last, as 3.11 finds no ``json.decoder`` for its error
        return _judge(text)
    return _judge(text) if text[end:].strip(_SPACE) else content


def _judge(text: str) -> Any:  # noqa: ANN401  as above
    """Let ``json`` say what is wrong with ``text``: then its time does not matter."""
    import json

    return json.loads(text)
