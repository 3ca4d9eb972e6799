"""Scheduled actions in a template: whether they say a time that can come.

Source: OpenNebula 6.0, "Managing Virtual Machines Instances", "Scheduling Actions".
"""

from typing import NamedTuple

from oned.errors import InternalError
from oned.vm.numbers import integer
from onelib.template import Template

NEVER, TIMES, DATE = 0, 1, 2
"""END_TYPE: when the repetition ends."""


class Repeat(NamedTuple):
    """A value of REPEAT: the days (or hours) it allows, and the message for others."""

    first: int
    last: int
    message: str


REPEATS = (
    Repeat(0, 6, "Days in a week have to be in [0,6] range"),
    Repeat(1, 31, "Days in a month have to be in [1,31] range"),
    Repeat(0, 365, "Days in a year have to be in [0,365] range"),
    Repeat(1, 167, "Hours have to be in [0,168] range"),
)
"""By REPEAT: weekly, monthly, yearly, every so many hours."""
HOURLY = 3


def check(template: Template, *, clean: bool = False) -> None:
    """Check every SCHED_ACTION; with ``clean``, drop what says that it was carried out.

    Raises :class:`InternalError` with upstream's text.
    """
    for action in template.vectors("SCHED_ACTION"):
        repeat = _choice(action, "REPEAT", HOURLY)
        _check_end(action)
        if repeat is not None:
            _check_days(action, repeat)
        if clean:
            action.pop("DONE", None)
            action.pop("MESSAGE", None)


def _choice(action: dict[str, str], key: str, most: int) -> int | None:
    """The number of ``key`` from 0 to ``most``, None when it is left out."""
    text = action.get(key, "")
    if not text:
        return None
    value = integer(text)
    if value is None or not 0 <= value <= most:
        raise InternalError(f"Error parsing {key} attribute")
    return value


def _check_end(action: dict[str, str]) -> None:
    how = _choice(action, "END_TYPE", DATE)
    text = action.get("END_VALUE", "")
    if how is None:
        if text:
            raise InternalError("Error END_VALUE defined but not valid END_TYPE found")
        return
    if how == NEVER:
        return
    value = integer(text)
    if value is None:
        raise InternalError("Missing END_VALUE")
    if how == TIMES and value <= 0:
        raise InternalError("Error parsing END_VALUE, times has to be greater than 0")
    if how == DATE and not -(2**31) <= value < 2**31:
        raise InternalError("Error parsing END_VALUE, wrong format for date.")


def _check_days(action: dict[str, str], repeat: int) -> None:
    if "DAYS" not in action:
        return
    days = [integer(part) for part in action["DAYS"].split(",") if part.strip()]
    if not days or None in days:
        raise InternalError("Wrong format of DAYS attribute")
    allowed = REPEATS[repeat]
    outside = any(day is None or not allowed.first <= day <= allowed.last for day in days)
    if outside or (repeat == HOURLY and len(set(days)) != 1):
        raise InternalError(allowed.message)
