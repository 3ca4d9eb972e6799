"""Where an upgrade stands: read from the names, labels and states of its containers, which are its only journal.

=============  ==================  ================================================================================
phase          containers          what it means
=============  ==================  ================================================================================
``none``       NAME                no upgrade, or one that has ended
``missing``    –                   there is nothing to upgrade
``prepared``   NAME-next           the new container was made and has never run: the database is the old one
``started``    NAME, NAME-before   the new container runs, or ran, under the name
``failed``     NAME-failed         it was given up: the old database is being put back
``returned``   NAME, NAME-failed   the old database is back, and the old container has its name again
``orphaned``   NAME-before         somebody removed the new container by hand
``foreign``    any                 a container that no upgrade made has a name that one needs
=============  ==================  ================================================================================
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from launcher.engine import Engine
from launcher.upgrade.copying import LABEL, Inspect, section

NONE, MISSING, PREPARED, STARTED = "none", "missing", "prepared", "started"
FAILED, RETURNED, ORPHANED, FOREIGN = "failed", "returned", "orphaned", "foreign"
UNFINISHED = (PREPARED, STARTED, FAILED, RETURNED, ORPHANED)


@dataclass(frozen=True)
class Names:
    """The names of an upgrade's containers."""

    name: str

    @property
    def next(self) -> str:
        """The new container before it takes over."""
        return f"{self.name}-next-upgrade"

    @property
    def before(self) -> str:
        """The old container while the new one has its name."""
        return f"{self.name}-before-upgrade"

    @property
    def failed(self) -> str:
        """The new container once it is given up."""
        return f"{self.name}-failed-upgrade"

    @property
    def undo(self) -> str:
        """The one that puts the old database back."""
        return f"{self.name}-undo-upgrade"

    @property
    def all(self) -> tuple[str, ...]:
        """Every one of them."""
        return self.name, self.next, self.before, self.failed, self.undo


@dataclass(frozen=True)
class Standing:
    """The phase, with the old and the new container where there are any, and the name of a stranger."""

    phase: str
    old: Inspect | None = None
    new: Inspect | None = None
    stranger: str = ""


def look(engine: Engine, names: Names) -> Standing:
    """Ask the engine."""
    found = {name: engine.inspect("container", name) for name in names.all}
    return classify({name: item for name, item in found.items() if item is not None}, names)


def classify(found: Mapping[str, dict[str, Any]], names: Names) -> Standing:
    """The standing that those containers, by name, amount to."""
    name, before = found.get(names.name), found.get(names.before)
    fresh, failed = found.get(names.next), found.get(names.failed)
    old = before or name
    for role, item in ((names.next, fresh), (names.failed, failed)):
        if item is not None and (old is None or origin(item) != old.get("Id")):
            return Standing(FOREIGN, stranger=role)
    if before and name and origin(name) != before.get("Id"):
        return Standing(FOREIGN, stranger=names.before)
    if names.undo in found and not origin(found[names.undo]):
        return Standing(FOREIGN, stranger=names.undo)
    if failed:
        return Standing(FAILED if before else RETURNED, old, failed)
    if fresh:
        return Standing(FAILED if ran(fresh) else PREPARED, old, fresh)
    if before and name:
        return Standing(STARTED if ran(name) else PREPARED, before, name)
    if before:
        return Standing(ORPHANED, before)
    return Standing(NONE, name) if name else Standing(MISSING)


def origin(found: Inspect) -> str:
    """The identifier of the container that this one replaces, empty for one that no upgrade made."""
    return str((section(found, "Config").get("Labels") or {}).get(LABEL, ""))


def ran(found: Inspect) -> bool:
    """Whether the container was ever started."""
    return not str(section(found, "State").get("StartedAt") or "0001").startswith("0001")


def running(found: Inspect | None) -> bool:
    """Whether it runs, or is being restarted by the engine."""
    state = section(found, "State")
    return bool(state.get("Running") or state.get("Restarting"))
