"""A client of the REST interface; it finds server and user as upstream's commands do, but no password in ``argv``."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from flow.commands.errors import ContentError, InputError, RefusedError, UnreachableError, UsageError
from flow.types import JsonObject
from onelib.auth import Credentials, read_auth
from onelib.locations import Locations

DEFAULT_URL = "http://localhost:2474"
SECONDS = 120
_HINTS = {
    401: "Ask its owner or an administrator for the right.",
    403: "Are user and password right? They come from --username, $ONEFLOW_USER, $ONE_AUTH or ~/.one/one_auth.",
    404: "`list` shows what there is.",
}


@dataclass(frozen=True)
class Access:
    """What the command line says about it; None where it says nothing."""

    url: str | None = None
    user: str | None = None
    password_file: str | None = None

    def open(self) -> "Client":
        """The client. Raises :class:`~onelib.errors.OneError` without usable credentials."""
        url = self.url or os.environ.get("ONEFLOW_URL") or DEFAULT_URL
        if not url.lower().startswith(("http://", "https://")):
            raise UsageError(f"{url} is no address of a server.", todo=f"Write one as {DEFAULT_URL}.")
        return Client(url.rstrip("/"), self.credentials())

    def credentials(self) -> Credentials:
        """Who calls. Raises :class:`~onelib.errors.OneError`."""
        user = self.user or os.environ.get("ONEFLOW_USER")
        if user is None:
            if self.password_file is not None:
                raise UsageError("--password-file without --username.", todo="Say whose password it is.")
            return _auth_file()
        if self.password_file is not None:
            return Credentials(user, _first_line(self.password_file))
        known = os.environ.get("ONEFLOW_PASSWORD")
        if known:
            return Credentials(user, known)
        if not sys.stdin.isatty():
            raise UsageError(
                f"There is no password of {user}, and nobody to ask.",
                todo="Set ONEFLOW_PASSWORD, or name a file with --password-file, - for standard input.",
            )
        from getpass import getpass

        return Credentials(user, getpass(f"Password of {user}: "))


def _auth_file() -> Credentials:
    named = os.environ.get("ONE_AUTH")
    paths = (
        [Path(named)] if named else [Path.home() / ".one/one_auth", Locations.from_environment().auth / "one_auth"]
    )
    return read_auth(next((path for path in paths if os.access(path, os.R_OK)), paths[0]))


def _first_line(path: str) -> str:
    found = read_file(path).split("\n", 1)[0].rstrip("\r")
    if not found:
        raise UsageError("The password is empty.", todo="Put it on the first line.")
    return found


def read_file(path: str) -> str:
    """The text of a file, of standard input for ``-``. Raises :class:`InputError`."""
    if path == "-":
        return sys.stdin.read()
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise InputError(
            f"The file {path} cannot be read: {reason}.", todo="Name a file, or - for input."
        ) from None


class Client:
    """Requests as one user; answers are documents."""

    def __init__(self, url: str, credentials: Credentials) -> None:
        self._url = url
        self.credentials = credentials
        self._http = httpx.Client(auth=(credentials.user, credentials.password), timeout=SECONDS)

    def close(self) -> None:
        """Let go of the connection."""
        self._http.close()

    def get(self, path: str) -> JsonObject:
        """What stands there. Raises as :meth:`send`."""
        return self.send("GET", path)

    def document(self, path: str) -> JsonObject:
        """The one document that stands there. Raises as :meth:`send`."""
        return document_in(self.get(path), self._url)

    def send(self, verb: str, path: str, body: JsonObject | str | None = None) -> JsonObject:
        """The answer, {} for an empty one. ``body`` is an object, or a text that holds one.

        Raises :class:`RefusedError` with the server's words, :class:`UnreachableError`.
        """
        content = body if isinstance(body, str) else None
        data: Any = None if isinstance(body, str) else body
        headers = {} if content is None else {"Content-Type": "application/json"}
        try:
            answer = self._http.request(verb, self._url + path, content=content, json=data, headers=headers)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise UnreachableError(
                f"The server at {self._url} does not answer: {error}.",
                todo="Start opennebula-flow, or name its address with --server.",
            ) from None
        if answer.is_error:
            text = answer.text.strip() or answer.reason_phrase
            raise RefusedError(text, todo=_HINTS.get(answer.status_code, ""))
        return _object(answer)

    def act(self, path: str, perform: str, params: JsonObject) -> JsonObject:
        """``POST PATH/action``. Raises as :meth:`send`."""
        return self.send("POST", f"{path}/action", {"action": {"perform": perform, "params": params}})


def document_in(found: JsonObject, url: str = "The server") -> JsonObject:
    """``DOCUMENT`` of an answer. Raises :class:`ContentError`."""
    document = found.get("DOCUMENT")
    if not isinstance(document, dict):
        raise ContentError(f"{url} answers no document.", todo="Is that the address of OneFlow?")
    return document


def _object(answer: httpx.Response) -> JsonObject:
    if not answer.content:
        return {}
    try:
        found = answer.json()
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise ContentError(
            f"{answer.url.copy_with(userinfo=b'')} answers no JSON object.", todo="Is that the address of OneFlow?"
        )
    return found
