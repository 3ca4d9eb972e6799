"""Requests that only the leading server may do, passed on to it by the others."""

import httpx
from starlette.requests import Request
from starlette.responses import Response

from flow.rest.refusal import unavailable

MARK = "X-OneFlow-Forwarded"
"""On a request that came from another server: it is never passed on again, or two could do so for ever."""
SECONDS = 60
_PASSED = ("authorization", "content-type")
_RETURNED = ("content-type", "retry-after", "www-authenticate")


class Forwarder:
    """A client of the leading server; made where the loop runs, closed with the application."""

    def __init__(self) -> None:
        self._client = httpx.AsyncClient(timeout=SECONDS, trust_env=False, follow_redirects=False)

    async def close(self) -> None:
        """Let go of its connections."""
        await self._client.aclose()

    async def send(self, request: Request, content: bytes, address: str) -> Response:
        """The leader's answer. Raises a refusal with 503 when there is none."""
        if not address or MARK in request.headers:
            raise unavailable("No server leads at the moment: try again.")
        headers = {name: request.headers[name] for name in _PASSED if name in request.headers}
        path = request.scope.get("raw_path") or request.url.path.encode()
        url = httpx.URL(address).copy_with(raw_path=path)
        try:
            answer = await self._client.request(
                request.method, url, headers={**headers, MARK: "1"}, content=content
            )
        except httpx.HTTPError:
            raise unavailable("The server that leads does not answer: try again.") from None
        kept = {name: answer.headers[name] for name in _RETURNED if name in answer.headers}
        return Response(answer.content, answer.status_code, kept)
