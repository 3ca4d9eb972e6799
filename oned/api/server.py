"""The HTTP side: one ASGI application under uvicorn, and the life of the process around it."""

import asyncio
import logging
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable, MutableMapping
from contextlib import aclosing
from functools import partial
from typing import Any, cast

import uvicorn

from oned.api.connection import Connection, Crowd, room
from oned.api.service import Service
from oned.api.xmlrpc import LIMIT_FAULT, Decoder, Fault, encode_fault
from oned.config import Settings
from oned.errors import AddressError, ApiError
from onelib.logs import ERROR, Log

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

PATHS = frozenset({"/RPC2"})
IN_FLIGHT_BYTES = 256 * 2**20
STOP_SECONDS = 3
UNREAD_SECONDS = 30
_XML = (b"content-type", b"text/xml; charset=utf-8")
_TEXT = (b"content-type", b"text/plain; charset=utf-8")


class TooLargeError(Exception):
    """The body passes MESSAGE_SIZE, or all bodies together what the process takes: ``status`` and text say which."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class SlowClientError(Exception):
    """The body did not arrive in time, or its sender left."""


class Application:
    """The API over HTTP. Bodies are decoded as they arrive and bounded, one by one and together."""

    def __init__(self, service: Service, log: Log) -> None:
        self._service = service
        self._log = log
        self._in_flight = 0

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        if scope["path"] not in PATHS:
            await _reply(send, 404, b"The API answers at /RPC2.\n", _TEXT)
        elif scope["method"] != "POST":
            await _reply(send, 405, b"The API takes POST only.\n", _TEXT, (b"allow", b"POST"))
        else:
            await self._call(scope, receive, send)

    async def _call(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        client = scope.get("client") or ("-", "-")
        decoder = Decoder()
        taken = [0]
        try:
            async with asyncio.timeout(self._service.settings.timeout_seconds):
                await self._receive(decoder, receive, taken)
            answer = await self._service.answer(decoder.method, decoder.params, f"{client[0]}:{client[1]}")
        except Fault as fault:
            self._log.write("ReM", ERROR, f"Call refused: {fault.text}")
            answer = encode_fault(fault.with_traceback(None))  # its frames hold the call, some future may hold it
        except TooLargeError as error:
            fault_text = encode_fault(Fault(LIMIT_FAULT, str(error)))
            await _reply(send, error.status, fault_text, _XML, (b"connection", b"close"))
            return
        except (TimeoutError, SlowClientError):
            await _reply(send, 408, b"The call did not arrive in time.\n", _TEXT, (b"connection", b"close"))
            return
        finally:
            decoder.close()
            self._in_flight -= taken[0]
        if not isinstance(answer, bytes) and scope["http_version"] == "1.0":
            answer = b"".join([piece async for piece in answer])  # there are no pieces in HTTP/1.0
        if isinstance(answer, bytes):
            await _reply(send, 200, answer, _XML)
        else:
            await self._stream(answer, receive, send)

    async def _stream(self, pieces: AsyncGenerator[bytes], receive: Receive, send: Send) -> None:
        """Send a long answer, as long as its client is there; one that cannot be completed is cut off."""
        await send({"type": "http.response.start", "status": 200, "headers": [_XML]})
        gone = asyncio.ensure_future(receive())
        try:
            async with aclosing(pieces):
                async for piece in pieces:
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
                    if gone.done():
                        return
            await send({"type": "http.response.body", "body": b""})
        except ApiError as error:
            self._log.write("ReM", ERROR, f"A long answer was cut off: {error.detail}")
        finally:
            gone.cancel()

    async def _receive(self, decoder: Decoder, receive: Receive, taken: list[int]) -> None:
        """Feed ``decoder`` until the body ends; ``taken`` counts its bytes."""
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise SlowClientError
            body = message.get("body", b"")
            more = message.get("more_body", False)
            taken[0] += len(body)
            self._in_flight += len(body)
            if taken[0] > self._service.settings.message_bytes:
                raise TooLargeError(413, "The call is larger than MESSAGE_SIZE of oned.conf allows.")
            if self._in_flight > IN_FLIGHT_BYTES:
                raise TooLargeError(503, "Too many large calls are being read at the moment; try this one again.")
            decoder.feed(body, final=not more)


async def _reply(send: Send, status: int, body: bytes, *headers: tuple[bytes, bytes]) -> None:
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [length, *headers]})
    await send({"type": "http.response.body", "body": body})


def bind(settings: Settings) -> socket.socket:
    """The listening socket. Raises :class:`AddressError`."""
    todo = "Set PORT and LISTEN_ADDRESS in oned.conf to an address of this machine that is free."
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            settings.listen, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise AddressError(f"The address {settings.listen} cannot be used: {error.strerror}.", todo=todo) from None
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Connections take it over: one whose client reads nothing of its answer for so long is ended.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 1000 * UNREAD_SECONDS)
        listener.bind(address)
    except OSError as error:
        listener.close()
        raise AddressError(
            f"Cannot bind to {settings.listen}:{settings.port}: {error.strerror}.", todo=todo
        ) from None
    return listener


class _UvicornHandler(logging.Handler):
    """What the HTTP server has to say, in our log."""

    def __init__(self, log: Log) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record, a traceback included."""
        self._log.write("ReM", ERROR, self.format(record))


def serve(service: Service, listener: socket.socket, log: Log) -> None:
    """Answer calls on ``listener`` until SIGTERM or SIGINT."""
    settings = service.settings
    logger = logging.getLogger("uvicorn")
    logger.handlers = [_UvicornHandler(log)]
    logger.propagate = False
    most = room()
    crowd = Crowd(most, settings.keepalive_seconds, settings.timeout_seconds)
    config = uvicorn.Config(
        Application(service, log),
        http=cast("type[asyncio.Protocol]", partial(Connection, crowd)),
        loop="uvloop",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        limit_concurrency=most + 1,
        backlog=512,
        timeout_keep_alive=settings.keepalive_seconds,
        timeout_graceful_shutdown=STOP_SECONDS,
    )
    uvicorn.Server(config).run(sockets=[listener])
