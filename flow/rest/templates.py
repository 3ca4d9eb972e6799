"""``/service_template``: everything with the API, as the user; only an instantiation is the engine's."""

import time

from starlette.responses import Response

from flow.rest import cloning, documents
from flow.rest.answers import done, shown
from flow.rest.call import Call, parse_object
from flow.rest.checks import Check
from flow.rest.documents import TEMPLATE
from flow.rest.refusal import bad, refused
from flow.rest.values import bits, flag, needs, number, octet, text
from flow.types import JsonObject
from onelib.api import Api
from onelib.template import Template, TemplateError
from onelib.template_xml import text_of

TIME = "registration_time"
DELETE_TYPES = ("none", "templates", "all")
TEMPLATE_ACTIONS = ("instantiate", "chown", "chgrp", "chmod", "rename", "update", "clone")


async def list_templates(call: Call) -> Response:
    """All that the user may see."""
    return shown(await call.work(documents.pool, call.user, TEMPLATE))


async def show_template(call: Call) -> Response:
    """One."""
    return shown(await call.work(documents.show, call.user, TEMPLATE, call.oid))


async def create_template(call: Call) -> Response:
    """A new one."""
    body = await call.object()
    return shown(await call.work(_create, call.user, call.checks.template, body), 201)


async def update_template(call: Call) -> Response:
    """Replace its body."""
    body = await call.object()
    return shown(await call.work(_update, call.user, call.checks.template, call.oid, body))


async def delete_template(call: Call) -> Response:
    """Delete it, and with it the VM templates of its roles, and their images, where that is asked for."""
    kind = (await call.object()).get("delete_type") or "none"
    if kind not in DELETE_TYPES:
        raise bad(f"delete_type has to be one of {', '.join(DELETE_TYPES)}.")
    await call.work(cloning.delete, call.user, call.oid, kind)
    return done()


async def act_on_template(call: Call) -> Response:
    """Instantiate, clone, update, owner, group, permissions, name."""
    perform, params = await call.action()
    if perform == "instantiate":
        return await _instantiate(call, params)
    if perform == "clone":
        return shown(await call.work(_clone, call.user, call.oid, params), 201)
    if perform == "update":
        await call.work(_change_content, call.user, call.checks.template, call.oid, params)
        return done()
    method = _CHANGES.get(perform)
    if method is None:
        raise refused(f"Action {perform} not supported")
    await call.work(method, call.user, call.oid, params)
    return done()


async def _instantiate(call: Call, params: JsonObject) -> Response:
    merge = params.get("merge_template")
    if merge is not None and not isinstance(merge, dict):
        raise bad("merge_template has to be an object.")
    service = await call.desk.create(call.user, call.oid, merge or {})
    return shown(await call.work(documents.show, call.user, documents.SERVICE, service), 201)


def _create(api: Api, check_template: Check, body: JsonObject) -> JsonObject:
    checked = check_template(body) | {TIME: int(time.time())}
    return documents.show(api, TEMPLATE, documents.allocate(api, TEMPLATE, checked, text(checked, "name")))


def _update(api: Api, check_template: Check, oid: int, body: JsonObject, *, append: bool = False) -> JsonObject:
    """Raises a refusal, with 500 as upstream's, when ``body`` has another time of registration."""
    old = documents.body_of(documents.read(api, TEMPLATE, oid))
    if TIME in body and body[TIME] != old.get(TIME):
        raise refused(f"Immutable value: `service_template/{TIME}` can not be changed")
    kept = {TIME: old[TIME]} if TIME in old else {}
    documents.write(api, oid, check_template((old | body) if append else (body | kept)))
    return documents.show(api, TEMPLATE, oid)


def _change_content(api: Api, check_template: Check, oid: int, params: JsonObject) -> None:
    """Update by ``template_json``, a text or an object, or by ``template_raw``, attributes of the document."""
    append = flag(params, "append")
    body, raw = params.get("template_json"), params.get("template_raw")
    if body:
        if not isinstance(body, (str, dict)):
            raise bad("template_json has to be an object, or a text with one.")
        _update(api, check_template, oid, parse_object(body) if isinstance(body, str) else body, append=append)
    elif raw:
        _change_attributes(api, check_template, oid, text(params, "template_raw"), append=append)
    else:
        raise refused("Action update: You have to provide a template")


def _change_attributes(api: Api, check_template: Check, oid: int, raw: str, *, append: bool) -> None:
    """Set attributes beside the body, labels for example; the body stays unless ``raw`` has one that is sound."""
    root = documents.read(api, TEMPLATE, oid)
    try:
        given = Template.parse(raw)
    except TemplateError as error:
        raise bad(f"template_raw: {error.message}") from None
    if "BODY" in given:
        check_template(parse_object(given.get("BODY") or ""))
    elif not append:
        given.set("BODY", text_of(root.find("TEMPLATE/BODY")))
    api.call("one.document.update", oid, given.to_xml(), int(append))


def _clone(api: Api, oid: int, params: JsonObject) -> JsonObject:
    kind = params.get("recursive") or "none"
    if kind not in DELETE_TYPES:
        raise bad(f"recursive has to be one of {', '.join(DELETE_TYPES)}.")
    new = cloning.clone(api, oid, text(params, "name"), kind)
    return documents.show(api, TEMPLATE, new)


def _chown(api: Api, oid: int, params: JsonObject) -> None:
    needs("chown", params, "owner_id", "a UID")
    owner, group = number(params, "owner_id", least=-1), number(params, "group_id", -1, least=-1)
    _own(api, oid, owner, group)


def _chgrp(api: Api, oid: int, params: JsonObject) -> None:
    needs("chgrp", params, "group_id", "a GID")
    _own(api, oid, -1, number(params, "group_id"))


def _own(api: Api, oid: int, owner: int, group: int) -> None:
    documents.read(api, TEMPLATE, oid)
    api.call("one.document.chown", oid, owner, group)


def _chmod(api: Api, oid: int, params: JsonObject) -> None:
    needs("chmod", params, "octet", "an OCTET")
    wanted = bits(octet(params))
    documents.read(api, TEMPLATE, oid)
    api.call("one.document.chmod", oid, *wanted)


def _rename(api: Api, oid: int, params: JsonObject) -> None:
    needs("rename", params, "name", "a name")
    name = text(params, "name")
    documents.read(api, TEMPLATE, oid)
    api.call("one.document.rename", oid, name)


_CHANGES = {
    "chown": _chown,
    "chgrp": _chgrp,
    "chmod": _chmod,
    "rename": _rename,
}
