"""What calls on one virtual machine begin with: may the caller, is the machine where that is possible."""

from collections.abc import Iterable

from oned.access.acl import Authorization
from oned.errors import ActionError, AuthorizationError
from oned.life.machine import Life, life_of
from oned.life.places import Place
from oned.methods.call import Call
from oned.methods.restricted import first_restricted
from oned.model.vm import Vm
from oned.model.vm_states import Action
from oned.storage.reading import peek
from oned.vm import rights
from onelib.template import Template


def question_for(call: Call, vm_id: int, action: Action) -> Authorization:
    """A question that asks for the right of ``action`` on the machine. Raises :class:`NoExistsError`."""
    vm = peek(call.transaction, Vm, vm_id)
    return call.authorization().add(rights.operation(call, action), vm.target())


def allowed(call: Call, vm_id: int, action: Action) -> Life:
    """The machine, for a caller with that right. Raises :class:`AuthorizationError`."""
    question_for(call, vm_id, action).check()
    return life_of(call, vm_id)


def refuse_router(call: Call, vm_id: int) -> Vm:
    """The machine, not locked; raise :class:`ActionError` for one that is a virtual router."""
    vm = peek(call.transaction, Vm, vm_id)
    if vm.template.get("VROUTER_ID"):
        raise ActionError("Action is not supported for virtual router VMs")
    return vm


def refuse_restricted(call: Call, template: Template, what: str) -> None:
    """Raise :class:`AuthorizationError` for what only administrators may write."""
    name = "" if call.caller.is_admin else first_restricted(template, call.settings.names("VM_RESTRICTED_ATTR"))
    if name:
        raise AuthorizationError(f"{what} includes a restricted attribute {name}")


def must_be(life: Life, places: Iterable[Place], sentence: str) -> None:
    """Raise :class:`ActionError` with ``sentence`` and the state, unless the machine is in one of ``places``."""
    if life.place not in places:
        raise ActionError(f"{sentence}, wrong state {life.vm.state_name}.")
