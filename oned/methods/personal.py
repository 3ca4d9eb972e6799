"""Objects that belong to a user who has each name once: networks, their templates, security groups."""

from typing import Any, TypeVar

from oned.access.acl import Op
from oned.database.pools import load
from oned.errors import ActionError, InternalError
from oned.methods.call import Call
from oned.methods.shared import Owned
from oned.model.base import OwnedObject, check_name, umask_bits
from oned.storage.reading import named

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
