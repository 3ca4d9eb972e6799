"""The interfaces of virtual routers: floating addresses, what machines get of them, what they cost."""

from collections import Counter

from oned.access.acl import Kind
from oned.access.quota import Usage
from oned.config import Settings
from oned.errors import NoExistsError
from oned.life.accounts import lock_owner
from oned.life.machine import life_of
from oned.life.steps import Event
from oned.methods.call import Call
from oned.model.vm import Vm
from oned.model.vrouter import VirtualRouter
from oned.network.nics import Nic, is_floating
from oned.storage.reading import lock_rows
from oned.tasks import cancel
from onelib.template import Template

_OF_THE_ROUTER = ("MAC", "IP", "IP6_LINK", "IP6_ULA", "IP6_GLOBAL", "VLAN_ID")
"""What of a floating address is the router's, so that its machines get addresses of their own."""


def networks_of(nics: list[Nic]) -> set[int]:
    """The networks of interfaces that know theirs."""
    return {int(nic["NETWORK_ID"]) for nic in nics if nic.get("NETWORK_ID", "").isdecimal()}


def floating_usage(nics: list[Nic]) -> Usage:
    """What interfaces count against quotas: floating addresses."""
    floating = [nic for nic in nics if is_floating(nic)]
    return Usage(
        networks=dict(Counter(int(n["NETWORK_ID"]) for n in floating if n.get("NETWORK_ID", "").isdecimal()))
    )


def prepare(nic: Nic, settings: Settings) -> None:
    """Keep a floating address under names of the router's, and drop what users cannot set for a machine."""
    if not is_floating(nic):
        return
    for name in _OF_THE_ROUTER:
        if name in nic:
            nic[f"VROUTER_{name}"] = nic.pop(name)
    for name in settings.names("VM_RESTRICTED_ATTR"):
        if name.startswith("NIC/"):
            nic.pop(name.removeprefix("NIC/"), None)


def machine_template(router: VirtualRouter, settings: Settings) -> Template:
    """What each machine of a router has: its interfaces, and how they find each other."""
    added = Template()
    for nic in router.template.vectors("NIC"):
        copy = dict(nic)
        prepare(copy, settings)
        added.add("NIC", copy)
    added.set("VROUTER_ID", str(router.oid))
    number = router.template.get("KEEPALIVED_ID")
    added.set("VROUTER_KEEPALIVED_ID", number if number.isdecimal() else str(router.oid % 255 + 1))
    password = router.template.get("KEEPALIVED_PASSWORD")
    if password:
        added.set("VROUTER_KEEPALIVED_PASSWORD", password)
    return added


def lock_machines(call: Call, router: VirtualRouter) -> None:
    """Lock the machines of a router with their owners, before its networks and itself."""
    for vm_id in sorted(router.vms):
        lock_owner(call.transaction, vm_id)
    lock_rows(call.transaction, Vm.table, router.vms)


def end_machines(call: Call, router: VirtualRouter) -> None:
    """End the machines of a router at once; one that cannot be shut down where it is, is deleted."""
    for vm_id in sorted(router.vms):
        try:
            life = life_of(call, vm_id)
        except NoExistsError:
            continue
        life.forced = True
        if not life.take(Event.TERMINATE_HARD):
            cancel(call.transaction, (Kind.VM, vm_id))
            life.take(Event.DELETE)
