"""Parameters of actions: what a JSON object says, as the type that is needed."""

import re

from flow.rest.call import carried
from flow.rest.documents import MAX_ID
from flow.rest.refusal import bad, refused
from flow.types import JsonObject

_OCTAL = re.compile(r"[0-7]{3}")
_DIGITS = re.compile(r"-?[0-9]{1,10}")


def number(params: JsonObject, name: str, default: int | None = None, *, least: int = 0) -> int:
    """A whole number, also one in a text. Raises a refusal with 400, also without it and a default."""
    value = params.get(name)
    if value is None and default is not None:
        return default
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= MAX_ID:
        raise bad(f"{name} has to be a whole number from {least} to {MAX_ID}.")
    return value


def text(params: JsonObject, name: str) -> str:
    """A text that is not empty. Raises a refusal with 400."""
    value = params.get(name)
    if not isinstance(value, str) or not value.strip() or not carried(value):
        raise bad(f"{name} has to be a text, and not empty.")
    return value


def flag(params: JsonObject, name: str) -> bool:
    """True or false, false without it. Raises a refusal with 400."""
    value = params.get(name)
    if value is not None and not isinstance(value, bool):
        raise bad(f"{name} has to be true or false.")
    return bool(value)


def needs(perform: str, params: JsonObject, name: str, what: str) -> None:
    """Refuse an action without what it cannot do without, in upstream's words and with its status."""
    if params.get(name) is None or params[name] == "":
        raise refused(f"Action {perform}: You have to specify {what}")


def octet(params: JsonObject) -> str:
    """Permissions: three octal digits for owner, group and others. Raises a refusal with 400."""
    value = params.get("octet")
    found = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(found, str) or not _OCTAL.fullmatch(found):
        raise bad("octet has to be three octal digits, as 640.")
    return found


def bits(octal: str) -> list[int]:
    """The nine of the API: use, manage and admin of owner, group and others."""
    return [int(digit) >> shift & 1 for digit in octal for shift in (2, 1, 0)]
