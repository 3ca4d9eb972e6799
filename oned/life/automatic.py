"""Networks that the scheduler chose for interfaces in mode ``auto``, taken when their machine is deployed."""

from oned.errors import ActionError, InternalError
from oned.life.machine import Life
from oned.life.marks import find_nic
from oned.methods.call import Call
from oned.model.network import Network
from oned.network.groups import groups_of
from oned.storage.reading import lock_rows
from oned.vm import nics
from oned.vm.context import is_auto
from oned.vm.lookup import complete_context
from onelib.template import Template


def choose_networks(call: Call, life: Life, chosen: Template) -> None:
    """Take addresses in the networks that ``chosen`` names by NIC_ID. Raises :class:`ActionError`."""
    vm = life.vm
    taken = []
    for wanted in chosen.vectors("NIC"):
        text = wanted.get("NIC_ID", "")
        nic = find_nic(vm, int(text)) if text.isdecimal() else {}
        if not nic or not is_auto(nic) or nic.get("NETWORK_ID"):
            raise ActionError(f"NIC_ID {text} not found or not AUTO")
        nic["NETWORK_ID"] = wanted.get("NETWORK_ID", "")
        taken.append(nic)
    if not taken:
        return
    networks = {int(nic["NETWORK_ID"]) for nic in taken if nic["NETWORK_ID"].isdecimal()}
    lock_rows(call.transaction, Network.table, networks)
    known = groups_of(nic for nic in vm.template.vectors("NIC") if nic not in taken)
    try:
        for nic in taken:
            nics.merge_default(vm.template, nic)
            nics.lease(call, vm, nic)
        nics.add_rules(call, vm, groups_of(taken) - known)
        complete_context(call, vm, auto=True)
    except InternalError as error:
        raise ActionError(error.detail) from None
