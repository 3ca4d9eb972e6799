"""What virtual routers do with machines: make them, attach interfaces to all of them, detach them."""

from oned.access.acl import Kind, Op
from oned.access.quota import charge, refund
from oned.database.pools import load, save
from oned.errors import ActionError, ApiError, InternalError, NoExistsError, ParameterError
from oned.life import nics as machine_nics
from oned.methods.call import Call
from oned.methods.shared import parse_template
from oned.model.network import Network
from oned.model.template import VmTemplate
from oned.model.vrouter import VirtualRouter
from oned.network.create import is_yes
from oned.network.nics import Nic, acquire_floating, names_network, release_floating, resolve_nic
from oned.network.ranges import whole
from oned.network.routers import floating_usage, lock_machines, machine_template, networks_of, prepare
from oned.storage.reading import glance, lock_rows, peek
from oned.vm.templates import instantiate as make
from onelib.template import Template

MOST = 100
"""Machines that one call makes."""


def _managed(call: Call, oid: int) -> VirtualRouter:
    """The router, not locked, when the caller may manage it."""
    router = peek(call.transaction, VirtualRouter, oid)
    call.authorization().add(Op.MANAGE, router.target()).check()
    return router


def instantiate(  # noqa: PLR0917 (6.0's)
    call: Call, oid: int, count: int, template_id: int, name: str, hold: bool, extra: str
) -> int:
    """Make ``count`` machines of the template (-1: of the one before) that are this router."""
    router = peek(call.transaction, VirtualRouter, oid)
    known = whole(router.template.get("TEMPLATE_ID"))
    if template_id == -1:
        template_id = -1 if known is None else known
    if template_id == -1:
        raise ActionError("A template ID was not provided, and the virtual router does not have a default one")
    call.authorization().add(Op.MANAGE, router.target()).check()
    template = glance(call.transaction, VmTemplate, template_id)
    if template is None:
        raise NoExistsError(kind=Kind.TEMPLATE.label, oid=template_id)
    if not is_yes(template.template.get("VROUTER")):
        raise ActionError("Only virtual router templates are allowed")
    if count > MOST:
        raise ParameterError(f"At most {MOST} virtual machines can be made at a time")
    name = name or f"vr-{router.name}-%i"
    added = machine_template(router, call.settings)
    names = [name.replace("%i", str(number)) for number in range(count)]
    made = [make(call, template_id, each, extra, hold=hold, added=added.copy()) for each in names]
    router = load(call.transaction, VirtualRouter, oid)
    router.vms.update(made)
    router.template.set("TEMPLATE_ID", str(template_id))
    save(call.transaction, router)
    return oid


def _nic_of(template: Template) -> Nic:
    if "NIC_ALIAS" in template:
        raise ActionError("Alias can't be attached to virtual router.")
    nics = template.vectors("NIC")
    if len(nics) != 1:
        raise ActionError("The template must contain one NIC attribute")
    return nics[0]


def attachnic(call: Call, oid: int, text: str) -> int:
    """Attach an interface to the router and to all its machines, or to none."""
    transaction = call.transaction
    template = parse_template(text)
    router = peek(transaction, VirtualRouter, oid)
    question = call.authorization().add(Op.MANAGE, router.target())
    for nic in template.vectors("NIC"):
        resolve_nic(call, nic, question)
    question.check()
    nic = _nic_of(template)
    charge(transaction, router.uid, router.gid, floating_usage([nic]))
    lock_machines(call, router)
    lock_rows(transaction, Network.table, networks_of([nic]))
    router = load(transaction, VirtualRouter, oid)
    used = [whole(other.get("NIC_ID")) or 0 for other in router.template.vectors("NIC")]
    nic["NIC_ID"] = str(max(used, default=-1) + 1)
    try:
        if names_network(nic):
            acquire_floating(transaction, int(nic["NETWORK_ID"]), oid, nic, settings=call.settings)
    except InternalError as error:
        raise ActionError(error.detail) from None
    prepare(nic, call.settings)
    router.template.add("NIC", nic)
    save(transaction, router)
    try:
        for vm_id in sorted(router.vms):
            machine_nics.attach_nic(call, vm_id, Template([("NIC", nic)]))
    except ApiError as error:
        raise ActionError(error.detail) from None
    return oid


def detachnic(call: Call, oid: int, nic_id: int) -> int:
    """Detach an interface from the router and from all its machines, or from none."""
    transaction = call.transaction
    router = _managed(call, oid)
    gone = _find(router, nic_id)
    refund(transaction, router.uid, router.gid, floating_usage([gone]))
    lock_machines(call, router)
    lock_rows(transaction, Network.table, networks_of([gone]))
    router = load(transaction, VirtualRouter, oid)
    gone = _find(router, nic_id)
    release_floating(transaction, oid, gone)
    kept = [nic for nic in router.template.vectors("NIC") if nic is not gone]
    router.template.erase("NIC")
    for nic in kept:
        router.template.add("NIC", nic)
    save(transaction, router)
    try:
        for vm_id in sorted(router.vms):
            machine_nics.detach_nic(call, vm_id, nic_id)
    except ApiError as error:
        raise ActionError(error.detail) from None
    return oid


def _find(router: VirtualRouter, nic_id: int) -> Nic:
    found = next((nic for nic in router.template.vectors("NIC") if nic.get("NIC_ID") == str(nic_id)), None)
    if found is None:
        raise ActionError(f"NIC with NIC_ID {nic_id} does not exist.")
    return found
