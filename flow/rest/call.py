"""One request: who calls, and what it holds. Everything here is somebody else's text, and bounded."""

import asyncio
import base64
import binascii
import json
import re
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

from starlette.requests import ClientDisconnect, Request

from flow.rest.checks import Checks
from flow.rest.desk import Desk
from flow.rest.documents import MAX_ID, strict_loads
from flow.rest.refusal import TOO_LARGE, RefusalError, bad, not_found
from flow.types import JsonObject
from onelib.api import Api, Parameter
from onelib.auth import Credentials

MAX_BODY = 8 * 1024 * 1024
"""Bytes of a body: a template with ten thousand roles has two to four million."""
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
"""What XML, and so the API, cannot carry."""
_P = ParamSpec("_P")
_T = TypeVar("_T")


class UserApi(Api):
    """The API as the user of one request: it is called from threads of others, and leaves no connection in them."""

    def call(self, method: str, *parameters: Parameter) -> Any:  # noqa: ANN401  as Api's
        """The result of ``method``. Raises as :meth:`onelib.api.Api.call`."""
        try:
            return super().call(method, *parameters)
        finally:
            self.close()


def credentials(header: str) -> Credentials | None:
    """The user and the password, or token, of HTTP's basic authentication; None when there are none."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        text = base64.b64decode(encoded.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
    user, colon, password = text.partition(":")
    return Credentials(user, password) if colon and user and password and not _CONTROL.search(text) else None


def carried(text: str) -> bool:
    """Whether the API can carry ``text``."""
    return not _CONTROL.search(text)


@dataclass(frozen=True)
class Defaults:
    """What applies to scheduled actions that do not say it: seconds between batches, machines in a batch."""

    period: int = 60
    number: int = 1


@dataclass(frozen=True)
class Call:
    """A request of ``user``, with what answers it."""

    request: Request
    user: Api
    desk: Desk
    checks: Checks
    defaults: Defaults
    executor: Executor
    content: bytes

    @property
    def oid(self) -> int:
        """The id in the path. Raises a refusal with 404 for one that no object can have."""
        oid = int(self.request.path_params["id"])
        if oid > MAX_ID:
            raise not_found(f"[one.document.info] Error getting document [{oid}].")
        return oid

    async def work(self, function: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """``function`` in a thread: what waits for the API, or takes time."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.executor, lambda: function(*args, **kwargs))

    async def object(self) -> JsonObject:
        """The body, a JSON object; {} for an empty one. Raises a refusal with 400."""
        return await self.work(parse_object, self.content)

    async def action(self) -> tuple[str, JsonObject]:
        """``perform`` and ``params`` of a body ``{"action": ...}``. Raises a refusal with 400."""
        action = (await self.object()).get("action")
        if not isinstance(action, dict) or not isinstance(action.get("perform"), str):
            raise bad('The body has to be {"action": {"perform": "...", "params": {...}}}.')
        params = action.get("params")
        if params is None:
            params = {}
        if not isinstance(params, dict):
            raise bad("The action's params have to be an object.")
        return action["perform"], params


async def read_content(request: Request) -> bytes:
    """The body. Raises a refusal with 413 as soon as it is too large, 400 when the client goes away."""
    parts, size = [], 0
    try:
        async for part in request.stream():
            size += len(part)
            if size > MAX_BODY:
                raise RefusalError(f"The body is larger than {MAX_BODY} bytes.", TOO_LARGE)
            parts.append(part)
    except ClientDisconnect:
        raise bad("The body is not complete.") from None
    return b"".join(parts)


def parse(content: bytes | str) -> Any:  # noqa: ANN401  whatever it says
    """JSON in UTF-8. Raises a refusal with 400 that says where it is wrong."""
    try:
        found = strict_loads(content if isinstance(content, str) else content.decode())
        json.dumps(found, ensure_ascii=False).encode()  # halves of characters are none
    except UnicodeError:
        raise bad("The body is not JSON: it is not UTF-8.") from None
    except RecursionError:
        raise bad("The body is not JSON that can be used: it is nested too deeply.") from None
    except ValueError as error:
        raise bad(f"The body is not JSON: {error}") from None
    return found


def parse_object(content: bytes | str) -> JsonObject:
    """The same, for an object; {} for an empty text."""
    found = parse(content) if content.strip() else {}
    if not isinstance(found, dict):
        raise bad("The body is not a JSON object.")
    return found
