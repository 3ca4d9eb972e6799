"""A measured figure: its values, what it is held against, and how it is shown."""

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

P99_RUNS = 100
"""From so many runs on there is a 99th percentile to speak of."""


@dataclass(frozen=True)
class Yardstick:
    """What the same run measured beside a figure, in the same unit; it moves with the machine and its noise."""

    what: str
    value: float


@dataclass(frozen=True)
class Figure:
    """``values`` in ``unit``, one a run. ``limit`` is held against what ``judged`` names; None for no target.

    ``floor``: the more the better, so that the limit is what is to be reached.
    """

    what: str
    unit: str
    values: Sequence[float]
    limit: float | None = None
    judged: Literal["median", "p99"] = "median"
    yardstick: Yardstick | None = None
    floor: bool = False

    def __post_init__(self) -> None:
        if not self.values:
            raise ValueError(f"nothing was measured for {self.what!r}")

    @property
    def median(self) -> float:
        """The middle value."""
        return statistics.median(self.values)

    @property
    def p99(self) -> float | None:
        """The 99th percentile (nearest rank); None where there are too few runs for one."""
        if len(self.values) < P99_RUNS:
            return None
        return sorted(self.values)[math.ceil(0.99 * len(self.values)) - 1]

    @property
    def decisive(self) -> float:
        """The value that is held against the limit; the worst one where too few runs gave no percentile."""
        if self.judged == "median":
            return self.median
        return max(self.values) if self.p99 is None else self.p99

    @property
    def over(self) -> bool:
        """Whether the target is missed."""
        if self.limit is None:
            return False
        return self.decisive < self.limit if self.floor else self.decisive > self.limit

    @property
    def verdict(self) -> str:
        """One word for the table."""
        if self.limit is None:
            return "–"
        if not self.over:
            return "met"
        return "**UNDER**" if self.floor else "**OVER**"


@dataclass(frozen=True)
class Bench:
    """A group of figures that are measured together.

    ``text`` says how, in Markdown; ``image`` whether the front-end's image is needed.
    """

    name: str
    text: str
    measure: Callable[[], list[Figure]]
    image: bool = True


def number(value: float) -> str:
    """A value with three significant digits, as a table shows it."""
    if value == 0:
        return "0"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:,.{digits}f}"
