"""The two ZeroMQ sockets of events: subscribers hear on one, the hook execution manager reports on the other.

To the outside they are 6.0's PUB and REP. Inside they are their kin XPUB, which tells when subscribers are there, and
ROUTER, which can answer a report after others.
"""

import math
import os
from base64 import b64encode
from dataclasses import dataclass
from typing import NamedTuple

import zmq

from oned.hooks.event_store import Event
from oned.hooks.hookconf import EventSettings

LARGEST_REPORT = 16 * 2**20
LARGEST_SUBSCRIPTION = 2**16
WAITING_REPORTS = 4
"""Messages of :data:`LARGEST_REPORT` at most that are taken from a connection before they are looked at."""
LINGER_MILLISECONDS = 200


@dataclass(frozen=True)
class Report:
    """A message and how to answer it."""

    envelope: list[bytes]
    text: bytes


class Woken(NamedTuple):
    """What ended a wait: somebody called, somebody began or ended to listen."""

    called: bool
    subscribed: bool


class EventSockets:
    """Both sockets, bound. Raises ``zmq.ZMQError`` when an address cannot be had."""

    def __init__(self, settings: EventSettings, wakeup: int) -> None:
        self._context = zmq.Context()
        self._wakeup = wakeup
        try:
            self._publisher = self._context.socket(zmq.XPUB)
            self._publisher.setsockopt(zmq.SNDHWM, settings.backlog)
            self._publisher.setsockopt(zmq.MAXMSGSIZE, LARGEST_SUBSCRIPTION)
            self._reports = self._context.socket(zmq.ROUTER)
            self._reports.setsockopt(zmq.RCVHWM, WAITING_REPORTS)
            self._reports.setsockopt(zmq.MAXMSGSIZE, LARGEST_REPORT)
            for socket, port in (
                (self._publisher, settings.publisher_port),
                (self._reports, settings.logger_port),
            ):
                socket.setsockopt(zmq.LINGER, LINGER_MILLISECONDS)
                socket.setsockopt(zmq.IPV6, int(":" in settings.address))
                socket.bind(settings.endpoint(port))
        except zmq.ZMQError:
            self._context.destroy(linger=0)
            raise
        self._poller = zmq.Poller()
        self._poller_without_reports = zmq.Poller()
        for source in (self._publisher, wakeup):
            self._poller_without_reports.register(source, zmq.POLLIN)
            self._poller.register(source, zmq.POLLIN)
        self._poller.register(self._reports, zmq.POLLIN)

    def wait(self, seconds: float, *, reports: bool) -> Woken:
        """Wait for a wake-up, for subscribers, and with ``reports`` for one of those."""
        poller = self._poller if reports else self._poller_without_reports
        ready = dict(poller.poll(max(0, math.ceil(seconds * 1000))))
        woken = self._wakeup in ready
        if woken:
            os.eventfd_read(self._wakeup)
        return Woken(woken, self._publisher in ready and self._drain())

    def _drain(self) -> bool:
        """Take what subscribers sent, a bounded number of messages at a time."""
        for _ in range(1000):
            try:
                self._publisher.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                break
        return True

    def publish(self, event: Event) -> None:
        """Send one message for each topic; a subscriber that is too slow misses it."""
        body = b64encode(event.body.encode())
        for topic in event.topics:
            self._publisher.send_multipart((topic.encode(), body))

    def report(self) -> Report | None:
        """The next report that waits; None without one. Frames that are no request are dropped."""
        while True:
            try:
                frames = self._reports.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return None
            if b"" in frames[1:-1]:
                begin = frames.index(b"", 1) + 1
                return Report(frames[:begin], b" ".join(frames[begin:]))

    def answer(self, report: Report, text: bytes) -> None:
        """Answer a report; nobody may be there any more to hear it."""
        self._reports.send_multipart([*report.envelope, text], zmq.NOBLOCK)

    def close(self) -> None:
        """Send what is under way, for a moment, and unbind."""
        self._context.destroy(linger=LINGER_MILLISECONDS)
