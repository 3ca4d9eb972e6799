"""``one.vm.recover``: an administrator says how something ended, has it done again, or ends the machine."""

from collections.abc import Callable

from oned.errors import ActionError
from oned.life.cloning import settle_disks
from oned.life.machine import Life, life_of
from oned.life.places import CLONING_FAILURE, POWEROFF_SNAPSHOT, RUNNING, L, active
from oned.life.steps import Event
from oned.life.work import stop_asking
from oned.methods.call import Call
from oned.model.host import Host
from oned.model.vm import Vm
from oned.model.vm_states import Action, VmState
from oned.storage.reading import glance, peek
from oned.vm import rights

FAILURE, SUCCESS, RETRY, DELETE, RECREATE, ERASE = range(6)
_RIGHTS = {
    FAILURE: Action.RECOVER,
    SUCCESS: Action.RECOVER,
    RETRY: Action.RETRY,
    DELETE: Action.DELETE,
    RECREATE: Action.DELETE,
    ERASE: Action.DELETE,
}
_BOOTING = ("BOOT", "MIGRATE")


def recover(call: Call, vm_id: int, operation: int) -> int:
    """Carry out one of the six operations. Raises :class:`ActionError` where it is not possible."""
    if operation not in _RIGHTS:
        raise ActionError("Wrong recovery operation code")
    rights.check(call, peek(call.transaction, Vm, vm_id), _RIGHTS[operation])
    life = life_of(call, vm_id)
    life.forced = True
    _OPERATIONS[operation](life)
    return vm_id


def _stop_asking(life: Life) -> None:
    stop_asking(life.transaction, life.vm.oid)


def _settle(life: Life, *, success: bool) -> None:
    """What is under way ended well, or did not."""
    vm = life.vm
    if life.place == CLONING_FAILURE:
        life.take(settle_disks(life.transaction, vm))
        return
    if vm.state is not VmState.ACTIVE and life.place != POWEROFF_SNAPSHOT:
        raise ActionError(f"Could not perform a recover operation on VM {vm.oid}, wrong state {vm.state_name}.")
    if life.place == RUNNING:
        return
    _stop_asking(life)
    if success and not vm.deploy_id and vm.lcm_state.name.startswith(_BOOTING):
        vm.deploy_id = f"one-{vm.oid}"
    unknown = life.place == active(L.UNKNOWN)
    life.take(Event.SUCCESS if success or unknown else Event.FAILURE)


def _retry(life: Life) -> None:
    if life.vm.state is not VmState.ACTIVE:
        raise ActionError(f"Could not perform a retry on VM {life.vm.oid}, wrong state {life.vm.state_name}.")
    if life.step(Event.RETRY) is not None:
        _stop_asking(life)
        life.take(Event.RETRY)


def _delete(life: Life) -> None:
    records = life.vm.history
    if records and glance(life.transaction, Host, records[-1].hid) is None:
        raise ActionError(f"Error getting host {records[-1].hid}")
    _stop_asking(life)
    life.take(Event.DELETE)


def _recreate(life: Life) -> None:
    refusals = {
        VmState.POWEROFF: "Cannot delete-recreate a powered off VM. Resume it first",
        VmState.SUSPENDED: "Cannot delete-recreate a suspended VM. Resume it first",
        VmState.DONE: "Cannot delete-recreate a VM already in DONE state",
    }
    if life.vm.state in refusals:
        raise ActionError(refusals[life.vm.state])
    if life.step(Event.RECREATE) is not None:
        _stop_asking(life)
        life.take(Event.RECREATE)


def _erase(life: Life) -> None:
    _stop_asking(life)
    life.take(Event.ERASE)


_OPERATIONS: dict[int, Callable[[Life], None]] = {
    FAILURE: lambda life: _settle(life, success=False),
    SUCCESS: lambda life: _settle(life, success=True),
    RETRY: _retry,
    DELETE: _delete,
    RECREATE: _recreate,
    ERASE: _erase,
}
