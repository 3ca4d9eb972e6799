"""Objects by id, range or name."""

import os
import re

from flow.commands.client import Client
from flow.commands.errors import ContentError, RefusedError, UsageError
from flow.types import JsonObject
from onelib.api import DEFAULT_ENDPOINT, Api

MAX_RANGE = 100_000
_RANGE = re.compile(r"([0-9]+)\.\.([0-9]+)")
_ID = re.compile(r"[0-9]+")


def documents(client: Client, path: str) -> list[JsonObject]:
    """What ``GET PATH`` lists. Raises :class:`~onelib.errors.OneError`."""
    pool = client.get(path).get("DOCUMENT_POOL")
    found = pool.get("DOCUMENT", []) if isinstance(pool, dict) else None
    if not isinstance(found, list):
        raise ContentError("The server answers no list of documents.", todo="Is that the address of OneFlow?")
    return found


def one_id(client: Client, path: str, text: str) -> int:
    """The id of the object that ``text`` means. Raises :class:`RefusedError`."""
    if _ID.fullmatch(text):
        return int(text)
    kind = path.strip("/").upper().replace("_", " ")
    found = sorted(int(each["ID"]) for each in documents(client, path) if each.get("NAME") == text)
    if not found:
        raise RefusedError(f"{kind} named {text} not found.", todo="`list` shows what there is.")
    if len(found) > 1:
        todo = f"Use one of the ids {', '.join(map(str, found))}."
        raise RefusedError(f"There are multiple {kind}s with name {text}.", todo=todo)
    return found[0]


def many_ids(client: Client, path: str, text: str) -> list[int]:
    """The ids that ``1..3,7,name`` means, each once. Raises :class:`RefusedError` or :class:`UsageError`."""
    ids: dict[int, None] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        ends = _RANGE.fullmatch(part)
        if ends is None:
            ids[one_id(client, path, part)] = None
            continue
        first, last = int(ends[1]), int(ends[2])
        if not first <= last < first + MAX_RANGE:
            raise UsageError(f"The range {part} has no end.", todo="Write the smaller id first.")
        ids.update(dict.fromkeys(range(first, last + 1)))
    if not ids:
        raise UsageError("No object is named.", todo="Give an id, a range 1..5,7 or a name.")
    return list(ids)


def owner_id(client: Client, kind: str, text: str) -> int:
    """The id of a user or group, by its name from the API of OpenNebula. Raises :class:`~onelib.errors.OneError`."""
    if _ID.fullmatch(text):
        return int(text)
    api = Api(os.environ.get("ONE_XMLRPC") or DEFAULT_ENDPOINT, client.credentials)
    for element in api.xml(f"one.{kind}pool.info"):
        if element.findtext("NAME") == text:
            return int(element.findtext("ID") or -1)
    raise RefusedError(f"{kind.upper()} named {text} not found.", todo=f"`one {kind} list` shows what there is.")
