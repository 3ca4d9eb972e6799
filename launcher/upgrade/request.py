"""What the operator asks for, and what comes of it."""

import argparse
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import NoReturn

from launcher.errors import SettingError
from launcher.settings import ENGINES, FALSE

DEADLINE = 900
"""Seconds for the new version to become healthy, the upgrade of the database included."""


@dataclass(frozen=True)
class Request:
    """An upgrade as asked for. An empty ``image`` is the one whose name the container was made with."""

    name: str = "oneedge"
    image: str = ""
    engine: str = ""
    deadline: int = DEADLINE
    pull: bool = False
    build: bool = True
    dry_run: bool = False
    resume: bool = False
    json: bool = False


@dataclass(frozen=True)
class Outcome:
    """How an upgrade ended well: ``upgraded``, ``current`` (nothing to do), ``dry-run``, ``nothing`` (to resume)."""

    result: str
    container: str
    text: str
    image: str = ""
    before: str = ""
    seconds: float = 0.0

    def document(self) -> dict[str, object]:
        """The same for machines."""
        return asdict(self) | {"code": 0}


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise SettingError(f"oneedge upgrade: {message}.", todo="'oneedge upgrade --help' lists the options.")


def parser(env: Mapping[str, str]) -> argparse.ArgumentParser:
    """The command line; the launcher's variables are its defaults."""
    made = _Parser(
        prog="oneedge upgrade",
        description="Lets a running front-end go on with a new image on the same volumes and settings. When the new "
        "version does not become healthy, the old one and its database are put back.",
        epilog="Exit codes: 0 upgraded, or nothing to do; 80 the old version is back; 81 refused, nothing was changed; "
        "82 the old version could not be put back. The others are in docs/exit-codes.md.",
    )
    add = made.add_argument
    add(
        "--image",
        metavar="IMAGE",
        default=env.get("IMAGE", ""),
        help="default: the name the container was made with",
    )
    add("--name", metavar="NAME", default=env.get("ONEEDGE_CONTAINER") or "oneedge", help="default: %(default)s")
    add(
        "--engine",
        choices=ENGINES,
        default=env.get("ENGINE") or None,
        help="default: what is installed, else Docker",
    )
    add(
        "--deadline",
        metavar="SECONDS",
        default=env.get("DEADLINE") or str(DEADLINE),
        help="for the new version to become healthy, the database's upgrade included (default: %(default)s)",
    )
    add(
        "--pull",
        action="store_true",
        default=_yes(env, "PULL"),
        help="pull the image even where it is here already",
    )
    build = argparse.BooleanOptionalAction
    add("--build", action=build, default=True, help="build this clone's image first, unless --image is given")
    add(
        "--dry-run",
        action="store_true",
        default=_yes(env, "DRY_RUN"),
        help="check everything; stop and start nothing",
    )
    add("--resume", action="store_true", help="only finish, or take back, an upgrade that was cut off")
    add("--json", action="store_true", help="print a JSON object a line: steps, then the result")
    return made


def _yes(env: Mapping[str, str], name: str) -> bool:
    return env.get(name, "").strip().lower() not in ("", *FALSE)


def parse(arguments: Sequence[str], env: Mapping[str, str]) -> Request:
    """The request that those words make. Raises :class:`SettingError`."""
    found = parser(env).parse_args(arguments)
    if not re.fullmatch(r"[a-zA-Z0-9][\w.-]*", found.name, re.ASCII):
        raise SettingError(f"{found.name!r} cannot be a container's name.", todo="Give one that the engine lists.")
    if not re.fullmatch(r"[0-9]{1,6}", found.deadline, re.ASCII) or not int(found.deadline):
        raise SettingError(
            f"A deadline of {found.deadline!r} cannot be meant.", todo="Give whole seconds, such as 900."
        )
    return Request(**vars(found) | {"deadline": int(found.deadline), "engine": found.engine or ""})
