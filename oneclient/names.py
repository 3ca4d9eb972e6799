"""Objects by id, range or name."""

import re
from functools import lru_cache

from oneclient.errors import NotFoundError, UsageError
from oneclient.resources import RESOURCES
from oneclient.table import Resource
from onelib.api import Api, Parameter
from onelib.template_xml import Element

ALL_OBJECTS = -10
MAX_RANGE = 100_000
_RANGE = re.compile(r"(\d+)\.\.(\d+)")
_FLAGS = {"all": -2, "a": -2, "mine": -3, "m": -3, "group": -1, "g": -1, "primary": -4, "G": -4}


def is_id(text: str) -> bool:
    """A number and no name."""
    return text.isascii() and text.isdigit()


def pool(api: Api, resource: Resource, flag: int = -2, extra: tuple[int, ...] | None = None) -> Element:
    """The objects that the caller may see."""
    parameters: list[Parameter] = []
    if resource.flagged:
        parameters = [flag, -1, -1, *(resource.extra if extra is None else extra)]
    return api.xml(f"one.{resource.pool}.info", *parameters)


@lru_cache(maxsize=32)
def _ids_by_name(api: Api, name: str) -> dict[str, list[int]]:
    """One look at a pool for all the names of a command line."""
    found: dict[str, list[int]] = {}
    for element in pool(api, RESOURCES[name]):
        text, oid = element.findtext("NAME"), element.findtext("ID")
        if text and oid:
            found.setdefault(text, []).append(int(oid))
    return found


def one_id(api: Api, resource: str, text: str) -> int:
    """The id of the object that ``text`` means. Raises :class:`NotFoundError`."""
    if is_id(text):
        return int(text)
    found = _ids_by_name(api, resource).get(text, [])
    kind = resource.upper()
    if not found:
        raise NotFoundError(f"{kind} named {text} not found.", todo=f"`one {resource} list` shows what there is.")
    if len(found) > 1:
        todo = f"Use one of the ids {', '.join(map(str, sorted(found)))}."
        raise NotFoundError(f"There are multiple {kind}s with name {text}.", todo=todo)
    return found[0]


def many_ids(api: Api, resource: str, text: str) -> list[int]:
    """The ids that ``1..3,7,name`` means, each once. Raises :class:`NotFoundError` or :class:`UsageError`."""
    ids: dict[int, None] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        ends = _RANGE.fullmatch(part)
        if ends is None:
            ids[one_id(api, resource, part)] = None
            continue
        first, last = int(ends[1]), int(ends[2])
        if not first <= last < first + MAX_RANGE:
            raise UsageError(f"The range {part} has no end.", todo="Write the smaller id first.")
        ids.update(dict.fromkeys(range(first, last + 1)))
    if not ids:
        raise UsageError("No object is named.", todo="Give an id, a range 1..5,7 or a name.")
    return list(ids)


def filter_flag(api: Api, text: str) -> int:
    """What a pool is asked for: ``a``, ``m``, ``g``, ``G``, or a user, whose objects are meant."""
    return _FLAGS[text] if text in _FLAGS else one_id(api, "user", text)
