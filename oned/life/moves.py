"""Deploying and migrating: from a chosen host to the record of the stay there and the first thing drivers do."""

from oned.access.acl import Kind
from oned.errors import ActionError, AuthorizationError
from oned.infrastructure import clusters
from oned.life import console, placement
from oned.life.automatic import choose_networks
from oned.life.driver_conf import can, driver_of, imported_verbs
from oned.life.effects import lock_hosts, record_on
from oned.life.machine import Life, life_of
from oned.life.placement import Target, joined
from oned.life.places import POWEROFF, RUNNING, SUSPENDED, UNKNOWN
from oned.life.steps import Event
from oned.methods.call import Call
from oned.methods.restricted import first_restricted
from oned.methods.shared import parse_template
from oned.model.datastore import Datastore
from oned.model.host import Host
from oned.model.vm import Vm
from oned.model.vm_states import Action, VmState
from oned.storage.reading import peek
from oned.vm import nics, rights
from oned.vm.context import is_yes
from oned.vm.requirements import set_automatic
from oned.vm.topology import is_pinned
from onelib.template import Template

_PUT_AWAY = {Action.STOP, Action.UNDEPLOY, Action.UNDEPLOY_HARD}
_AGAIN = {
    Action.STOP: Event.DEPLOY_STOPPED,
    Action.UNDEPLOY: Event.DEPLOY_UNDEPLOYED,
    Action.UNDEPLOY_HARD: Event.DEPLOY_UNDEPLOYED,
}
_DEPLOYABLE = {VmState.PENDING, VmState.HOLD, VmState.STOPPED, VmState.UNDEPLOYED}
_MOVES = {0: Event.MIGRATE, 1: Event.MIGRATE_OFF, 2: Event.MIGRATE_OFF_HARD}


def deploy(  # noqa: PLR0917 (6.0's)
    call: Call, vm_id: int, host_id: int, enforce: bool = False, ds_id: int = -1, text: str = ""
) -> int:
    """Start a machine on a host. ``text`` has the networks chosen for interfaces in mode ``auto``."""
    chosen = parse_template(text)
    host = placement.usable_host(call, host_id)
    seen = peek(call.transaction, Vm, vm_id)
    away = bool(seen.history) and seen.history[-1].action in _PUT_AWAY
    if away and ds_id == placement.NO_DATASTORE:
        ds_id = seen.history[-1].ds_id
    target = placement.deploy_target(call, host, ds_id)
    automatic = bool(text) and not away
    _authorize_deploy(call, seen, target, chosen if automatic else None)
    life = life_of(call, vm_id)
    life.forced = True
    if life.vm.state not in _DEPLOYABLE:
        raise ActionError(f"Deploy action is not available for state {life.vm.state_name}")
    if automatic:
        choose_networks(call, life, chosen)
    placement.check_transfer(life, target.tm_mad)
    placement.check_shareable(life, host.vm_mad)
    placement.complete_volatile(life, target.datastore)
    console.take(life, host.cluster_id)
    if enforce or is_pinned(life.vm.template):
        placement.check_capacity(life, host_id)
    event = _deploy_event(life)
    record_on(life, host, target.tm_mad, target.ds_id)
    life.take(event)
    return vm_id


def _authorize_deploy(call: Call, vm: Vm, target: Target, chosen: Template | None) -> None:
    if chosen is not None and not call.caller.is_admin:
        name = first_restricted(chosen, call.settings.names("VM_RESTRICTED_ATTR"))
        if name:
            raise AuthorizationError(f"NIC includes a restricted attribute {name}")
    question = call.authorization().add(rights.operation(call, Action.DEPLOY), vm.target())
    placement.add_questions(question, target)
    if chosen is not None:
        nics.resolve(call, chosen, question)
    question.check()


def _deploy_event(life: Life) -> Event:
    """What kind of deployment it is: the first one, or what the last record ended with."""
    vm = life.vm
    if is_yes(vm.template.get("IMPORTED")) and vm.state in {VmState.PENDING, VmState.HOLD}:
        state = vm.user_template.get("IMPORT_STATE")
        vm.user_template.erase("IMPORT_STATE")
        return Event.IMPORT_OFF if state == "POWEROFF" else Event.IMPORT
    action = vm.history[-1].action if vm.history else Action.NONE
    return _AGAIN.get(Action(action), Event.DEPLOY)


