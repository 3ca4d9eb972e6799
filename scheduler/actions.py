"""Actions that users asked to be done at a time (``SCHED_ACTION`` of 6.0): when they are due, and when again."""

import calendar
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

WEEKLY, MONTHLY, YEARLY, HOURLY = range(4)
NEVER, TIMES, DATE = range(3)
_MACHINE = ("terminate", "undeploy", "reboot", "poweroff")
VERBS = frozenset(
    {"hold", "release", "stop", "suspend", "resume", *_MACHINE, *(f"{verb}-hard" for verb in _MACHINE)}
    | {f"{kind}-{verb}" for kind in ("snapshot", "disk-snapshot") for verb in ("create", "revert", "delete")}
)
"""What an action may be."""


def number(action: Mapping[str, str], key: str, default: int = -1) -> int:
    """An integer attribute of an action."""
    try:
        return int(action.get(key, default))
    except ValueError:
        return default


def due(action: Mapping[str, str], started: int, now: float | None = None) -> bool:
    """Whether it is time. ``TIME`` is epoch seconds, or with ``+`` seconds after the machine started."""
    when = moment(action, started)
    done = number(action, "DONE")
    return when >= 0 and when <= (time.time() if now is None else now) and done < when and not over(action, when)


def moment(action: Mapping[str, str], started: int) -> int:
    """The epoch second of an action, -1 when it has none."""
    text = action.get("TIME", "").strip()
    if text.startswith("+"):
        return started + int(text[1:]) if text[1:].isdigit() and started > 0 else -1
    return int(text) if text.isdigit() else -1


def over(action: Mapping[str, str], when: int) -> bool:
    """Whether a repeated action has come to its end before ``when``."""
    kind, value = number(action, "END_TYPE", NEVER), number(action, "END_VALUE")
    return (kind == TIMES and value <= 0 and "REPEAT" in action) or (kind == DATE and 0 <= value < when)


def done(action: Mapping[str, str], started: int, now: int) -> dict[str, str]:
    """The action after it was carried out: with ``DONE``, and for a repeated one the next ``TIME`` after now."""
    changed = {key: value for key, value in action.items() if key != "MESSAGE"}
    changed["DONE"] = str(now)
    when = moment(action, started)
    if "REPEAT" not in action or when < 0:
        return changed
    if number(action, "END_TYPE", NEVER) == TIMES:
        changed["END_VALUE"] = str(number(action, "END_VALUE", 0) - 1)
    following = when
    while following <= now:
        later = _next(action, following)
        if later <= following:
            return changed
        following = later
    changed["TIME"] = str(following)
    return changed


def _next(action: Mapping[str, str], when: int) -> int:
    """The moment after ``when`` at which a repeated action comes again; ``when`` itself when it never does."""
    days = sorted({int(day) for day in action.get("DAYS", "").split(",") if day.strip().isdigit()})
    start = datetime.fromtimestamp(when, UTC)
    match number(action, "REPEAT"):
        case 3:
            return when + 3600 * max(days[0] if days else 1, 1)
        case 0:
            wanted = [(start + timedelta(days=ahead)) for ahead in range(1, 8)]
            found = next((one for one in wanted if one.isoweekday() % 7 in days), wanted[-1])
        case 1:
            wanted = [(start + timedelta(days=ahead)) for ahead in range(1, 63)]
            found = next((one for one in wanted if one.day in (days or [start.day])), start)
        case 2:
            wanted = [(start + timedelta(days=ahead)) for ahead in range(1, 367)]
            found = next(
                (
                    one
                    for one in wanted
                    if one.timetuple().tm_yday - 1 in days or (not days and _yearly(start, one))
                ),
                start,
            )
        case _:
            return when
    return calendar.timegm(found.timetuple())


def _yearly(start: datetime, one: datetime) -> bool:
    return (start.month, start.day) == (one.month, one.day)
