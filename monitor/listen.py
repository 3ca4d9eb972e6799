"""The port that hosts send to, UDP and TCP: one message in a datagram or a connection."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from typing import cast

from monitor.message import MAX_LINE
from oned.infrastructure.monitord import MonitordSettings

MOST_CONNECTIONS = 128
"""At the same time; the oldest has to go for one more."""
CONNECTION_SECONDS = 10.0
BUFFER_BYTES = 4 * 2**20
"""What the kernel keeps of datagrams while this process is busy; it may grant less."""

Take = Callable[[bytes], None]


class Datagrams(asyncio.DatagramProtocol):
    """Hands over each datagram."""

    def __init__(self, take: Take) -> None:
        self._take = take

    def datagram_received(self, data: bytes, addr: object) -> None:
        """A whole message."""
        _ = addr
        self._take(data)


class Connection(asyncio.Protocol):
    """Hands over what a connection carries before its first line's or its own end, if that comes in time."""

    def __init__(self, take: Take, connections: "dict[Connection, None]") -> None:
        self._take = take
        self._connections = connections
        self._data = bytearray()
        self._transport: asyncio.Transport | None = None
        self._end: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Make room for it."""
        self._transport = cast(asyncio.Transport, transport)
        if len(self._connections) >= MOST_CONNECTIONS:
            next(iter(self._connections)).drop()
        self._connections[self] = None
        self._end = asyncio.get_running_loop().call_later(CONNECTION_SECONDS, self.drop)

    def drop(self) -> None:
        """Close it at once; what it carried is lost."""
        self._connections.pop(self, None)
        self._data.clear()
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """A piece of the message."""
        if self not in self._connections:
            return
        self._data += data
        if b"\n" in data:
            self._finish()
        elif len(self._data) > MAX_LINE:
            self.drop()

    def eof_received(self) -> bool:
        """The end of the message."""
        if self in self._connections:
            self._finish()
        return False

    def _finish(self) -> None:
        line = bytes(self._data.partition(b"\n")[0])
        self.drop()
        if line:
            self._take(line)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        _ = exc
        self._connections.pop(self, None)
        if self._end is not None:
            self._end.cancel()


@contextlib.asynccontextmanager
async def listening(settings: MonitordSettings, take: Take) -> AsyncIterator[None]:
    """Give everything that comes to ``take``. Raises :class:`OSError` when the port cannot be had."""
    loop = asyncio.get_running_loop()
    connections: dict[Connection, None] = {}
    server = await loop.create_server(
        lambda: Connection(take, connections), settings.address, settings.port, backlog=1024
    )
    try:
        transport, _ = await loop.create_datagram_endpoint(
            lambda: Datagrams(take), local_addr=(settings.address, settings.port)
        )
        plain = cast(socket.socket, transport.get_extra_info("socket"))
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
        try:
            yield
        finally:
            transport.close()
    finally:
        server.close()
        for connection in list(connections):
            connection.drop()
