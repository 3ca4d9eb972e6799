"""How many tasks run at the same time: in all, per driver, per host of a driver."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from oned.drivers.configuration import Configuration
from oned.work.context import Task
from onelib.driver import THREADS

OVERALL = 200

Limits = Callable[[str], tuple[int, bool]]
"""For a lane: its bound, and whether its places take one task at a time."""


def driver_limits(configuration: Configuration) -> Limits:
    """The bounds that ``oned.conf`` sets for its drivers; upstream's default for what is no driver."""

    def limits(lane: str) -> tuple[int, bool]:
        settings = configuration.find(lane) if ":" in lane else None
        return (settings.threads, settings.one_per_host) if settings else (THREADS, False)

    return limits


class Lanes:
    """What is under way, counted."""

    def __init__(self, limits: Limits, overall: int = OVERALL) -> None:
        self._limits = limits
        self._overall = overall
        self._lanes: Counter[str] = Counter()
        self._places: Counter[str] = Counter()

    @property
    def room(self) -> int:
        """How many more tasks may start in all."""
        return self._overall - self._lanes.total()

    @property
    def full_lanes(self) -> list[str]:
        """Lanes that take no more."""
        return [lane for lane, number in self._lanes.items() if number >= self._limits(lane)[0]]

    @property
    def full_places(self) -> list[str]:
        """Places that take no more."""
        return list(self._places)

    def choose(self, found: Iterable[Sequence[Any]]) -> list[int]:
        """The ids of those rows (id, lane, place) that may start together, in their order."""
        lanes, places, chosen = self._lanes.copy(), self._places.copy(), list[int]()
        for number, lane, place in found:
            bound, single = self._limits(lane)
            if len(chosen) >= self.room or lanes[lane] >= bound or (single and place and places[place]):
                continue
            chosen.append(number)
            lanes[lane] += 1
            if single and place:
                places[place] += 1
        return chosen

    def enter(self, task: Task) -> None:
        """``task`` starts."""
        self._lanes[task.lane] += 1
        if task.place and self._limits(task.lane)[1]:
            self._places[task.place] += 1

    def leave(self, task: Task) -> None:
        """``task`` has ended."""
        for counter, key in ((self._lanes, task.lane), (self._places, task.place)):
            if counter[key] > 1:
                counter[key] -= 1
            else:
                del counter[key]
