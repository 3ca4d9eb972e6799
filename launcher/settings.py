"""What the user asked for, read once from the environment. Make passes its own variables on through it."""

import os
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from launcher.errors import SettingError
from launcher.ports import PORTS, Port, Published

ROOT = Path(__file__).resolve().parent.parent
# What is made: in the clone, or in the user's own folder where the distribution was installed without one.
_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
BUILD = ROOT / "build" if (ROOT / "pyproject.toml").exists() else _CACHE / "oneedge"
ENGINES = ("docker", "podman")
TARGETS = ("frontend", "slim")
TRUE = ("yes", "true", "1")
FALSE = ("no", "false", "0")


@dataclass(frozen=True)
class Settings:
    """The launcher's own variables; the image's parameters are in :mod:`launcher.parameters`."""

    engine: str = ""
    target: str = "frontend"
    image: str = ""
    base_image: str = ""
    container: str = "oneedge"
    volume_prefix: str = "opennebula_"
    restart: str = "unless-stopped"
    wait_seconds: int = 300
    dind: bool = False
    clean_volumes: bool = False
    refresh: bool = False
    run_args: tuple[str, ...] = ()
    published: tuple[Published, ...] = ()


class _Reader:
    """Reads variables and keeps every complaint, so that the user meets all of them at once."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self.env = env
        self.problems: list[str] = []

    def text(self, name: str, default: str) -> str:
        return self.env.get(name, "").strip() or default

    def choice(self, name: str, allowed: tuple[str, ...], default: str) -> str:
        value = self.text(name, default)
        if value and value not in allowed:
            self.problems.append(f"{name}={value!r} is not one of {', '.join(allowed)}")
        return value

    def flag(self, name: str) -> bool:
        value = self.text(name, "no").lower()
        if value not in TRUE + FALSE:
            self.problems.append(f"{name}={value!r} is neither yes nor no")
        return value in TRUE

    def number(self, name: str, default: int, low: int, high: int) -> int:
        value = self.text(name, str(default))
        if not value.isascii() or not value.isdigit() or not low <= int(value) <= high:
            self.problems.append(f"{name}={value!r} is not a number between {low} and {high}")
            return default
        return int(value)

    def name(self, variable: str, default: str) -> str:
        """A name as both engines accept it."""
        value = self.text(variable, default)
        if not re.fullmatch(r"[a-zA-Z0-9][\w.-]*", value, re.ASCII):
            self.problems.append(f"{variable}={value!r} may hold letters, digits, '_', '.' and '-' only")
        return value

    def restart(self) -> str:
        value = self.text("DEPLOY_RESTART_POLICY", "unless-stopped")
        if not re.fullmatch(r"no|always|unless-stopped|on-failure(:[0-9]+)?", value, re.ASCII):
            self.problems.append(
                f"DEPLOY_RESTART_POLICY={value!r} is none of no, always, unless-stopped, on-failure, on-failure:N"
            )
        return value

    def words(self, name: str) -> tuple[str, ...]:
        try:
            return tuple(shlex.split(self.env.get(name, "")))
        except ValueError as error:
            self.problems.append(f"{name} cannot be split into words: {error}")
            return ()


def read(env: Mapping[str, str]) -> Settings:
    """The settings in ``env``; raises :class:`SettingError` naming every bad one."""
    reader = _Reader(env)
    settings = Settings(
        engine=reader.choice("ENGINE", ENGINES, ""),
        target=reader.choice("TARGET", TARGETS, "frontend"),
        image=reader.text("IMAGE", ""),
        base_image=reader.text("BASE_IMAGE", ""),
        container=reader.name("ONEEDGE_CONTAINER", "oneedge"),
        volume_prefix=reader.name("VOLUME_PREFIX", "opennebula_"),
        restart=reader.restart(),
        wait_seconds=reader.number("WAIT_SECONDS", 300, 1, 86400),
        dind=reader.flag("DIND_ENABLED"),
        clean_volumes=reader.flag("CLEAN_VOLUMES"),
        refresh=reader.flag("REFRESH"),
        run_args=reader.words("RUN_ARGS"),
        published=_published(reader),
    )
    if reader.problems:
        raise SettingError(
            "These settings cannot be used:\n" + "\n".join(f"    {line}" for line in reader.problems),
            todo="'make help' lists the variables and their values.",
        )
    return settings


def _published(reader: _Reader) -> tuple[Published, ...]:
    everywhere = reader.text("DEPLOY_BIND_ADDR", "0.0.0.0")
    result = []
    for port in PORTS:
        outer = _outer(reader, port)
        address = reader.text(port.bind, everywhere)
        result.append(Published(port, outer, outer if port.same else port.inner, address))
    twice = {a.outer for a in result for b in result if a.port is not b.port and a.key == b.key}
    reader.problems.extend(
        f"port {number} is given to {' and '.join(item.port.variable for item in result if item.outer == number)}"
        for number in sorted(twice)
    )
    return tuple(result)


def _outer(reader: _Reader, port: Port) -> int:
    """The outer number. Where inner and outer are the same, the image's parameter may name it as well."""
    inside = reader.env.get(port.parameter, "").strip() if port.same else ""
    outside = reader.env.get(port.variable, "").strip()
    if inside and outside and inside != outside:
        problem = f"{port.variable}={outside} and {port.parameter}={inside} must be the same"
        if problem not in reader.problems:
            reader.problems.append(problem)
    name = port.parameter if inside and not outside else port.variable
    return reader.number(name, port.inner, 1, 65535)
