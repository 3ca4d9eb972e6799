"""What goes beyond one document: clones and deletions of service templates with the VM templates of their roles."""

import time
from contextlib import suppress

from flow.rest import documents
from flow.rest.documents import TEMPLATE
from flow.rest.refusal import refused
from flow.types import JsonObject
from onelib.api import Api
from onelib.errors import OneError
from onelib.template_xml import text_of

_LONGEST_NAME = 128
_TIME = "registration_time"


def _roles(body: JsonObject) -> list[JsonObject]:
    roles = body.get("roles")
    return [role for role in roles if isinstance(role, dict)] if isinstance(roles, list) else []


def _vm_template(role: JsonObject) -> int:
    try:
        return int(role["vm_template"])
    except (KeyError, TypeError, ValueError):
        raise refused(f"Role '{role.get('name')}' has no vm_template.") from None


def delete(api: Api, oid: int, kind: str) -> None:
    """Delete a service template; ``templates`` and ``all``: first the VM templates of its roles, with their images.

    All of them have to exist and be the user's to delete, as far as reading tells, before the first is deleted.
    """
    root = documents.read(api, TEMPLATE, oid)
    if kind != "none":
        ids = list(dict.fromkeys(_vm_template(role) for role in _roles(documents.body_of(root))))
        for vm_template in ids:
            api.call("one.template.info", vm_template)
        for vm_template in ids:
            api.call("one.template.delete", vm_template, kind == "all")
    api.call("one.document.delete", oid)


def clone(api: Api, oid: int, name: str, kind: str) -> int:
    """The id of a copy; ``templates`` and ``all``: its roles use copies of the VM templates, with their images.

    What was made is deleted again when the rest cannot be.
    """
    body = documents.body_of(documents.read(api, TEMPLATE, oid))
    new = int(api.call("one.document.clone", oid, name))
    made: dict[int, int] = {}
    try:
        for role in _roles(body) if kind != "none" else []:
            source = _vm_template(role)
            if source not in made:
                made[source] = _clone_vm_template(api, source, name, images=kind == "all")
            role["vm_template"] = made[source]
        documents.write(api, new, body | {_TIME: int(time.time())})
    except OneError:
        _take_back(api, new, list(made.values()), images=kind == "all")
        raise
    return new


def _clone_vm_template(api: Api, oid: int, name: str, *, images: bool) -> int:
    old = text_of(api.xml("one.template.info", oid).find("NAME"))
    tail = f"-{name}"
    longest = max(1, _LONGEST_NAME - len(tail))
    return int(api.call("one.template.clone", oid, f"{old[:longest]}{tail}"[:_LONGEST_NAME], images))


def _take_back(api: Api, document: int, vm_templates: list[int], *, images: bool) -> None:
    """As far as it goes: the first error is the one to tell."""
    for oid in vm_templates:
        with suppress(OneError):
            api.call("one.template.delete", oid, images)
    with suppress(OneError):
        api.call("one.document.delete", document)
