"""What can be asked of a service (:meth:`flow.engine.desk.Desk.request`)."""

from dataclasses import dataclass

from flow.types import JsonObject


@dataclass(frozen=True)
class Undeploy:
    """End its machines, then itself."""


@dataclass(frozen=True)
class Recover:
    """Go on after a failure; ``delete``: give up, whatever the state."""

    delete: bool = False


@dataclass(frozen=True)
class Scale:
    """Give a role ``cardinality`` machines; ``force``: also beyond its limits."""

    role: str
    cardinality: int
    force: bool = False


@dataclass(frozen=True)
class Act:
    """Schedule ``perform`` for the machines of a role, of all without one: ``number`` at a time, every ``period`` s."""

    role: str | None
    perform: str
    args: str
    period: int
    number: int


@dataclass(frozen=True)
class AddRole:
    """Add a role, checked."""

    role: JsonObject


@dataclass(frozen=True)
class RemoveRole:
    """End the machines of a role, and the role."""

    role: str


@dataclass(frozen=True)
class Update:
    """Replace what of the body may be replaced."""

    body: JsonObject


@dataclass(frozen=True)
class Chown:
    """Give it, with its machines, to another user, and to another group if there is one."""

    uid: int
    gid: int | None = None


@dataclass(frozen=True)
class Chgrp:
    """Give it, with its machines, to another group."""

    gid: int


@dataclass(frozen=True)
class Chmod:
    """Set its permissions: three octal digits."""

    octet: str


@dataclass(frozen=True)
class Rename:
    """Give it another name."""

    name: str


@dataclass(frozen=True)
class Release:
    """Let the machines of a service that is on hold go."""


Operation = (
    Undeploy | Recover | Scale | Act | AddRole | RemoveRole | Update | Chown | Chgrp | Chmod | Rename | Release
)
