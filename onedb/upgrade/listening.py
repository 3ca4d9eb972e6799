"""Whether an ``oned`` answers where clients of this front-end would ask it."""

import contextlib
import os

from oned.config import DatabaseSettings, Settings, read_settings
from oned.errors import ConfigError
from onelib.locations import Locations

SECONDS = 3.0
"""How long an answer may take; an ``oned`` that is at work on a database is found by its connections too."""


def endpoint_of(settings: DatabaseSettings) -> str:
    """Where an ``oned`` on this database would listen; empty where that cannot be known.

    ``ONE_XMLRPC`` says it, or oned.conf for the database that it names. An ``oned`` of another database is nobody's
    concern.
    """
    if named := os.environ.get("ONE_XMLRPC", "").strip():
        return named
    locations = Locations.from_environment()
    with contextlib.suppress(ConfigError):
        found = read_settings(locations.etc / "oned.conf", locations)
        if _place(found.database) == _place(settings):
            return _address(found)
    return ""


def _place(settings: DatabaseSettings) -> tuple[object, ...]:
    if settings.backend == "sqlite":
        return "sqlite", os.path.realpath(settings.path)
    return "mysql", settings.server, settings.port or 3306, settings.name


def _address(found: Settings) -> str:
    host = "localhost" if found.listen in {"0.0.0.0", "::", ""} else found.listen
    return f"http://{f'[{host}]' if ':' in host else host}:{found.port}/RPC2"


def answers(endpoint: str) -> bool:
    """Whether something there speaks XML-RPC, whatever it answers to a call without credentials."""
    import http.client
    import urllib.request
    import xmlrpc.client

    body = xmlrpc.client.dumps(("",), "one.system.version").encode()
    try:
        request = urllib.request.Request(endpoint, body, {"Content-Type": "text/xml"})  # noqa: S310 (checked below)
        if request.type not in {"http", "https"}:
            return False
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=SECONDS) as answer:
            return b"<methodResponse>" in answer.read(1 << 16)
    except (OSError, ValueError, http.client.HTTPException):
        return False
