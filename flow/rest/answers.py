"""Answers: JSON of documents, texts of refusals, nothing."""

from starlette.responses import Response

from flow.rest.documents import dumps
from flow.types import JsonObject


def shown(data: JsonObject | str, status: int = 200) -> Response:
    """A document, or a pool, which is a text already."""
    return Response(data if isinstance(data, str) else dumps(data), status, media_type="application/json")


def done() -> Response:
    """204: there is nothing to say."""
    return Response(status_code=204)


def told(status: int, message: str, retry: int | None = None) -> Response:
    """An error as upstream answers it: a plain sentence. ``retry``: seconds after which to ask again."""
    headers = {} if retry is None else {"Retry-After": str(retry)}
    if status == 401 and retry is None:
        headers["WWW-Authenticate"] = 'Basic realm="OneFlow", charset="UTF-8"'
    return Response(message, status, headers, media_type="text/plain")
