"""Objects that belong to a user who has each name once: networks, their templates, security groups."""

from collections.abc import Callable
from typing import Any, TypeVar

from oned.access.acl import Kind, Op, Target
from oned.database.pools import load
from oned.errors import ActionError, AllocateError, AuthorizationError, InternalError
from oned.methods.call import Call
from oned.methods.restricted import changed_restricted
from oned.methods.shared import Owned, parse_template
from oned.model.base import OwnedObject, check_name, umask_bits
from oned.storage.reading import named
from onelib.template import Template

Owner = TypeVar("Owner", bound=OwnedObject)


def owner_fields(call: Call) -> dict[str, Any]:
    """The fields of a new object that belongs to the caller, without its name and template."""
    caller = call.caller
    admin = caller.uid == 0 or caller.gid == 0
    return {
        "oid": -1,
        "uid": caller.uid,
        "gid": caller.gid,
        "uname": caller.uname,
        "gname": caller.gname,
        "bits": umask_bits(caller.umask, admin=admin, other=call.settings.other_permissions),
        "lock": None,
    }


def check_creation(call: Call, kind: Kind) -> None:
    """Raise :class:`AuthorizationError` unless the caller may have a new object of ``kind``."""
    call.authorization().add(Op.CREATE, _new(call, kind)).check()


def _new(call: Call, kind: Kind) -> Target:
    return Target(kind, uid=call.caller.uid, gid=call.caller.gid)


def copy(call: Call, cls: type[OwnedObject], oid: int, name: str, create: Callable[[Call, Template], int]) -> int:
    """A copy of the caller's, called ``name``, that ``create`` makes of a template."""
    source = load(call.transaction, cls, oid)
    call.authorization().add(Op.USE, source.target()).add(Op.CREATE, _new(call, cls.kind)).check()
    template = source.template.copy()
    template.set("NAME", name)
    try:
        return create(call, template)
    except InternalError as error:
        raise AllocateError(error.detail, kind=cls.kind.label) from None


def merge_extra(call: Call, template: Template, text: str, restricted: str) -> None:
    """Merge what a client adds to a template that it uses; ``restricted`` lists what users cannot change.

    Raises :class:`InternalError` and :class:`AuthorizationError`.
    """
    extra = parse_template(text)
    if not len(extra):
        return
    if not call.caller.is_admin:
        name = changed_restricted(extra, template, call.settings.names(restricted))
        if name:
            raise AuthorizationError(f"User Template includes a restricted attribute {name}")
    template.merge(extra)


def check_new_name(call: Call, cls: type[OwnedObject], name: str, label: str) -> None:
    """Raise :class:`InternalError` unless the caller can have a new object ``name``; ``label`` is its kind's name."""
    reason = check_name(name)
    if reason:
        raise InternalError(reason)
    other = named(call.transaction, cls.table, name, call.caller.uid)
    if other != -1:
        raise InternalError(f"NAME is already taken by {label} {other}.")


class Personal(Owned[Owner]):
    """What has an owner and a name that the owner has once."""

    def rename(self, call: Call, oid: int, name: str) -> int:
        """Give the object another name. Raises :class:`ActionError` for one that its owner has already."""
        obj = load(call.transaction, self.cls, oid)
        if obj.name == name:
            return oid
        call.authorization().add(Op.MANAGE, obj.target()).check()
        other = named(call.transaction, self.cls.table, name, obj.uid)
        if other not in {-1, oid}:
            label = self.cls.kind.label
            raise ActionError(f"{label} cannot be renamed to {name} because it collides with {label} {other}")
        return super().rename(call, oid, name)

    def refuse(self, reason: str) -> ActionError:
        """Why an object cannot be deleted."""
        return ActionError(f"Cannot delete {self.cls.kind.label}. {reason}")
