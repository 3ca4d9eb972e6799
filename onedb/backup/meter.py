"""How far a backup or a restore has come, for the listeners of :mod:`onedb.upgrade.progress`."""

import time

from onedb.upgrade.progress import Event, Listener


class Meter:
    """Counts the rows of one phase, of which there are about ``total``, and tells ``listener``."""

    def __init__(self, listener: Listener, phase: str, total: int = 0) -> None:
        self.total = total
        self.rows = 0
        self._listener, self._phase = listener, phase
        self._begin = time.monotonic()

    def add(self, table: str, rows: int) -> None:
        """So many more are done."""
        self.rows += rows
        self.total = max(self.total, self.rows)
        self._listener(Event(self._phase, table, self.rows, self.total, time.monotonic() - self._begin))

    def end(self) -> None:
        """All of them are, whatever was thought before."""
        self.total = self.rows
        self.add("", 0)


def paced(listener: Listener, seconds: float = 1.0) -> Listener:
    """Passes on what comes ``seconds`` after what was passed on before, and every end of a phase."""
    last = time.monotonic()

    def pass_on(event: Event) -> None:
        nonlocal last
        now = time.monotonic()
        if not event.table or now - last >= seconds:
            last = now
            listener(event)

    return pass_on
