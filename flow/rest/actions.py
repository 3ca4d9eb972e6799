"""``{"action": {"perform": ..., "params": ...}}`` of services as the engine's operations."""

from collections.abc import Callable

from flow.engine.operations import (
    Act,
    AddRole,
    Chgrp,
    Chmod,
    Chown,
    Operation,
    Recover,
    Release,
    RemoveRole,
    Rename,
)
from flow.rest.call import Defaults, parse_object
from flow.rest.checks import Check
from flow.rest.refusal import bad, refused
from flow.rest.values import flag, needs, number, octet, text
from flow.types import JsonObject

MACHINE_ACTIONS = (
    "terminate",
    "terminate-hard",
    "undeploy",
    "undeploy-hard",
    "hold",
    "release",
    "stop",
    "suspend",
    "resume",
    "reboot",
    "reboot-hard",
    "poweroff",
    "poweroff-hard",
    "snapshot-create",
    "snapshot-revert",
    "snapshot-delete",
    "disk-snapshot-create",
    "disk-snapshot-revert",
    "disk-snapshot-delete",
)
"""What a service or a role lets the scheduler do with its machines. ``release`` of a whole service is 6.4's."""


def _recover(params: JsonObject) -> Operation:
    return Recover(flag(params, "delete"))


def _chown(params: JsonObject) -> Operation:
    needs("chown", params, "owner_id", "a UID")
    group = number(params, "group_id", -1, least=-1)
    return Chown(number(params, "owner_id", least=-1), None if group < 0 else group)


def _chgrp(params: JsonObject) -> Operation:
    needs("chgrp", params, "group_id", "a GID")
    return Chgrp(number(params, "group_id"))


def _chmod(params: JsonObject) -> Operation:
    needs("chmod", params, "octet", "an OCTET")
    return Chmod(octet(params))


def _rename(params: JsonObject) -> Operation:
    needs("rename", params, "name", "a name")
    return Rename(text(params, "name"))


def _release(_: JsonObject) -> Operation:
    return Release()


_OWN: dict[str, Callable[[JsonObject], Operation]] = {
    "recover": _recover,
    "chown": _chown,
    "chgrp": _chgrp,
    "chmod": _chmod,
    "rename": _rename,
    "release": _release,
}
SERVICE_ACTIONS = tuple(dict.fromkeys((*_OWN, *MACHINE_ACTIONS)))
ROLE_CHANGES = ("add_role", "remove_role")


def service_operation(perform: str, params: JsonObject, defaults: Defaults) -> Operation:
    """What ``POST /service/ID/action`` asks for. Raises a refusal."""
    make = _OWN.get(perform)
    return machines_operation(None, perform, params, defaults) if make is None else make(params)


def machines_operation(role: str | None, perform: str, params: JsonObject, defaults: Defaults) -> Operation:
    """An action on the machines of a role, of all roles without one. Raises a refusal."""
    if perform not in MACHINE_ACTIONS:
        raise refused(f"Action {perform} not supported")
    args = params.get("args")
    if args is not None and not isinstance(args, (str, int)):
        raise bad("args has to be a text: values, separated by commas.")
    return Act(
        role=role,
        perform=perform,
        args="" if args is None else str(args),
        period=number(params, "period", defaults.period),
        number=number(params, "number", defaults.number),
    )


def role_operation(perform: str, params: JsonObject, check_role: Check) -> Operation:
    """What ``POST /service/ID/role_action`` asks for. A role is an object, or upstream's text with one."""
    if perform == "remove_role":
        return RemoveRole(text(params, "role"))
    if perform != "add_role":
        raise refused(f"Action {perform} not supported")
    role = params.get("role")
    if isinstance(role, str):
        role = parse_object(role)
    if not isinstance(role, dict):
        raise bad("role has to be an object, or a text with one.")
    return AddRole(check_role(role))
