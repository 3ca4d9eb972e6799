"""The thread that tells subscribers what happened, and takes what the hook execution manager did.

Of several servers on a database exactly one publishes. An event is deleted shortly after it was sent; when the server
is killed in between, its successor sends it once more, and none is lost that was committed.
"""

import contextlib
import os
import threading
import time
from collections import deque
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING

from oned.database.db import Database
from oned.database.lease import make_lease
from oned.errors import ApiError
from oned.hooks import hooklog
from oned.hooks.event_store import AT_A_TIME, EventStore
from oned.hooks.events import SIGNAL
from oned.hooks.hookconf import EventSettings
from onelib.errors import OneError
from onelib.locations import Locations
from onelib.logs import ERROR, INFO, WARNING, Log

if TYPE_CHECKING:
    from oned.hooks.event_sockets import EventSockets, Report

POLL_SECONDS = 0.25
"""How soon events of other servers are found."""
PACE_SECONDS = 0.05
"""The time between two looks when many events come: what happens meanwhile is read at once."""
FORGET_SECONDS = 0.2
"""How long events that were sent stay in the database: all the longer, the more are deleted at once."""
MOST_TO_FORGET = 256
SETTLE_SECONDS = 2.0
QUIET_SECONDS = 0.3
"""Subscribers who were connected to the server before this one have ``SETTLE_SECONDS`` to find this one, less when
they are there and for ``QUIET_SECONDS`` no others come: what they are told before is lost to them."""
STANDBY_SECONDS = 1.0
TRIM_SECONDS = 10.0
MOST_PENDING = 64


class Publisher:
    """Publishes while this server has the right to. Make it before the database is started.

    Without ``settings`` nobody is told anything, and events are only deleted.
    """

    def __init__(self, database: Database, settings: EventSettings | None, locations: Locations, log: Log) -> None:
        self._database = database
        self._settings = settings
        self._log = log
        self._lease = make_lease(database, "events", locations.auth)
        self._store = EventStore(database)
        self._wakeup = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._stopping = threading.Event()
        self._pending: deque[tuple[Report, Future[None]]] = deque()
        self._trouble = ""
        self._trimmed = 0.0
        self._thread = threading.Thread(target=self._run, name="publisher", daemon=True)
        database.listen(SIGNAL, self.wake)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def wake(self) -> None:
        """Look for events now. From any thread."""
        with contextlib.suppress(BlockingIOError):  # it has been woken 2**64 times
            os.eventfd_write(self._wakeup, 1)

    def stop(self, seconds: float = 1.0) -> None:
        """Send what is there, and let another server publish."""
        self._stopping.set()
        self.wake()
        if self._thread.is_alive():
            self._thread.join(seconds)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                if self._settings is None:
                    self._store.clear()
                elif self._lease.hold():
                    self._publish(self._settings)
                self._trim()
            except (ApiError, OneError) as error:
                self._complain(str(error))
            self._stopping.wait(STANDBY_SECONDS)

    def _complain(self, trouble: str) -> None:
        """Log what is wrong, once."""
        if trouble != self._trouble:
            self._trouble = trouble
            self._log.write("HKM", ERROR, trouble)

    def _trim(self) -> None:
        """Bound what waits while nobody can be told."""
        if time.monotonic() - self._trimmed > TRIM_SECONDS:
            self._trimmed = time.monotonic()
            gone = self._store.trim()
            if gone:
                self._log.write(
                    "HKM", WARNING, f"{gone} events were dropped: they could not be published in time."
                )

    def _publish(self, settings: EventSettings) -> None:
        """Publish until the server stops or loses the right to."""
        import zmq

        from oned.hooks.event_sockets import EventSockets

        try:
            sockets = EventSockets(settings, self._wakeup)
        except zmq.ZMQError as error:
            ports = f"{settings.publisher_port} and {settings.logger_port}"
            self._complain(f"The ports {ports} for events cannot be had at {settings.address}: {error.strerror}.")
            self._lease.release()
            return
        self._log.write("HKM", INFO, f"Publishing events at {settings.endpoint(settings.publisher_port)}")
        self._trouble = ""
        with contextlib.closing(sockets):
            self._settle(sockets)
            self._loop(sockets)
        self._pending.clear()

    def _settle(self, sockets: "EventSockets") -> None:
        """Wait for the subscribers."""
        until = time.monotonic() + SETTLE_SECONDS
        while not self._stopping.is_set() and (left := until - time.monotonic()) > 0 and self._lease.hold():
            if sockets.wait(left, reports=False).subscribed:
                until = min(until, time.monotonic() + QUIET_SECONDS)

    def _loop(self, sockets: "EventSockets") -> None:
        looked = look = forget = time.monotonic()
        while not self._stopping.is_set():
            try:
                if not self._lease.hold():
                    self._log.write("HKM", WARNING, "Another server publishes events from now on.")
                    return
                now = time.monotonic()
                if now >= look:
                    looked, look = now, now + (PACE_SECONDS if self._send(sockets) else POLL_SECONDS)
                if self._store.to_forget >= MOST_TO_FORGET or now >= forget:
                    self._store.forget()
                    forget = now + FORGET_SECONDS
                self._trouble = ""
            except (ApiError, OneError) as error:
                self._complain(str(error))
                look = forget = time.monotonic() + STANDBY_SECONDS
            self._take_reports(sockets)
            until = min(look, forget) if self._store.to_forget else look
            room = len(self._pending) < MOST_PENDING
            if sockets.wait(until - time.monotonic(), reports=room).called:
                look = min(look, looked + PACE_SECONDS)
            self._answer_reports(sockets)
        self._finish(sockets)

    def _send(self, sockets: "EventSockets") -> bool:
        """Send the next events; True when more may be there."""
        found = self._store.next()
        for event in found:
            sockets.publish(event)
        self._store.sent(found)
        return len(found) == AT_A_TIME

    def _finish(self, sockets: "EventSockets") -> None:
        """Send what was committed before the end, as far as that goes quickly."""
        with contextlib.suppress(ApiError, OneError):
            while self._send(sockets):
                pass
            self._store.forget()
            self._lease.release()

    def _take_reports(self, sockets: "EventSockets") -> None:
        """Have the records of executions written."""
        keep = self._settings.retention if self._settings else 0
        while len(self._pending) < MOST_PENDING and (report := sockets.report()) is not None:
            try:
                sent = hooklog.parse_report(report.text)
            except hooklog.RecordError as error:
                sockets.answer(report, f"ERROR {error}".encode())
                continue
            future: Future[None] = self._database.submit(partial(hooklog.add, sent=sent, keep=keep))
            future.add_done_callback(lambda _: self.wake())
            self._pending.append((report, future))

    def _answer_reports(self, sockets: "EventSockets") -> None:
        """Acknowledge the records that are committed."""
        while self._pending and self._pending[0][1].done():
            report, future = self._pending.popleft()
            error = future.exception()
            if error is None:
                answer = "ACK"
            elif isinstance(error, hooklog.RecordError):
                answer = f"ERROR {error}"
            else:
                answer = f"AGAIN {error}"
            sockets.answer(report, answer.encode())
