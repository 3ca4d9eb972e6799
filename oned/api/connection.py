"""The connections of clients: uvicorn's protocol, with bounds on how long and how much a client may keep it waiting.

uvicorn ends a connection on which nothing comes after an answer. Here every wait for a client ends: for the first
byte, for the rest of a request's head, for a body that nobody wants any more. A head has a size that it may not pass.
When there are too many connections, the one that has been waiting for its client the longest makes room, so that
clients who only hold connections never keep out one who asks.
"""

import asyncio
import resource
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_CONNECTIONS = 2500
"""Each takes one descriptor and, when idle, about 10 KiB."""
MAX_HEAD_BYTES = 64 * 2**10
SWEEP_SECONDS = 0.5
GRACE_SECONDS = 2
"""More than the application waits for a body: it has the better answer."""
_ANSWER = (
    "HTTP/1.1 {}\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{}"
)


def room() -> int:
    """How many connections this process may hold: half of its descriptors are for all else.

    The limit that it may raise by itself is raised to what :data:`MAX_CONNECTIONS` need.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return MAX_CONNECTIONS
    wanted = 2 * MAX_CONNECTIONS if hard == resource.RLIM_INFINITY else min(2 * MAX_CONNECTIONS, hard)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = wanted
    return min(MAX_CONNECTIONS, soft // 2)


class Crowd:
    """The open connections, at most ``most``, and those of them that wait for their clients.

    ``idle_seconds`` is how long the next request may take to begin, ``receive_seconds`` how long one to arrive.
    """

    def __init__(self, most: int, idle_seconds: float, receive_seconds: float) -> None:
        self._most = most
        self.idle_seconds = max(idle_seconds, 1)
        self.receive_seconds = receive_seconds + GRACE_SECONDS
        self._open: set[Connection] = set()
        self._waiting: dict[Connection, float] = {}
        self._sweeping = False

    def join(self, connection: "Connection") -> None:
        """A new connection, that does not wait yet; another one goes when it is one too many."""
        self._open.add(connection)
        if len(self._open) > self._most and self._waiting:
            longest = next(iter(self._waiting))
            self.leave(longest)
            longest.give_way()

    def leave(self, connection: "Connection") -> None:
        """A connection that ends."""
        self._open.discard(connection)
        self._waiting.pop(connection, None)

    def wait(self, connection: "Connection", seconds: float) -> None:
        """From now on the client has to do something, within ``seconds``."""
        if connection not in self._open:
            return
        self._waiting.pop(connection, None)
        loop = connection.loop
        self._waiting[connection] = loop.time() + seconds
        if not self._sweeping:
            self._sweeping = True
            loop.call_later(SWEEP_SECONDS, self._sweep, loop)

    def work(self, connection: "Connection") -> None:
        """From now on the client waits for the server."""
        self._waiting.pop(connection, None)

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        for connection in [late for late, until in self._waiting.items() if until <= now]:
            connection.expire()
        self._sweeping = bool(self._waiting)
        if self._sweeping:
            loop.call_later(SWEEP_SECONDS, self._sweep, loop)


class Connection(HttpToolsProtocol):
    """One connection. uvicorn makes it with the arguments ``options``."""

    def __init__(self, crowd: Crowd, **options: Any) -> None:  # noqa: ANN401 (uvicorn's)
        super().__init__(**options)
        self._crowd = crowd
        self._in_head = False
        self._in_message = False
        self._unread = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        """The client has connected."""
        super().connection_made(transport)
        self._crowd.join(self)
        self._crowd.wait(self, self._crowd.receive_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        """Either side has ended it."""
        self._crowd.leave(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes; what is neither body nor the end of a head only counts."""
        self._unread += len(data)
        super().data_received(data)
        if self._unread > MAX_HEAD_BYTES and not self.transport.is_closing():
            self._end("431 Request Header Fields Too Large", "The head of the request is too large.\n")

    def on_message_begin(self) -> None:
        """The first byte of a request."""
        super().on_message_begin()
        self._in_head = self._in_message = True
        self._crowd.wait(self, self._crowd.receive_seconds)

    def on_headers_complete(self) -> None:
        """The end of its head."""
        self._in_head = False
        self._unread = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A part of its body."""
        self._unread = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Its end: now it is the server's turn, or the next request's when this one was answered early."""
        self._in_message = False
        self._unread = 0
        super().on_message_complete()
        if self._answering:
            self._crowd.work(self)
        else:
            self._crowd.wait(self, self._crowd.idle_seconds)

    def on_response_complete(self) -> None:
        """The answer is written; a request that came meanwhile is started."""
        super().on_response_complete()
        if self._in_message:
            self._crowd.wait(self, self._crowd.receive_seconds)
        elif not self._answering:
            self._crowd.wait(self, self._crowd.idle_seconds)

    @property
    def _answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def expire(self) -> None:
        """The client has taken too long; the body of a call that is being received is the application's matter."""
        if self.transport.is_closing():
            self.transport.abort()
        elif self._answering:
            self._crowd.wait(self, self._crowd.receive_seconds)
        elif self._in_head:
            self._end("408 Request Timeout", "The head of the request did not arrive in time.\n")
        else:
            self.transport.close()
            self._crowd.wait(self, self._crowd.idle_seconds)

    def give_way(self) -> None:
        """End it at once; uvicorn, which refuses calls when it counts too many connections, counts it no more."""
        self.connections.discard(self)
        self.transport.abort()

    def _end(self, status: str, text: str) -> None:
        """Answer outside of any request, unless one is being answered, and end the connection."""
        if not self._answering:
            self.transport.write(_ANSWER.format(status, len(text), text).encode())
        self.transport.close()
        self._crowd.wait(self, self._crowd.idle_seconds)
