"""The line protocol: ``ACTION NUMBER PAYLOAD`` to a program, ``ACTION STATUS NUMBER PAYLOAD`` back."""

import re
from dataclasses import dataclass

SUCCESS = "SUCCESS"
LOG = "LOG"
INIT = "INIT"
FINALIZE = b"FINALIZE\n"
CANCEL = "DRIVER_CANCEL"

_ANSWER = re.compile(r"([A-Za-z_]+)[ \t]+(\S+)(?:[ \t]+(-?\d{1,18}|-)(?:[ \t]+(.*))?)?", re.DOTALL)


@dataclass(frozen=True)
class Answer:
    """One line of a program. ``number`` is the request's, -1 without one; ``status`` of a ``LOG`` is its level."""

    action: str
    status: str
    number: int
    payload: str


def parse(line: bytes) -> Answer | None:
    """What ``line`` says, None when it is not of the protocol (a program may print anything)."""
    match = _ANSWER.fullmatch(line.decode(errors="replace").strip())
    if match is None:
        return None
    action, status, number, payload = match.groups()
    text = (payload or "").strip()
    return Answer(
        action.upper(), status, int(number) if number not in {None, "-"} else -1, "" if text == "-" else text
    )


def request(action: str, number: int, payload: str, *, stamped: bool = False) -> bytes:
    """The line that asks for ``action``; ``stamped`` ones have a status, as the monitoring protocol wants it.

    Raises ``ValueError`` when a part of it would break the line.
    """
    if not action.replace("_", "").isalpha() or not action.isascii() or "\n" in payload or "\r" in payload:
        raise ValueError("a request is one line")
    return f"{action}{' -' if stamped else ''} {number} {payload}".rstrip(" ").encode() + b"\n"
