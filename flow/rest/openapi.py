"""The OpenAPI document, made of the table of routes."""

import re

from flow.rest.actions import MACHINE_ACTIONS, ROLE_CHANGES, SERVICE_ACTIONS
from flow.rest.table import TABLE, Entry
from flow.rest.templates import DELETE_TYPES, TEMPLATE_ACTIONS
from flow.types import JsonObject

_PARAMETER = re.compile(r"\{(\w+)(?::\w+)?\}")
_ERRORS = {
    "400": "The body is not what it has to be; every error is named.",
    "401": "No credentials, or the user may not.",
    "403": "The credentials are wrong.",
    "404": "There is no such object.",
    "413": "The body is too large.",
    "500": "It cannot be done now, for example in this state; the text says why.",
    "503": "The API or the leading server does not answer; Retry-After says when to ask again.",
}


def _object(required: list[str], **properties: JsonObject) -> JsonObject:
    return {"type": "object", "required": required, "properties": properties}


def _one_of(names: tuple[str, ...]) -> JsonObject:
    return {"type": "string", "enum": list(names)}


def _action(names: tuple[str, ...], **params: JsonObject) -> JsonObject:
    inner = _object(["perform"], perform=_one_of(names), params={"type": "object", "properties": params})
    return _object(["action"], action=inner)


_TEXT: JsonObject = {"type": "string"}
_FLAG: JsonObject = {"type": "boolean"}
_NUMBER: JsonObject = {"type": "integer", "minimum": 0}
_OBJECT: JsonObject = {"type": "object"}
_OWNING = {"owner_id": _NUMBER, "group_id": _NUMBER, "octet": {"type": "string", "pattern": "^[0-7]{3}$"}}
_BATCH = {"period": _NUMBER, "number": _NUMBER, "args": _TEXT}
_DOCUMENT = _object(
    ["DOCUMENT"],
    DOCUMENT=_object(["ID", "NAME", "TYPE", "TEMPLATE"], ID=_TEXT, NAME=_TEXT, TYPE=_TEXT, TEMPLATE=_OBJECT),
)
_SCHEMAS: JsonObject = {
    "Document": _DOCUMENT,
    "DocumentPool": _object(
        ["DOCUMENT_POOL"],
        DOCUMENT_POOL=_object([], DOCUMENT={"type": "array", "items": _DOCUMENT["properties"]["DOCUMENT"]}),
    ),
    "Scale": _object(["role_name", "cardinality"], role_name=_TEXT, cardinality=_NUMBER, force=_FLAG),
    "ServiceAction": _action(SERVICE_ACTIONS, delete=_FLAG, name=_TEXT, **_OWNING, **_BATCH),
    "MachineAction": _action(MACHINE_ACTIONS, **_BATCH),
    "RoleChange": _action(ROLE_CHANGES, role={"oneOf": [_TEXT, _OBJECT]}),
    "TemplateAction": _action(
        TEMPLATE_ACTIONS,
        merge_template=_OBJECT,
        name=_TEXT,
        recursive=_one_of(DELETE_TYPES),
        append=_FLAG,
        template_json={"oneOf": [_TEXT, _OBJECT]},
        template_raw=_TEXT,
        **_OWNING,
    ),
    "Deletion": _object([], delete_type=_one_of(DELETE_TYPES)),
}


def _content(schema: str) -> JsonObject:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}


def _parameters(path: str) -> list[JsonObject]:
    return [
        {"name": name, "in": "path", "required": True, "schema": _NUMBER if name == "id" else _TEXT}
        for name in _PARAMETER.findall(path)
    ]


def _operation(entry: Entry) -> JsonObject:
    good: JsonObject = {"description": "Done."}
    if entry.answer:
        good["content"] = _content(entry.answer)
    answers: JsonObject = {str(entry.status): good}
    if entry.body == "TemplateAction":
        answers["201"] = {"description": "A service, or a copy, was made.", "content": _content("Document")}
    for status, text in _ERRORS.items():
        answers[status] = {"description": text, "content": {"text/plain": {"schema": _TEXT}}}
    found: JsonObject = {
        "operationId": entry.handler.__name__,
        "summary": entry.summary,
        "parameters": _parameters(entry.path),
        "responses": answers,
    }
    if entry.body:
        found["requestBody"] = {"required": entry.body != "Deletion", "content": _content(entry.body)}
    return found


def description(template: JsonObject) -> JsonObject:
    """The whole document, OpenAPI 3.1; ``template`` is the schema of a service template."""
    paths: JsonObject = {}
    for entry in TABLE:
        path = _PARAMETER.sub(r"{\1}", entry.path)
        paths.setdefault(path, {})[entry.verb.lower()] = _operation(entry)
    return {
        "openapi": "3.1.0",
        "info": {"title": "OneFlow", "version": "6.0", "description": "Services of several virtual machines."},
        "security": [{"basic": []}],
        "paths": paths,
        "components": {
            "schemas": {"ServiceTemplate": template, **_SCHEMAS},
            "securitySchemes": {
                "basic": {"type": "http", "scheme": "basic", "description": "User and password, or token."}
            },
        },
    }
