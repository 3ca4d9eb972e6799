"""The application: authentication, bounds and errors around the routes of the table."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from flow.rest.answers import shown, told
from flow.rest.call import Call, Defaults, UserApi, credentials, read_content
from flow.rest.checks import Checks
from flow.rest.desk import Desk
from flow.rest.forwarding import Forwarder
from flow.rest.openapi import description
from flow.rest.refusal import status_of
from flow.rest.table import TABLE, Entry
from flow.types import JsonObject
from onelib.errors import OneError

THREADS = 16
"""Requests that wait for the API at the same time; the others wait for them."""
_LOG = logging.getLogger("flow.rest")


@dataclass
class _Server:
    """What requests share. ``leader`` is as in :func:`application`."""

    desk: Desk
    endpoint: str
    checks: Checks
    leader: Callable[[], str | None]
    defaults: Defaults
    executor: ThreadPoolExecutor
    forwarder: Forwarder | None = None

    async def answer(self, entry: Entry, request: Request) -> Response:
        """The answer to one request; whatever went wrong is told in it."""
        found = credentials(request.headers.get("authorization", ""))
        if found is None:
            return told(401, "A username and password must be provided")
        try:
            content = await read_content(request)
            address = self.leader() if entry.leads else None
            if address is not None and self.forwarder is not None:
                return await self.forwarder.send(request, content, address)
            user = UserApi(self.endpoint, found)
            return await entry.handler(
                Call(request, user, self.desk, self.checks, self.defaults, self.executor, content)
            )
        except OneError as error:
            status, message, retry = status_of(error)
            _LOG.log(
                logging.WARNING if status >= 500 else logging.INFO,
                "%s %s of %s: %s %s",
                request.method,
                request.url.path,
                found.user,
                status,
                message,
            )
            return told(status, message, retry)


def application(
    desk: Desk,
    endpoint: str,
    checks: Checks,
    *,
    leader: Callable[[], str | None],
    period: int = 60,
    number: int = 1,
) -> Starlette:
    """The REST interface on ``desk`` and the API at ``endpoint``, with ``checks`` of what it is given.

    ``leader()`` says who may change services: None is this server, an address ``http://HOST:PORT`` another one, to
    which requests are passed, an empty text nobody at the moment. ``period`` (seconds) and ``number`` are the defaults
    of scheduled actions.
    """
    executor = ThreadPoolExecutor(THREADS, "rest")
    server = _Server(desk, endpoint, checks, leader, Defaults(period, number), executor)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        server.forwarder = Forwarder()
        try:
            yield
        finally:
            await server.forwarder.close()
            executor.shutdown(wait=False, cancel_futures=True)

    paths: dict[str, dict[str, Entry]] = {}
    for entry in TABLE:
        paths.setdefault(entry.path, {})[entry.verb] = entry
    routes = [Route(path, _endpoint(server, verbs), methods=list(verbs)) for path, verbs in paths.items()]
    return Starlette(
        routes=[*routes, Route("/openapi.json", _describing(checks.schema))],
        lifespan=lifespan,
        exception_handlers={HTTPException: _http_error},
    )


def _endpoint(server: _Server, verbs: dict[str, Entry]) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        verb = "GET" if request.method == "HEAD" else request.method
        return await server.answer(verbs[verb], request)

    return endpoint


def _describing(schema: JsonObject) -> Callable[[Request], Awaitable[Response]]:
    """The OpenAPI document; it holds nothing that is anybody's, and needs no user."""
    document = description(schema)

    async def endpoint(_: Request) -> Response:
        return shown(document)

    return endpoint


async def _http_error(_: Request, error: Exception) -> Response:
    """No such path, or not with this verb."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    text = {404: "There is no such path: /openapi.json names them.", 405: "The path has no such verb."}
    return told(status, text.get(status, "The request cannot be answered."))
