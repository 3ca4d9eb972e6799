"""What a run tells of itself: phases, tables, rows per second and time left."""

import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TextIO

PHASES = ("check", "leftovers", "backup", "plan", "copy", "index", "verify", "swap", "done")
_EVERY_SECONDS = 1.0


@dataclass(frozen=True)
class Event:
    """Where a run stands. ``total`` is an estimate where the database only estimates; ``seconds`` since the start."""

    phase: str
    table: str = ""
    rows: int = 0
    total: int = 0
    seconds: float = 0.0

    @property
    def rate(self) -> float:
        """Rows per second."""
        return self.rows / self.seconds if self.seconds > 0 else 0.0

    @property
    def left(self) -> float:
        """Seconds until the last row."""
        return max(self.total - self.rows, 0) / self.rate if self.rate else 0.0


Listener = Callable[[Event], None]


def silent(_event: Event) -> None:
    """Tells nothing."""


class Printer:
    """Writes events as text, or as a JSON object a line; of the same table at most one a second."""

    def __init__(self, stream: TextIO | None = None, *, as_json: bool = False, verbose: bool = False) -> None:
        self._stream = stream or (sys.stdout if as_json else sys.stderr)
        self._json = as_json
        self._verbose = verbose
        self._last = ("", 0.0)

    def __call__(self, event: Event) -> None:
        """Tell of ``event``, unless it is too soon."""
        place, now = f"{event.phase} {event.table}", time.monotonic()
        if place == self._last[0] and now - self._last[1] < _EVERY_SECONDS:
            return
        if event.rows == 0 and not self._json and not self._verbose:
            return
        self._last = (place, now)
        self._stream.write((json.dumps(self._document(event)) if self._json else self._line(event)) + "\n")
        self._stream.flush()

    @staticmethod
    def _document(event: Event) -> dict[str, object]:
        return asdict(event) | {"rate": round(event.rate), "left": round(event.left, 1)}

    @staticmethod
    def _line(event: Event) -> str:
        place = f"  > {event.phase} {event.table}".rstrip()
        if not event.rows:
            return place
        return (
            f"{place}: {event.rows} of about {event.total} rows, {event.rate:.0f} rows/s, {event.left:.0f} s left"
        )
