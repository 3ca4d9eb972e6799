"""The service ``opennebula-showback``: once a day it has oned calculate what virtual machines cost.

It does so after each midnight, and when it starts on a day that has not been done, so that a front-end that was down
catches up. ``/var/lib/one/.one/showback`` has the last day that was done: the months before that are not calculated
again. The same day may be calculated any number of times. ``python -m bootstrap.showback now`` does it at once.
"""

import os
import sys
import time
from pathlib import Path

STAMP = ".one/showback"
SLICE = 60.0
"""How long it sleeps at a time: a clock that is set, or a machine that slept, is seen that soon."""
FIRST_PAUSE, LONGEST_PAUSE = 60.0, 3600.0
SECONDS = 600.0
"""How long a calculation may take."""
NOW = "now"

Day = tuple[int, int, int]


def today(now: float) -> Day:
    """Year, month and day of ``now`` in the time zone of this process."""
    local = time.localtime(now)
    return local.tm_year, local.tm_mon, local.tm_mday


def last_day(stamp: Path) -> Day | None:
    """The last day that was done; None when nobody knows."""
    try:
        year, month, day = map(int, stamp.read_text(encoding="ascii").split("-"))
        time.mktime((year, month, day, 0, 0, 0, 0, 0, -1))
    except (OSError, ValueError, OverflowError):
        return None
    return (year, month, day) if 1 <= month <= 12 and 1 <= day <= 31 and year >= 1970 else None


def next_run(last: Day | None, now: float) -> float:
    """When to calculate again, in epoch seconds: now unless this day was done."""
    if last is None or last != today(now):
        return now
    year, month, day = last
    return time.mktime((year, month, day + 1, 0, 0, 0, 0, 0, -1))


def calculate() -> int:
    """Have oned calculate from the month that was done last, and note the day. Returns an exit code."""
    from onelib.api import DEFAULT_ENDPOINT, Api  # slow to import, and only needed here
    from onelib.auth import read_auth
    from onelib.errors import OneError, report
    from onelib.locations import Locations

    at = Locations.from_environment()
    stamp, began = at.var / STAMP, time.time()
    last = last_day(stamp)
    year, month = (last[0], last[1]) if last is not None and last <= today(began) else (-1, -1)
    try:
        api = Api(
            os.environ.get("ONE_XMLRPC") or DEFAULT_ENDPOINT, read_auth(at.auth / "one_auth"), seconds=SECONDS
        )
        api.call("one.vmpool.calculateshowback", month, year, -1, -1)
    except OneError as error:
        return report(error)
    temporary = stamp.with_name(f"{stamp.name}.new")
    try:
        temporary.write_text("-".join(map(str, today(began))), encoding="ascii")
        temporary.replace(stamp)
    except OSError as error:
        _say(f"the day cannot be noted in {stamp}: {error.strerror}")
        return 1
    since = "the first record" if month == -1 else f"{year}-{month:02}"
    _say(f"calculated the costs since {since} in {time.time() - began:.1f} s")
    return 0


def _say(text: str) -> None:
    sys.stdout.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {text}\n")
    sys.stdout.flush()


def _calculate_apart() -> bool:
    """Calculate in a process of its own, whose memory is gone afterwards."""
    command = [sys.executable, "-I", "-m", "bootstrap.showback", NOW]
    pid = os.posix_spawn(command[0], command, os.environ)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def main() -> None:
    """Calculate every day, for ever; what fails is tried again, ever less often."""
    stamp = Path(os.environ.get("ONEEDGE_ROOT") or "/") / "var/lib/one" / STAMP
    pause = FIRST_PAUSE
    while True:
        now = time.time()
        due = next_run(last_day(stamp), now)
        if due > now:
            time.sleep(min(SLICE, due - now))
        elif _calculate_apart():
            pause = FIRST_PAUSE
        else:
            _say(f"the costs could not be calculated; trying again in {pause:.0f} s")
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)


if __name__ == "__main__":
    if sys.argv[1:] == [NOW]:
        sys.exit(calculate())
    main()