def migrate(  # noqa: PLR0917 (6.0's)
    call: Call, vm_id: int, host_id: int, live: bool, enforce: bool = False, ds_id: int = -1, how: int = 0
) -> int:
    """Move a machine to another host or system datastore.

    ``how`` a machine that runs is moved without ``live``: 0 saved, 1 shut down, 2 cancelled.
    """
    host = placement.usable_host(call, host_id)
    asked = peek(call.transaction, Datastore, ds_id) if ds_id != placement.NO_DATASTORE else None
    question = call.authorization().add(
        rights.operation(call, Action.MIGRATE), peek(call.transaction, Vm, vm_id).target()
    )
    placement.add_questions(question, Target(host, asked)).check()
    life = life_of(call, vm_id)
    life.forced = True
    _check_state(life, live=live)
    last = life.vm.history[-1]
    if last.hid == host_id and ds_id in {placement.NO_DATASTORE, last.ds_id}:
        raise ActionError(f"VM is already running on {Kind.HOST.label} [{last.hid}]")
    allowed = set_automatic(call.transaction, life.vm.template, life.vm.user_template)
    _check_devices(life, off=bool(how))
    _check_clusters(call, life, host, allowed)
    target = _migrate_target(call, life, host, ds_id, live=live)
    if last.cid != host.cluster_id:
        console.move(life, host.cluster_id, keep=live)
    placement.complete_volatile(life, target.datastore)
    record_on(life, host, target.tm_mad, target.ds_id)
    lock_hosts(life)
    if enforce:
        placement.check_capacity(life, host_id)
    event = Event.MIGRATE_LIVE if live and life.place == RUNNING else _MOVES.get(how, Event.MIGRATE)
    life.take(event)
    return vm_id


def _check_state(life: Life, *, live: bool) -> None:
    vm = life.vm
    movable = life.place in {RUNNING, UNKNOWN, POWEROFF, SUSPENDED} and bool(vm.history)
    if not movable:
        raise ActionError(f"Migrate action is not available for state {vm.state_name}")
    if live and is_pinned(vm.template):
        raise ActionError("VM with a pinned NUMA topology cannot be live-migrated")
    verb = "live-migrate" if live else "migrate"
    if is_yes(vm.template.get("IMPORTED")) and verb not in imported_verbs(life.settings, vm.history[-1].vm_mad):
        raise ActionError("Migration is not supported for imported VMs")


def _check_devices(life: Life, *, off: bool) -> None:
    if life.vm.template.vectors("PCI") and not off and life.place != POWEROFF:
        raise ActionError(
            f"Cannot migrate VM [{life.vm.oid}], use poweroff or poweroff-hard flag for migrating a VM with PCI devices"
        )


def _check_clusters(call: Call, life: Life, host: Host, allowed: set[int]) -> None:
    current = peek(call.transaction, Host, life.vm.history[-1].hid)
    if allowed and host.cluster_id not in allowed:
        raise ActionError(
            f"Cannot migrate  VM [{life.vm.oid}] to host [{host.oid}]. Host is in cluster [{host.cluster_id}], and VM "
            f"requires to be placed on cluster [{joined(allowed)}]"
        )
    if host.public_cloud or current.public_cloud:
        raise ActionError("Cannot migrate to or from a Public Cloud Host")


def _migrate_target(call: Call, life: Life, host: Host, ds_id: int, *, live: bool) -> Target:
    """The system datastore, which has to fit the host. Raises :class:`ActionError`."""
    last = life.vm.history[-1]
    if ds_id == placement.NO_DATASTORE:
        datastore = placement.system_datastore(call, last.ds_id)
    else:
        datastore = _other_datastore(call, life, host, ds_id, live=live)
    members = clusters.of(call.transaction, Kind.DATASTORE, datastore.oid)
    if members and host.cluster_id not in members:
        raise ActionError(
            f"Cannot migrate VM [{life.vm.oid}] to host [{host.oid}] and system datastore [{datastore.oid}]. Host is "
            f"in cluster [{host.cluster_id}], and the datastore is in cluster [{joined(members)}]"
        )
    return Target(host, datastore)


def _other_datastore(call: Call, life: Life, host: Host, ds_id: int, *, live: bool) -> Datastore:
    last = life.vm.history[-1]
    if driver_of(life.settings, host.vm_mad) is None:
        raise ActionError(f"Cannot find vmm driver: {host.vm_mad}")
    if last.ds_id != ds_id and live and not can(life.settings, host.vm_mad, "DS_LIVE_MIGRATION"):
        raise ActionError("A migration to a different system datastore cannot be performed live.")
    datastore = placement.system_datastore(call, ds_id)
    if not is_yes(datastore.template.get("DS_MIGRATE")):
        raise ActionError("System datastore migration not supported by TM driver")
    if datastore.tm_mad != last.tm_mad:
        raise ActionError("Cannot migrate to a system datastore with a different TM driver")
    return datastore
