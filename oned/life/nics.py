"""Interfaces that come to a virtual machine, or go, while it exists; virtual routers use the same."""

from oned.access.acl import Op
from oned.errors import ActionError, InternalError
from oned.life.asking import must_be, refuse_restricted, refuse_router
from oned.life.driver_conf import can
from oned.life.effects import renew
from oned.life.ends import drop_nic
from oned.life.machine import Life, life_of
from oned.life.marks import find_nic, mark_attached, unmark_attached
from oned.life.places import POWEROFF, RUNNING
from oned.life.steps import Event
from oned.methods.call import Call
from oned.methods.shared import parse_template
from oned.model.vm import Vm
from oned.model.vm_short import nics_of
from oned.model.vm_states import Action
from oned.network.groups import groups_of
from oned.network.nics import names_network
from oned.storage.reading import peek
from oned.vm import nics
from oned.vm.lookup import complete_context
from oned.vm.usage import number
from onelib.template import Template

_PLACES = (RUNNING, POWEROFF)
_KINDS = (("NIC", Action.NIC_ATTACH), ("NIC_ALIAS", Action.ALIAS_ATTACH))


def attach(call: Call, vm_id: int, text: str) -> int:
    """Attach the interface that the template ``text`` has."""
    refuse_router(call, vm_id)
    attach_nic(call, vm_id, parse_template(text))
    return vm_id


def attach_nic(call: Call, vm_id: int, template: Template) -> None:
    """Attach NIC or NIC_ALIAS. Raises :class:`oned.errors.ApiError`."""
    question = call.authorization().add(Op.MANAGE, peek(call.transaction, Vm, vm_id).target())
    nics.resolve(call, template, question)
    question.check()
    refuse_restricted(call, template, "NIC")
    life = life_of(call, vm_id)
    must_be(life, _PLACES, f"Could not add a new NIC to VM {vm_id}")
    kind, action = next(((name, each) for name, each in _KINDS if template.vectors(name)), ("", Action.NONE))
    if not kind:
        raise ActionError("Wrong format or missing NIC/NIC_ALIAS attribute")
    try:
        _add(call, life, kind, template.vectors(kind)[0])
    except InternalError as error:
        raise ActionError(error.detail) from None
    if life.vm.history:
        renew(life, action)
    if life.place == RUNNING or _cold(life):
        life.take(Event.ATTACH_NIC)
        return
    unmark_attached(find_nic(life.vm, _last_id(life.vm)))
    _end(life)


def _cold(life: Life) -> bool:
    """Whether the driver attaches interfaces to machines that are off."""
    records = life.vm.history
    return bool(records) and can(life.settings, records[-1].vm_mad, "COLD_NIC_ATTACH")


def _end(life: Life) -> None:
    """The machine is off and its driver has nothing to do: that was it."""
    life.vm.resched = 0
    if life.vm.history:
        life.vm.history[-1].retime = life.now
    life.save()


def _last_id(vm: Vm) -> int:
    return max((number(nic.get("NIC_ID")) for nic in nics_of(vm.template)), default=-1)


def _add(call: Call, life: Life, kind: str, nic: dict[str, str]) -> None:
    """Give the interface a number, a name, an address and rules. Raises :class:`InternalError`."""
    vm = life.vm
    oid = _last_id(vm) + 1
    nic["NIC_ID"] = str(oid)
    if kind == "NIC_ALIAS":
        _join_parent(vm, nic, oid)
    else:
        nics.set_name(nic, f"NIC{oid}")
    nics.merge_default(vm.template, nic)
    if names_network(nic):
        nics.lease(call, vm, nic)
        cluster = str(vm.history[-1].cid) if vm.history else ""
        if cluster and cluster not in nic.get("CLUSTER_ID", "").split(","):
            raise InternalError(f"Virtual network is not part of cluster [{cluster}]")
    nics.add_rules(call, vm, groups_of([nic]) - groups_of(nics_of(vm.template)))
    mark_attached(nic)
    vm.template.add(kind, nic)
    complete_context(call, vm)


def _join_parent(vm: Vm, nic: dict[str, str], oid: int) -> None:
    aliases = [number(alias.get("ALIAS_ID")) for alias in vm.template.vectors("NIC_ALIAS")]
    wanted = nic.get("PARENT", "")
    parent = next((other for other in nics_of(vm.template) if wanted and other.get("NAME") == wanted), None)
    if parent is None:
        raise InternalError("Alias not found.")
    index = max(aliases, default=-1) + 1 if parent.get("ALIAS_IDS") else 0
    nics.join_parent(nic, parent, oid, index)


def detach(call: Call, vm_id: int, nic_id: int) -> int:
    """Detach an interface, with its aliases."""
    refuse_router(call, vm_id)
    detach_nic(call, vm_id, nic_id)
    return vm_id


def detach_nic(call: Call, vm_id: int, nic_id: int) -> None:
    """Detach NIC or NIC_ALIAS. Raises :class:`oned.errors.ApiError`."""
    call.authorization().add(Op.MANAGE, peek(call.transaction, Vm, vm_id).target()).check()
    life = life_of(call, vm_id)
    must_be(life, _PLACES, f"Could not detach NIC from VM {vm_id}")
    nic = find_nic(life.vm, nic_id)
    if not nic:
        raise ActionError(f"Could not detach NIC with NIC_ID {nic_id}, it does not exist.")
    mark_attached(nic)
    if life.vm.history:
        renew(life, Action.ALIAS_DETACH if nic.get("PARENT_ID") else Action.NIC_DETACH)
    if life.place == RUNNING or _cold(life):
        life.take(Event.DETACH_NIC)
        return
    drop_nic(life)
    _end(life)
