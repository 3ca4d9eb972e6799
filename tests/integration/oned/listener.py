"""Hearing what a server publishes, and sending it what a hook execution manager would."""

import time
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Self

import zmq
from lxml import etree

from tests.integration.oned.daemon import Daemon
from tests.integration.oned.mariadb import free_port
from tests.support.answers import check

SECONDS = 15
MARK = "EVENT API one.hook.rename 0"
"""The event of :meth:`Listener.mark`."""


@dataclass
class Ports:
    """Where a server publishes and takes records."""

    publisher: int = field(default_factory=free_port)
    logger: int = field(default_factory=free_port)

    @property
    def conf(self) -> str:
        return (
            f'HM_MAD = [ EXECUTABLE = "one_hm", ARGUMENTS = "-p {self.publisher} -l {self.logger} -b 127.0.0.1" ]\n'
            f"HOOK_LOG_CONF = [ LOG_RETENTION = 3 ]\n"
        )


class Listener:
    """A subscriber. Messages are ``(key, text)``."""

    def __init__(self, port: int, *topics: str) -> None:
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.SUB)
        self._socket.setsockopt(zmq.RCVHWM, 0)
        for topic in topics or ("",):
            self._socket.subscribe(topic.encode())
        self._socket.subscribe(MARK.encode())
        self._socket.connect(f"tcp://127.0.0.1:{port}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._context.destroy(linger=0)

    def next(self, seconds: float = SECONDS) -> tuple[str, str]:
        """The next message; what is said of a call or a state has to be as clients know it."""
        assert self._socket.poll(int(seconds * 1000)), "no event came"
        key, body = self._socket.recv_multipart()
        text = b64decode(body, validate=True).decode()
        if text.startswith("<HOOK_MESSAGE>"):
            check(text)
        return key.decode(), text

    def joined(self, daemon: Daemon) -> Self:
        """Wait until this hears what ``daemon`` publishes, and forget what it heard until then."""
        end = time.monotonic() + SECONDS
        while not self._socket.poll(100):
            assert time.monotonic() < end, daemon.output.read_text()[-2000:]
            daemon.call("one.hook.rename", 99999, "joining")
        self.before_mark(daemon)
        return self

    def before_mark(self, daemon: Daemon) -> list[tuple[str, str]]:
        """All messages until one that is asked for now."""
        word = f"mark-{time.monotonic_ns()}"
        daemon.call("one.hook.rename", 99999, word)
        found: list[tuple[str, str]] = []
        while True:
            key, body = self.next()
            if key == MARK:
                if word in body:
                    return found
            else:
                found.append((key, body))


def parsed(text: str) -> etree._Element:
    return etree.fromstring(text.encode())


def record(output: str = "", uuid: str = "", arguments: str = "a b") -> str:
    """What a manager reports of an execution."""
    end = f"<UUID>{uuid}</UUID>" if uuid else ""
    return (
        f"<ARGUMENTS>{arguments}</ARGUMENTS><EXECUTION_RESULT><COMMAND>/c</COMMAND><STDOUT>{output}</STDOUT>"
        f"<STDERR></STDERR><CODE>1</CODE></EXECUTION_RESULT>{end}"
    )


def report(hook: int, code: int = 0, inner: str = "") -> bytes:
    return f"{code} {hook} {b64encode((inner or record()).encode()).decode()}".encode()


@contextmanager
def requester(port: int) -> Iterator[zmq.Socket[bytes]]:
    """What a manager asks with."""
    context = zmq.Context()
    socket = context.socket(zmq.REQ)
    socket.setsockopt(zmq.RCVTIMEO, SECONDS * 1000)
    socket.connect(f"tcp://127.0.0.1:{port}")
    try:
        yield socket
    finally:
        context.destroy(linger=0)
