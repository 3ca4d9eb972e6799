"""What other commands do where ``oneedge upgrade`` is at work on their container, or was cut off.

They would remove or hide a container that the upgrade needs to finish, or to go back. So they take the same lock, and
what replaces or removes a container refuses while an upgrade of it stands.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from launcher import lock
from launcher.engine import Engine
from launcher.errors import UnfinishedError
from launcher.progress import Progress
from launcher.upgrade import standing
from launcher.upgrade.standing import Names, Standing

WORDS = {
    standing.PREPARED: "its new container was made and has never run",
    standing.STARTED: "its new container has taken over, and the old one is kept",
    standing.FAILED: "the old database is being put back",
    standing.RETURNED: "the old database is back, and the failed container still there",
    standing.ORPHANED: "its new container is gone, and the old one is kept under another name",
}
"""What each phase of a cut-off upgrade means to an operator."""


@contextmanager
def alone(command: str, engine: Engine, name: str, progress: Progress) -> Iterator[Standing]:
    """Keep upgrades of the container ``name`` away while the block runs; where its last one stands.

    Raises :class:`launcher.errors.BusyError` where one is at work.
    """
    path = lock.container_path(engine.kind, name)
    with lock.held(command, progress, path, lock.CONTAINER_WAIT):
        yield standing.look(engine, Names(name))


def text(found: Standing, name: str) -> str:
    """What stands of an upgrade that was cut off, as a sentence; empty where none was."""
    if found.phase not in standing.UNFINISHED:
        return ""
    return f"An upgrade of {name} was cut off: {WORDS[found.phase]}."


def todo(name: str) -> str:
    """How to go on from there."""
    return (
        f"'oneedge upgrade --resume --name {name}' finishes it, or takes it back "
        "(from a clone: 'python3 -m launcher upgrade ...')."
    )


def refuse(found: Standing, name: str) -> None:
    """Raise :class:`UnfinishedError` where an upgrade was cut off."""
    said = text(found, name)
    if said:
        raise UnfinishedError(said, todo=f"{todo(name)} Nothing was changed.")
