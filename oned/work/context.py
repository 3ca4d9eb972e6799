"""What the handler of a task gets, and what it returns."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from oned.config import Settings
from oned.database.db import Transaction
from oned.drivers.manager import Drivers

Job = Callable[[Transaction], None]


@dataclass(frozen=True)
class Task:
    """One claimed row. ``attempt`` is 1 the first time; ``object`` is the name of an :class:`oned.access.acl.Kind`."""

    id: int
    kind: str
    object: str
    oid: int
    payload: Mapping[str, Any]
    attempt: int
    lane: str
    place: str


@dataclass(frozen=True)
class Context:
    """A task and what it may be carried out with."""

    task: Task
    drivers: Drivers
    settings: Settings


class LaterError(Exception):
    """The task cannot be done now: it is to run again after ``seconds``."""

    def __init__(self, seconds: float, reason: str = "") -> None:
        super().__init__(reason)
        self.seconds = seconds


Handler = Callable[[Context], Awaitable[Job | None]]
"""Carries a task out; what it returns writes the result, in the transaction that deletes the task.

It may be run again with the same task after a crash of the server. Raises :class:`LaterError`; any other exception is a
defect, after which the task runs again too, ever less often.
"""
