"""Which drivers ``oned.conf`` and ``monitord.conf`` name, and which of them serves a name."""

import shlex
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path

from oned.drivers.codec import FAMILIES
from onelib.driver import PYTHON, DriverSettings
from onelib.locations import Locations
from onelib.template import Template, TemplateError

BUNDLED = "edge.programs"
MONITORD_FAMILY = "im"


def _words(text: str) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(text))
    except ValueError:  # a lone quote
        return tuple(text.split())


def _settings(kind: str, section: Mapping[str, str], locations: Locations) -> DriverSettings:
    executable = section.get("EXECUTABLE", "")
    if executable and not executable.startswith((PYTHON, "/")):
        executable = _resolve(executable, locations)
    return DriverSettings(
        kind=kind,
        name=section.get("NAME", ""),
        executable=executable,
        arguments=_words(section.get("ARGUMENTS", "")),
        attributes=dict(section),
        folder=locations.var,
    )


def _resolve(name: str, locations: Locations) -> str:
    """A program of the name in upstream's folder, else the driver of the name that comes with this distribution."""
    program = locations.root / "usr/lib/one/mads" / name
    if not program.exists() and name.isidentifier() and _is_module(f"{BUNDLED}.{name}"):
        return f"{PYTHON}{BUNDLED}.{name}:Driver"
    return str(program)


def _is_module(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:  # its package
        return False


def _monitord(locations: Locations) -> Template:
    """The configuration of the monitoring daemon; empty where it cannot be read, as that daemon says so itself."""
    path: Path = locations.etc / "monitord.conf"
    try:
        return Template.from_text(path.read_text(encoding="utf-8"), configuration=True)
    except (OSError, UnicodeDecodeError, TemplateError):
        return Template()


def _sections(raw: Template, locations: Locations) -> Iterator[DriverSettings]:
    for kind, family in FAMILIES.items():
        sources = [_monitord(locations), raw] if kind == MONITORD_FAMILY else [raw]
        for source in sources:
            for section in source.vectors(family.section):
                yield _settings(kind, section, locations)


class Configuration:
    """All drivers. A section without NAME serves every name of its kind that no other section has."""

    def __init__(self, raw: Template, locations: Locations) -> None:
        self._named: dict[tuple[str, str], DriverSettings] = {}
        self._general: dict[str, list[DriverSettings]] = {}
        for settings in _sections(raw, locations):
            if settings.name:
                self._named.setdefault((settings.kind, settings.name), settings)
            else:
                self._general.setdefault(settings.kind, []).append(settings)

    def find(self, label: str) -> DriverSettings | None:
        """Who serves ``label`` (``tm:ssh``); None when nobody does."""
        kind, _, name = label.partition(":")
        named = self._named.get((kind, name))
        if named is not None:
            return named
        for settings in self._general.get(kind, ()):
            if settings.types is None or name in settings.types:
                return settings
        return None

    def __iter__(self) -> Iterator[DriverSettings]:
        yield from self._named.values()
        for settings in self._general.values():
            yield from settings
