"""Security groups and the machines that have them: rules come into a machine's template, the machine into the lists.

Source: OpenNebula 6.0, "Security Groups".
"""

from collections.abc import Iterable

from oned.database.db import Transaction
from oned.database.pools import save
from oned.model.network import Network
from oned.model.secgroup import SecurityGroup
from oned.network.ranges import ids_in
from oned.storage.reading import glance, held

Rule = dict[str, str]


def join(transaction: Transaction, vm_id: int, group_ids: Iterable[int]) -> list[Rule]:
    """The rules of groups (``SECURITY_GROUP_RULE``) for a machine, which is from now on in their lists.

    A group that is gone has no rules. ``vm_id`` -1 only reads. Networks have to be locked before groups.
    """
    rules: list[Rule] = []
    for group_id in sorted(set(group_ids)):
        group = (
            held(transaction, SecurityGroup, group_id)
            if vm_id != -1
            else glance(transaction, SecurityGroup, group_id)
        )
        if group is None:
            continue
        if vm_id != -1 and vm_id not in group.updated:
            group.updated.add(vm_id)
            save(transaction, group)
        rules += expand(transaction, group)
    return rules


def expand(transaction: Transaction, group: SecurityGroup) -> list[Rule]:
    """The rules of a group; one for a network becomes one for each of its ranges."""
    rules: list[Rule] = []
    for rule in group.rules():
        number = rule.get("NETWORK_ID", "").strip()
        if not number.isdecimal():
            rules.append(rule)
            continue
        network = glance(transaction, Network, int(number))
        if network is not None:
            rules += [rule | each.rule() for each in network.ranges]
    return rules


def leave(transaction: Transaction, vm_id: int, group_ids: Iterable[int]) -> None:
    """Take a machine from the lists of groups."""
    for group_id in sorted(set(group_ids)):
        group = held(transaction, SecurityGroup, group_id)
        if group is not None and group.has(vm_id):
            group.forget(vm_id)
            save(transaction, group)


def groups_of(nics: Iterable[Rule]) -> set[int]:
    """The groups of interfaces."""
    found: set[int] = set()
    for nic in nics:
        found |= ids_in(nic.get("SECURITY_GROUPS", ""))
    return found
