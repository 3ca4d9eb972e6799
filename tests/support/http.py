"""HTTP and XML-RPC requests as a client outside the container makes them; redirects are not followed."""

import http.client
import ssl
import xmlrpc.client
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Answer:
    """Status, headers (lower case) and text of an answer."""

    status: int
    headers: dict[str, str]
    text: str


def fetch(
    url: str, body: bytes | None = None, *, host: str = "", authority: str = "", timeout: float = 20
) -> Answer:
    """GET, or POST with a ``body``. ``authority`` is a PEM certificate to trust; without it none is checked."""
    parts = urlsplit(url)
    context = ssl.create_default_context(cadata=authority or None)
    if not authority:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    name, port = parts.hostname or "", parts.port
    connection: http.client.HTTPConnection = (
        http.client.HTTPSConnection(name, port, timeout=timeout, context=context)
        if parts.scheme == "https"
        else http.client.HTTPConnection(name, port, timeout=timeout)
    )
    try:
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        headers = {"Host": host} if host else {}
        connection.request("GET" if body is None else "POST", path or "/", body, headers)
        found = connection.getresponse()
        text = found.read().decode(errors="replace")
        return Answer(found.status, {key.lower(): value for key, value in found.getheaders()}, text)
    finally:
        connection.close()


def call(address: str, method: str, *arguments: Any, port: int = 2633) -> list[Any]:  # noqa: ANN401 - XML-RPC values
    """Call a method of oned; the envelope: success, value, error code."""
    body = xmlrpc.client.dumps(arguments, method, allow_none=False).encode()
    (answer,), _ = xmlrpc.client.loads(fetch(f"http://{address}:{port}/RPC2", body).text)
    return list(answer)  # type: ignore[arg-type]
