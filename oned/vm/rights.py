"""Which right an operation on a virtual machine needs: the user's own lists, the group's, ``oned.conf``'s.

Source: OpenNebula 6.0, "oned.conf", VM_ADMIN_OPERATIONS, VM_MANAGE_OPERATIONS, VM_USE_OPERATIONS.
"""

from oned.access.acl import Op
from oned.defaults import ADMIN_OPERATIONS, MANAGE_OPERATIONS
from oned.methods.call import Call
from oned.model.group import Group
from oned.model.user import User
from oned.model.vm import Vm
from oned.model.vm_states import Action
from oned.storage.reading import glance
from onelib.template import Template

_LISTS = (
    ("VM_ADMIN_OPERATIONS", Op.ADMIN, ADMIN_OPERATIONS),
    ("VM_MANAGE_OPERATIONS", Op.MANAGE, MANAGE_OPERATIONS),
    ("VM_USE_OPERATIONS", Op.USE, ""),
)
_WORDS = {
    Action.LIVE_MIGRATE: "migrate",
    Action.POWEROFF_MIGRATE: "migrate",
    Action.POWEROFF_HARD_MIGRATE: "migrate",
    Action.DELETE_RECREATE: "delete",
    Action.UNRESCHED: "resched",
    Action.DISK_DETACH: "disk-attach",
    Action.NIC_DETACH: "nic-attach",
    Action.ALIAS_ATTACH: "nic-attach",
    Action.ALIAS_DETACH: "nic-attach",
}


def word(action: Action) -> str:
    """How the lists call an action, with what is the same to them."""
    if action in _WORDS:
        return _WORDS[action]
    name = action.name.lower().replace("_", "-").removesuffix("-hard")
    for family in ("disk-snapshot", "snapshot"):
        if name.startswith(f"{family}-"):
            return family
    return name


def _listed(template: Template, wanted: str, *, default: bool = False) -> Op | None:
    for name, op, usual in _LISTS:
        text = template.get(name, usual if default else "")
        if wanted in {each.strip().lower() for each in text.split(",")}:
            return op
    return None


def operation(call: Call, action: Action, default: Op = Op.MANAGE) -> Op:
    """The right that the caller needs for ``action``; ``default`` where no list has it."""
    if call.caller.is_admin:
        return default
    wanted = word(action)
    for holder in (
        glance(call.transaction, User, call.caller.uid),
        glance(call.transaction, Group, call.caller.gid),
    ):
        found = _listed(holder.template, wanted) if holder else None
        if found is not None:
            return found
    return _listed(call.settings.raw, wanted, default=True) or default


def check(call: Call, vm: Vm, action: Action, default: Op = Op.MANAGE) -> None:
    """Refuse ``action`` to a caller without the right. Raises :class:`oned.errors.AuthorizationError`."""
    call.authorization().add(operation(call, action, default), vm.target()).check()
