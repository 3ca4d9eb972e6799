"""The interfaces of a machine: their numbers, names, leases and security groups.

Source: OpenNebula 6.0, "Network Section", NIC, NIC_ALIAS and PCI with TYPE = NIC.
"""

import re

from oned.access.acl import Authorization
from oned.errors import InternalError
from oned.methods.call import Call
from oned.model.network import Network
from oned.model.vm import Vm
from oned.model.vm_short import nics_of
from oned.network.groups import groups_of, join
from oned.network.nics import acquire, is_automatic, names_network, resolve_nic
from oned.storage.reading import lock_rows
from onelib.template import Template

Nic = dict[str, str]
_OWN_NAME = re.compile(r"NIC[0-9]+(_ALIAS[0-9]+)?\Z")


def resolve(call: Call, template: Template, question: Authorization) -> None:
    """Write the network of each interface into it, and add its use to ``question``. Raises :class:`InternalError`."""
    for nic in nics_of(template):
        resolve_nic(call, nic, question)


def set_name(nic: Nic, default: str) -> str:
    """Name an interface; a name of the server's own form gets an underscore in front."""
    name = nic.get("NAME", "")
    nic["NAME"] = (f"_{name}" if _OWN_NAME.match(name) else name) or default
    return nic["NAME"]


def merge_default(template: Template, nic: Nic) -> None:
    """Take from NIC_DEFAULT what the interface does not say."""
    for key, value in template.vector("NIC_DEFAULT").items():
        nic.setdefault(key, value)


def take(call: Call, vm: Vm) -> None:
    """Move the interfaces of a new machine to its template, take their leases and write their rules.

    Raises :class:`InternalError` with upstream's text.
    """
    for name in ("NIC", "NIC_ALIAS"):
        for vector in vm.user_template.vectors(name):
            vm.template.add(name, vector)
        vm.user_template.erase(name)
    every = nics_of(vm.template)
    aliases = vm.template.vectors("NIC_ALIAS")
    if any(is_automatic(alias) for alias in aliases):
        raise InternalError("Alias is incompatible with auto mode")
    for nic in filter(is_automatic, every):
        nic.pop("NETWORK_ID", None)  # the scheduler's to say: nobody has looked at who may use it
    named = {int(nic["NETWORK_ID"]) for nic in every if names_network(nic) and not is_automatic(nic)}
    lock_rows(call.transaction, Network.table, named)
    parents: dict[str, Nic] = {}
    first_alias = len(every) - len(aliases)
    for number, nic in enumerate(every[:first_alias]):
        nic["NIC_ID"] = str(number)
        if not is_automatic(nic):
            merge_default(vm.template, nic)
            lease(call, vm, nic)
            parents.setdefault(set_name(nic, f"NIC{number}"), nic)
        else:
            set_name(nic, f"NIC{number}")
    counts: dict[str, int] = {}
    for number, alias in enumerate(aliases, first_alias):
        parent = parents.get(alias.get("PARENT", ""))
        if parent is None:
            raise InternalError(f"NIC named {alias.get('PARENT', '')} not found for alias")
        index = counts.get(parent["NIC_ID"], 0)
        counts[parent["NIC_ID"]] = index + 1
        join_parent(alias, parent, number, index)
        lease(call, vm, alias)
    add_rules(call, vm, groups_of(nic for nic in every if nic.get("NETWORK_ID")))


def join_parent(alias: Nic, parent: Nic, number: int, index: int) -> None:
    """Make the interface ``number`` the alias ``index`` of ``parent``."""
    alias |= {"NIC_ID": str(number), "PARENT_ID": parent["NIC_ID"], "ALIAS_ID": str(index)}
    known = parent.get("ALIAS_IDS", "")
    parent["ALIAS_IDS"] = f"{known},{number}" if known else str(number)
    set_name(alias, f"NIC{parent['NIC_ID']}_ALIAS{index}")


def lease(call: Call, vm: Vm, nic: Nic) -> None:
    """Take an address for an interface that is in a network of this server. Raises :class:`InternalError`."""
    if names_network(nic):
        acquire(call.transaction, int(nic["NETWORK_ID"]), vm.oid, nic, settings=call.settings)


def add_rules(call: Call, vm: Vm, group_ids: set[int]) -> None:
    """Enter the machine into security groups, and their rules into its template."""
    for rule in join(call.transaction, vm.oid, group_ids):
        vm.template.add("SECURITY_GROUP_RULE", rule)
