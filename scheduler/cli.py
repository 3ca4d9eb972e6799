"""The process ``opennebula-scheduler``: a round every interval, and at once when an event tells of a change."""

import signal
import sys
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import zmq

from onelib.api import Api, ApiError, UnreachableError
from onelib.auth import read_auth
from onelib.errors import OneError, report
from onelib.locations import Locations
from onelib.logs import DEBUG, ERROR, INFO, WARNING
from onelib.logs import Log as FileLog
from scheduler.cycle import Round
from scheduler.settings import Settings, read

EVENTS = (
    b"EVENT STATE VM/PENDING/",
    b"EVENT STATE VM/DONE/",
    b"EVENT STATE HOST/MONITORED/",
    b"EVENT API one.vm.action 1",
)
EVENT_PORT = 2101
PAUSE = 0.05
"""Seconds that events are collected before a round."""
LIMITED = 1.0
"""Seconds between rounds while a limit keeps machines waiting."""
_LEVELS = {"E": ERROR, "W": WARNING, "I": INFO, "D": DEBUG}


class Scheduler:
    """Rounds until it is told to stop."""

    def __init__(self, settings: Settings, api: Api, log: FileLog) -> None:
        self._settings = settings
        self._log = log
        self._round = Round(api, settings, self._write)
        self._stopping = threading.Event()
        self._context = zmq.Context()
        self._events = self._context.socket(zmq.SUB)
        for prefix in EVENTS:
            self._events.setsockopt(zmq.SUBSCRIBE, prefix)
        host = urlsplit(settings.endpoint).hostname or "localhost"
        self._events.connect(f"tcp://{host}:{EVENT_PORT}")

    def _write(self, letter: str, text: str) -> None:
        self._log.write("SCHED", _LEVELS[letter], text)

    def stop(self) -> None:
        """End after the round that is under way."""
        self._stopping.set()

    def run(self) -> None:
        """Until :meth:`stop`."""
        full, next_full = True, 0.0
        while not self._stopping.is_set():
            full = time.monotonic() >= next_full
            if full:
                next_full = time.monotonic() + self._settings.interval
            again = self._one(pending_only=not full)
            until = min(next_full, time.monotonic() + LIMITED) if again else next_full
            self._wait(until)
        self._events.close(linger=0)
        self._context.term()

    def _one(self, *, pending_only: bool) -> bool:
        began = time.monotonic()
        try:
            outcome = self._round.run(pending_only=pending_only)
        except (UnreachableError, ApiError) as error:
            self._write("E", error.message)
            return False
        if outcome.waiting:
            seconds = time.monotonic() - began
            self._write("D", f"{outcome.waiting} waited, {outcome.placed} placed, in {seconds:.2f} s")
        return outcome.more

    def _wait(self, until: float) -> None:
        """Until that moment, an event, or the order to stop."""
        while not self._stopping.is_set():
            left = until - time.monotonic()
            if left <= 0:
                return
            if self._events.poll(int(1000 * min(left, 0.5)) + 1):
                time.sleep(PAUSE)
                while self._events.poll(0):
                    self._events.recv_multipart()
                return


def main() -> int:
    """Run the command; returns its exit code."""
    locations = Locations.from_environment()
    try:
        settings = read(locations.etc / "sched.conf")
        credentials = read_auth(locations.auth / "one_auth")
        log = _log(settings, locations.log)
    except OneError as error:
        return report(error)
    api = Api(settings.endpoint, credentials, seconds=settings.timeout, patience=5)
    scheduler = Scheduler(settings, api, log)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: scheduler.stop())
    log.write("SCHED", INFO, f"Starting, a round every {settings.interval:g} s")
    scheduler.run()
    api.close()
    log.write("SCHED", INFO, "Stopped")
    return 0


def _log(settings: Settings, folder: Path) -> FileLog:
    if settings.log_system == "std":
        return FileLog(settings.log_level, stream=sys.stderr)
    return FileLog.open(settings.log_system, settings.log_level, 0, folder, "sched.log")


if __name__ == "__main__":
    sys.exit(main())
