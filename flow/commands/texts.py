"""Documents as text for people."""

import datetime
import json
from collections.abc import Sequence
from typing import Any

from flow.types import JsonObject

STATES = (
    "PENDING",
    "DEPLOYING",
    "RUNNING",
    "UNDEPLOYING",
    "WARNING",
    "DONE",
    "FAILED_UNDEPLOYING",
    "FAILED_DEPLOYING",
    "SCALING",
    "FAILED_SCALING",
    "COOLDOWN",
    "DEPLOYING_NETS",
    "UNDEPLOYING_NETS",
    "FAILED_DEPLOYING_NETS",
    "FAILED_UNDEPLOYING_NETS",
    "HOLD",
)
DONE = 5
_WIDTH = 20
_WHO = ("OWNER", "GROUP", "OTHER")


def printable(value: object) -> str:
    """``value`` without what would steer a terminal: names are other people's."""
    return "".join(char if char.isprintable() else "?" for char in str(value))


def state_text(state: object) -> str:
    """The name of a state's number; ``-`` for none."""
    return STATES[state] if isinstance(state, int) and 0 <= state < len(STATES) else "-"


def time_text(stamp: object) -> str:
    """A time in the local time zone; ``-`` for none."""
    try:
        seconds = int(str(stamp))
        moment = datetime.datetime.fromtimestamp(seconds).astimezone()
    except (ValueError, OverflowError, OSError):
        return "-"
    return moment.strftime("%m/%d %H:%M:%S") if seconds else "-"


def formatted(form: str, data: object) -> str:
    """``data`` as JSON or YAML."""
    if form == "yaml":
        import yaml

        return str(yaml.safe_dump(data, allow_unicode=True, sort_keys=False)).rstrip("\n")
    return json.dumps(data, indent=2, ensure_ascii=False)


def aligned(rows: Sequence[Sequence[object]], left: Sequence[bool]) -> str:
    """``rows`` in columns as wide as what is in them."""
    shown = [[printable(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
    lines = []
    for row in shown:
        cells = zip(row, widths, left, strict=True)
        lines.append(" ".join(f"{cell:{'<' if flush else '>'}{width}}" for cell, width, flush in cells).rstrip())
    return "\n".join(lines)


def csv_text(rows: Sequence[Sequence[object]]) -> str:
    """``rows`` as CSV."""
    import csv
    import io

    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows(rows)
    return stream.getvalue().rstrip("\n")


def line(name: str, value: object) -> str:
    """One fact."""
    return f"{name:<{_WIDTH}}: {printable(value)}".rstrip()


def body_of(document: JsonObject) -> JsonObject:
    """What the document holds; {} for what is none."""
    template = document.get("TEMPLATE")
    body: Any = template.get("BODY") if isinstance(template, dict) else None
    return body if isinstance(body, dict) else {}


def roles_of(body: JsonObject) -> list[JsonObject]:
    """Its roles."""
    found = body.get("roles")
    return [role for role in found if isinstance(role, dict)] if isinstance(found, list) else []


def permissions(document: JsonObject) -> list[str]:
    """``OWNER : um-`` and so on, with their title."""
    bits = document.get("PERMISSIONS")
    found = bits if isinstance(bits, dict) else {}
    lines = [
        line(who, "".join(bit if found.get(f"{who}_{bit.upper()}") == "1" else "-" for bit in "uma"))
        for who in _WHO
    ]
    return ["PERMISSIONS", *lines]
