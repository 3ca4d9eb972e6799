"""Service templates and services as documents of the API, and as the JSON that clients get.

REST shows a document as upstream's clients know it: every value below ``DOCUMENT`` is a text, repeated elements are a
list, an empty element is ``{}``; ``TEMPLATE/BODY`` is the JSON that the document holds.
"""

import json
from math import isinf
from typing import Any

from flow.rest.refusal import not_found, refused
from flow.types import JsonObject
from onelib.api import Api
from onelib.template import cdata
from onelib.template_xml import Element, text_of

SERVICE, TEMPLATE = 100, 101
"""The types of documents."""
MAX_ID = 2**31 - 1
MAX_DEPTH = 100
_ALL, _ANY, _APPEND = -2, -1, 1


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _finite(digits: str) -> float:
    found = float(digits)
    if isinf(found):
        raise ValueError(f"{digits[:20]} is too large a number")
    return found


def strict_loads(text: str) -> Any:  # noqa: ANN401  whatever the text says
    """JSON that can be written again: no ``NaN``, no infinite numbers, not nested deeper than :data:`MAX_DEPTH`.

    Raises ``ValueError``, ``RecursionError``.
    """
    found = json.loads(text, parse_constant=_no_constant, parse_float=_finite)
    level, depth = [found], 0
    while level := [value for value in level if isinstance(value, (dict, list))]:
        depth += 1
        if depth > MAX_DEPTH:
            raise RecursionError
        level = [inner for value in level for inner in (value.values() if isinstance(value, dict) else value)]
    return found


def plain(element: Element) -> Any:  # noqa: ANN401  text, mapping or list
    """``element`` without attributes, by the rules above."""
    children = [child for child in element if isinstance(child.tag, str)]
    if not children:
        return element.text if element.text is not None else {}
    found: JsonObject = {}
    for child in children:
        tag, value = str(child.tag), plain(child)
        if tag not in found:
            found[tag] = value
        elif isinstance(found[tag], list):
            found[tag].append(value)
        else:
            found[tag] = [found[tag], value]
    return found


def _shown(root: Element) -> JsonObject:
    """One document. A body that is no JSON (anybody may write one through the API) stays the text that it is."""
    document: JsonObject = plain(root)
    template = document.get("TEMPLATE")
    if isinstance(template, dict) and isinstance(template.get("BODY"), str):
        try:
            template["BODY"] = strict_loads(template["BODY"])
        except (ValueError, RecursionError):
            return document
    return document


def dumps(data: JsonObject) -> str:
    """``data`` as JSON without blanks."""
    return json.dumps(data, separators=(",", ":"))


def pool(api: Api, kind: int) -> str:
    """All documents of ``kind`` that the user may see, as JSON; ``DOCUMENT`` is missing when there are none.

    Written one by one: a single long text would keep all other threads, and with them the engine, from their work.
    """
    root = api.xml("one.documentpool.info", _ALL, -1, -1, kind)
    found = ",".join([dumps(_shown(child)) for child in root if child.tag == "DOCUMENT"])
    inner = f'"DOCUMENT":[{found}]' if found else ""
    return f'{{"DOCUMENT_POOL":{{{inner}}}}}'


def read(api: Api, kind: int, oid: int) -> Element:
    """The document. Raises a refusal with 404 when it is of another type: it is none of ours."""
    root = api.xml("one.document.info", oid)
    if text_of(root.find("TYPE")) != str(kind):
        raise not_found(f"[one.document.info] Error getting document [{oid}].")
    return root


def show(api: Api, kind: int, oid: int) -> JsonObject:
    """The document as clients get it."""
    return {"DOCUMENT": _shown(read(api, kind, oid))}


def body_of(root: Element) -> JsonObject:
    """What the document holds. Raises a refusal with 500 when that is no JSON object."""
    try:
        body = strict_loads(text_of(root.find("TEMPLATE/BODY")))
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise refused(
            f"The body of document {text_of(root.find('ID'))} is no JSON object: update it, or delete it."
        )
    return body


def document_xml(body: JsonObject, name: str | None = None) -> str:
    """The text that allocates or updates a document."""
    head = "" if name is None else f"<NAME>{cdata(name)}</NAME>"
    return f"<TEMPLATE>{head}<BODY>{cdata(json.dumps(body))}</BODY></TEMPLATE>"


def write(api: Api, oid: int, body: JsonObject) -> None:
    """Replace the body; other attributes, such as labels of a web interface, stay."""
    api.call("one.document.update", oid, document_xml(body), _APPEND)


def allocate(api: Api, kind: int, body: JsonObject, name: str) -> int:
    """A new document's id."""
    return int(api.call("one.document.allocate", document_xml(body, name), kind))
