"""The OpenAPI document: every route, and nothing that points nowhere."""

import json
import re
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from flow.rest.openapi import description
from flow.rest.table import TABLE, Entry

SCHEMA = {"type": "object", "required": ["name", "roles"]}
REFERENCE = "#/components/schemas/"


def _references(value: object) -> list[str]:
    if isinstance(value, dict):
        here = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return here + [found for inner in value.values() for found in _references(inner)]
    return [found for inner in value for found in _references(inner)] if isinstance(value, list) else []


@pytest.mark.parametrize("entry", TABLE, ids=lambda entry: f"{entry.verb} {entry.path}")
def test_a_route_is_described(entry: Entry) -> None:
    path = re.sub(r":\w+}", "}", entry.path)
    operation: dict[str, Any] = description(SCHEMA)["paths"][path][entry.verb.lower()]
    assert operation["operationId"] == entry.handler.__name__
    assert str(entry.status) in operation["responses"]
    assert {"400", "401", "403", "404", "500", "503"} <= set(operation["responses"])
    assert [found["name"] for found in operation["parameters"]] == re.findall(r"{(\w+)", entry.path)
    assert ("requestBody" in operation) is bool(entry.body)
    assert entry.handler.__doc__


def test_references_and_schemas_hold() -> None:
    found = json.loads(json.dumps(description(SCHEMA)))
    schemas = found["components"]["schemas"]
    for reference in _references(found["paths"]):
        assert reference.removeprefix(REFERENCE) in schemas
    for schema in schemas.values():
        Draft202012Validator.check_schema(schema)
    used = {reference.removeprefix(REFERENCE) for reference in _references(found["paths"])}
    assert used == set(schemas)


def test_the_schemas_take_what_the_interface_takes() -> None:
    schemas = description(SCHEMA)["components"]["schemas"]

    def takes(name: str, body: object) -> bool:
        return bool(Draft202012Validator(schemas[name]).is_valid(body))

    assert takes("Scale", {"role_name": "a", "cardinality": 2, "force": True})
    assert not takes("Scale", {"role_name": "a", "cardinality": -2})
    assert takes("ServiceAction", {"action": {"perform": "recover", "params": {"delete": True}}})
    assert not takes("ServiceAction", {"action": {"perform": "dance"}})
    assert takes("RoleChange", {"action": {"perform": "add_role", "params": {"role": {"name": "x"}}}})
    assert takes("Deletion", {})
    assert not takes("Deletion", {"delete_type": "some"})
