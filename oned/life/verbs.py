"""``one.vm.action``: the verbs, where each is possible, and what is said where it is not."""

from oned.errors import ActionError, AuthorizationError, InternalError
from oned.life.driver_conf import imported_verbs
from oned.life.machine import Life, life_of
from oned.life.places import L
from oned.life.steps import Event
from oned.life.work import stop_asking
from oned.methods.call import Call
from oned.model.vm import Vm
from oned.model.vm_states import Action
from oned.storage.reading import peek
from oned.vm import rights
from oned.vm.context import is_yes

VERBS: dict[str, tuple[Event, Action]] = {
    "terminate": (Event.TERMINATE, Action.TERMINATE),
    "terminate-hard": (Event.TERMINATE_HARD, Action.TERMINATE_HARD),
    "undeploy": (Event.UNDEPLOY, Action.UNDEPLOY),
    "undeploy-hard": (Event.UNDEPLOY_HARD, Action.UNDEPLOY_HARD),
    "poweroff": (Event.POWEROFF, Action.POWEROFF),
    "poweroff-hard": (Event.POWEROFF_HARD, Action.POWEROFF_HARD),
    "reboot": (Event.REBOOT, Action.REBOOT),
    "reboot-hard": (Event.REBOOT_HARD, Action.REBOOT_HARD),
    "hold": (Event.HOLD, Action.HOLD),
    "release": (Event.RELEASE, Action.RELEASE),
    "stop": (Event.STOP, Action.STOP),
    "suspend": (Event.SUSPEND, Action.SUSPEND),
    "resume": (Event.RESUME, Action.RESUME),
    "resched": (Event.RESCHED, Action.RESCHED),
    "unresched": (Event.UNRESCHED, Action.UNRESCHED),
}
_KNOWN = {name.lower().replace("_", "-"): action for name, action in Action.__members__.items()}
_OVERRIDES = {Event.TERMINATE_HARD, Event.POWEROFF_HARD, Event.UNDEPLOY_HARD}
_SHUTDOWNS = {L.SHUTDOWN, L.SHUTDOWN_POWEROFF, L.SHUTDOWN_UNDEPLOY}
_REQUIREMENTS = {
    Event.RELEASE: "Could not release VM {}, error updating requirements. {}",
    Event.RESUME: "Could not resume VM {}, error updating requirements. {}",
    Event.RESCHED: "Could not set rescheduling flag for VM {}, error updating requirements. {}",
}


def act(call: Call, verb: str, vm_id: int) -> int:
    """Do ``verb``. Raises :class:`ActionError` with upstream's text where that is not possible."""
    vm = peek(call.transaction, Vm, vm_id)
    rights.check(call, vm, _KNOWN.get(verb, Action.NONE))
    if is_yes(vm.template.get("IMPORTED")):
        verbs = imported_verbs(call.settings, vm.history[-1].vm_mad) if vm.history else frozenset()
        if verb not in verbs:
            raise ActionError(f'Action "{verb}" is not supported for imported VMs')
    if verb not in VERBS:
        raise ActionError(f'Action "{verb}" is not supported')
    life = life_of(call, vm_id)
    event = VERBS[verb][0]
    life.forced = event is not Event.RESUME
    if life.step(event) is None:
        raise ActionError(f'Error performing action "{verb}": {_refusal(life, event)}')
    if event in _OVERRIDES and life.vm.lcm_state in _SHUTDOWNS:
        # What is under way may hang: its answer counts for nothing any more.
        stop_asking(call.transaction, vm_id)
    try:
        life.take(event)
    except AuthorizationError as error:
        raise ActionError(error.detail) from None
    except InternalError as error:
        if event not in _REQUIREMENTS:
            raise
        text = _REQUIREMENTS[event].format(vm_id, error.detail)
        raise ActionError(f'Error performing action "{verb}": {text}') from None
    return vm_id


def _refusal(life: Life, event: Event) -> str:
    if event in {Event.TERMINATE, Event.TERMINATE_HARD}:
        return f"Could not terminate VM {life.vm.oid}, wrong state {life.vm.state_name}."
    return f"This action is not available for state {life.vm.state_name}"
