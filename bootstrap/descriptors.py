"""Service descriptors: ``supervisor/services/<name>.yaml`` read, checked, and rendered for this boot.

A descriptor says once what a service is; the runner, Supervisor's configuration, the probe and the documentation
are made from it. Texts may hold Jinja expressions over ``settings``, ``at`` (locations), ``native``, ``role``,
``own_database``, ``python`` and ``ssh_key``; a word of ``command`` that comes out empty is left out.
"""

import functools
import sys
from typing import Any

import yaml
from jinja2 import Environment, StrictUndefined
from pydantic import BaseModel, ConfigDict, ValidationError

from bootstrap.context import Context
from bootstrap.errors import RoleUnavailableError
from bootstrap.pairs import private_key
from onelib.locations import shared_data

MAIN_SERVICE = {
    "oned": "opennebula",
    "sshd": "sshd",
    "mysqld": "mysqld",
    "docker": "docker",
    "memcached": "memcached",
    "sunstone": "opennebula-httpd",
    "guacd": "opennebula-guacd",
    "fireedge": "opennebula-fireedge",
    "scheduler": "opennebula-scheduler",
    "oneflow": "opennebula-flow",
    "onegate": "opennebula-gate",
    "oneprovision": "oneprovision-sshd",
}
"""The service without which a role is not there (SR1.1 Table 1.3, SR1.3 Table 1.6)."""

KINDS = ("tcp", "listen", "unix", "banner", "file", "http", "xmlrpc", "service")


class Check(BaseModel):
    """Something that must answer: exactly one of the kinds, with a label for people."""

    model_config = ConfigDict(extra="forbid")

    tcp: str | None = None
    listen: str | None = None
    unix: str | None = None
    banner: str | None = None
    file: str | None = None
    http: str | None = None
    xmlrpc: str | None = None
    service: str | None = None
    label: str = ""
    when: str = "true"

    @property
    def kind(self) -> str:
        """Which of the kinds is given. Raises ValueError unless it is exactly one."""
        given = [kind for kind in KINDS if getattr(self, kind) is not None]
        if len(given) != 1:
            raise ValueError(f"a check needs exactly one of {', '.join(KINDS)}")
        return given[0]


class Descriptor(BaseModel):
    """One service. Times in seconds, ``memory`` in MiB (what an idle one needs)."""

    model_config = ConfigDict(extra="forbid")

    description: str
    roles: list[str] = []
    native: bool = False
    when: str = "true"
    oneshot: bool = False
    essential: bool = True
    user: str = "root"
    directory: str = "/"
    umask: str = "0022"
    command: list[str]
    environment: dict[str, str] = {}
    needs: list[Check] = []
    ready: list[Check] = []
    prepare: list[str] = []
    priority: int
    memory: int = 4
    wait: int = 120
    start: int = 60
    stop: int = 10
    stop_signal: str = "TERM"


@functools.cache
def load() -> dict[str, Descriptor]:
    """Every descriptor of this installation by service name, in order of priority."""
    found = {}
    for path in shared_data("supervisor").glob("services/*.yaml"):
        try:
            found[path.stem] = Descriptor.model_validate(yaml.load(path.read_bytes(), yaml.CSafeLoader))
        except (ValidationError, yaml.YAMLError) as error:
            raise ValueError(f"{path.name}: {error}") from error
    return dict(sorted(found.items(), key=lambda item: (item[1].priority, item[0])))


class Renderer:
    """Jinja over one context; what a descriptor names and the context lacks is an error, never an empty text."""

    def __init__(self, context: Context) -> None:
        self._environment = Environment(undefined=StrictUndefined, autoescape=False)  # noqa: S701 - no HTML is made
        self._variables = {
            "settings": context.settings,
            "at": context.at,
            "native": context.native,
            "role": context.settings.role,
            "own_database": context.own_database,
            "python": sys.executable,
            "ssh_key": private_key(context.at.ssh),
        }

    def text(self, template: str) -> str:
        """``template`` with its expressions filled in."""
        if "{" not in template:
            return template
        return self._environment.from_string(template).render(self._variables)

    def holds(self, expression: str) -> bool:
        """Whether a ``when`` expression is true."""
        return expression == "true" or bool(self._environment.compile_expression(expression)(**self._variables))


def _wanted(context: Context, descriptor: Descriptor, renderer: Renderer) -> bool:
    if context.native:
        return descriptor.native and renderer.holds(descriptor.when)
    return context.settings.role in descriptor.roles and renderer.holds(descriptor.when)


def enabled(context: Context) -> dict[str, Descriptor]:
    """The services of this boot by name. Raises RoleUnavailableError for a role that this image cannot serve."""
    role, everything = context.settings.role, load()
    main = MAIN_SERVICE.get(role)
    if main is not None and main not in everything:
        there = ", ".join(sorted(name for name, service in MAIN_SERVICE.items() if service in everything))
        raise RoleUnavailableError(
            f"The service {role} is not in this image: its program ({main}) does not exist here.",
            todo=f"Set OPENNEBULA_FRONTEND_SERVICE to one of all, none, {there}.",
        )
    renderer = Renderer(context)
    return {name: found for name, found in everything.items() if _wanted(context, found, renderer)}


def _checks(checks: list[Check], renderer: Renderer, present: set[str]) -> list[dict[str, str]]:
    rows = []
    for check in checks:
        address = renderer.text(str(getattr(check, check.kind)))
        if not renderer.holds(check.when) or (check.kind == "service" and address not in present):
            continue
        rows.append({"kind": check.kind, "address": address, "label": renderer.text(check.label) or address})
    return rows


def render(context: Context, services: dict[str, Descriptor]) -> dict[str, dict[str, Any]]:
    """What the runner, Supervisor and the probe read of each service (no secrets)."""
    renderer, present = Renderer(context), set(services)
    rows: dict[str, dict[str, Any]] = {}
    for name, found in services.items():
        rows[name] = {
            "kind": "oneshot" if found.oneshot else "service",
            "command": [word for word in map(renderer.text, found.command) if word],
            "user": None if context.native else found.user,
            "directory": renderer.text(found.directory),
            "environment": {key: renderer.text(text) for key, text in found.environment.items()},
            "umask": found.umask,
            "essential": found.essential,
            "autostart": not context.settings.maintenance or name == "infinite-loop",
            "priority": found.priority,
            "stop_seconds": found.stop,
            "stop_signal": found.stop_signal,
            "wait_seconds": found.wait,
            "start_seconds": found.start,
            "needs": _checks(found.needs, renderer, present),
            "ready": _checks(found.ready, renderer, present),
            "prepare": found.prepare,
        }
    return rows
