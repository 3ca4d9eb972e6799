"""The new image's own commands on the database: putting the old one back, and letting go of it."""

import calendar
import json
import re
import time
from typing import Any

from launcher import process
from launcher.engine import Engine
from launcher.errors import LauncherError, RefusedError, StuckError
from launcher.progress import Step
from launcher.upgrade import making
from launcher.upgrade.copying import Inspect
from launcher.upgrade.standing import Names

COMMAND = ("oneedge", "put-back")
SECONDS = 3600
"""For a restore of a large backup. An exchange takes less than one."""
_TEXTS = {
    "nothing": "The database had not been changed.",
    "exchanged": "The tables from before the upgrade are back.",
    "restored": "The backup from before the upgrade is restored.",
}


def check(engine: Engine, image: str) -> None:
    """Raise :class:`RefusedError` for an image that cannot put a database back: it is none, or not of this kind."""
    words = ("run", "--rm", "--network=none", "--no-healthcheck", f"--entrypoint={COMMAND[0]}")
    ended = engine.run(*words, image, *COMMAND[1:], "--help")
    if ended.returncode:
        raise RefusedError(
            f"The image {image} cannot put a database back, so there were no way back:\n"
            f"{process.tail(ended.stderr, 3)}",
            todo="Take an image of oneedge that has 'oneedge put-back'. Nothing was changed.",
        )


def created(found: Inspect) -> int:
    """When the container was made, in seconds since 1970 by the engine's clock."""
    text = re.sub(r"(\.\d+)?(Z|[+-]\d\d:\d\d)$", r"\2", str(found["Created"]))
    moment, zone = text[:19], text[19:]
    hours, minutes = (int(zone[1:3]), int(zone[4:6])) if zone[:1] in ("+", "-") else (0, 0)
    offset = (hours * 3600 + minutes * 60) * (-1 if zone.startswith("-") else 1)
    return calendar.timegm(time.strptime(moment, "%Y-%m-%dT%H:%M:%S")) - offset


def put_back(engine: Engine, names: Names, old: Inspect, new: Inspect, step: Step) -> str:
    """Make the database that of before the upgrade, with the new image; what was done, as a sentence.

    May be repeated. Nothing else may run on the volumes. Raises :class:`StuckError` with the image's own words.
    """
    leftover = engine.inspect("container", names.undo)
    if leftover:
        step.note("ending an earlier attempt")
        making.stop(engine, leftover)
        making.remove(engine, leftover, volumes=True)
    image = making.own_image(engine, new)
    if image is None:
        raise StuckError("The new image is gone, and with it the program that puts the database back.", todo=_TODO)
    command = (*COMMAND, "--since", str(created(new)), "--json")
    like = making.copy(engine, new, image)
    try:
        making.create(engine, names.undo, str(new["Image"]), making.helper(like, command), old)
        ended = engine.run("start", "--attach", names.undo, timeout=SECONDS)
    except LauncherError as error:
        raise StuckError(f"The database could not be put back: {error.message}", todo=_TODO) from error
    if ended.returncode:
        said = process.tail(f"{ended.stdout}\n{ended.stderr}")
        words = " ".join(COMMAND)
        raise StuckError(
            f"The database could not be put back: '{words}' ended with exit code {ended.returncode}:\n{said}",
            todo=_TODO,
        )
    making.remove(engine, making.must_inspect(engine, names.undo), volumes=True)
    return _sentence(ended.stdout)


_TODO = (
    "Mend what it names, then run 'oneedge upgrade --resume': it tries again. docs/upgrade.md has the way by hand."
)


def _sentence(output: str) -> str:
    """What the command did, from its last line."""
    report: dict[str, Any] = {}
    for line in output.splitlines():
        try:
            found = json.loads(line)
        except ValueError:
            continue
        report = found if isinstance(found, dict) and "result" in found else report
    text = _TEXTS.get(str(report.get("result")), "The database is the one from before the upgrade.")
    return f"{text[:-1]} ({report['backup']})." if report.get("backup") else text


def confirm(engine: Engine, name: str) -> str:
    """Remove the tables from before the upgrade; why that was not possible, empty where it was."""
    ended = engine.run("exec", name, "onedb", "upgrade", "--confirm", timeout=SECONDS)
    return "" if ended.returncode == 0 else (ended.stderr or ended.stdout).strip()[-300:]
