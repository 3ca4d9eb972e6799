"""Network interfaces of virtual machines and routers: whose network, which address, what comes from the network.

An interface is the mapping NIC, NIC_ALIAS or PCI of a template; what the network gives is written into it. Source:
OpenNebula 6.0, "Virtual Machine Template", "Network Section", and INHERIT_VNET_ATTR of ``oned.conf``.
"""

from sqlalchemy import select

from oned.access.acl import Authorization, Kind, Op
from oned.config import Settings
from oned.database.db import Transaction
from oned.database.pools import save
from oned.errors import InternalError
from oned.methods.call import Call
from oned.model.network import Network
from oned.model.secgroup import SecurityGroup
from oned.model.user import User
from oned.network import ipam
from oned.network.leases import owner
from oned.network.ranges import AddressRange, ids_in, whole
from oned.storage.reading import glance, held, named

Nic = dict[str, str]

_ADDRESSES = ("IP", "IP6", "MAC")
_NETWORK_KEYS = ("VN_MAD", "BRIDGE", "PHYDEV", "VLAN_ID")


def is_automatic(nic: Nic) -> bool:
    """Whether the scheduler chooses the network."""
    return nic.get("NETWORK_MODE", "").upper() == "AUTO"


def is_floating(nic: Nic) -> bool:
    """Whether the address of a virtual router's interface is the router's, which its machines share."""
    return nic.get("FLOATING_IP", "").upper() == "YES"


def names_network(nic: Nic) -> bool:
    """Whether the interface is in a network of this server."""
    return bool(nic.get("NETWORK_ID") or nic.get("NETWORK"))


def resolve_nic(call: Call, nic: Nic, question: Authorization | None = None, *, heed_lock: bool = True) -> int:
    """The id of the network that an interface names, written to its NETWORK_ID; -1 for none, and in mode ``auto``.

    The network's owner is NETWORK_UID or NETWORK_UNAME, else the caller. The caller has to be allowed to use it and
    its security groups; with ``question`` that is only added to it, so that one answer names all that is refused.
    Raises :class:`InternalError` when there is no such network, and :class:`oned.errors.AuthorizationError`.
    """
    if is_automatic(nic):
        return -1
    asked = call.authorization() if question is None else question
    groups = ids_in(nic.get("SECURITY_GROUPS", ""))
    network = _network_of(call, nic) if names_network(nic) else None
    if network is not None:
        nic["NETWORK_ID"] = str(network.oid)
        asked.add(Op.USE, network.target(), heed_lock=heed_lock)
        groups |= network.security_groups
        for each in network.ranges:
            groups |= each.security_groups
    for group_id in sorted(groups):
        group = glance(call.transaction, SecurityGroup, group_id)
        if group is not None:
            asked.add(Op.USE, group.target(), heed_lock=heed_lock)
    if question is None:
        asked.check()
    return -1 if network is None else network.oid


def _network_of(call: Call, nic: Nic) -> Network:
    """The network that the interface names: NETWORK_ID counts before NETWORK."""
    number = nic.get("NETWORK_ID", "")
    if number:
        oid = whole(number)
        found = glance(call.transaction, Network, oid) if oid is not None else None
        if found is None:
            raise InternalError(f"Virtual network with ID: {number} does not exist")
        return found
    uid = _owner(call, nic)
    found = glance(call.transaction, Network, named(call.transaction, Network.table, nic["NETWORK"], uid))
    if found is None:
        raise InternalError(
            f"User {uid} does not own a network with name: {nic['NETWORK']} . "
            "Set NETWORK_UNAME or NETWORK_UID of owner in NIC."
        )
    return found


def _owner(call: Call, nic: Nic) -> int:
    """The user whose network a name is. Raises :class:`InternalError`."""
    if nic.get("NETWORK_UID"):
        uid = whole(nic["NETWORK_UID"])
        if uid is None:
            raise InternalError("Cannot get user in NETWORK_UID")
        return uid
    if not nic.get("NETWORK_UNAME"):
        return call.caller.uid
    table = User.table
    rows = call.transaction.rows(select(table.c.oid, table.c.name).where(table.c.name == nic["NETWORK_UNAME"]))
    found = [int(row.oid) for row in rows if row.name == nic["NETWORK_UNAME"]]
    if not found:
        raise InternalError("User set in NETWORK_UNAME does not exist")
    return found[0]


def acquire(transaction: Transaction, network_id: int, vm_id: int, nic: Nic, *, settings: Settings) -> None:
    """Take an address for a machine and write what comes from the network into ``nic``, which has its NIC_ID.

    An IP, IP6 or MAC in ``nic`` asks for that address. Quotas are the caller's to charge. The network's row is locked
    until the end of the transaction. Raises :class:`InternalError` with upstream's text.
    """
    network = locked(transaction, network_id)
    inherited = settings.names("INHERIT_VNET_ATTR")
    _describe(network, vm_id, nic)
    _lease(transaction, network, owner(Kind.VM, vm_id), nic, inherited)
    _inherit(network, nic, inherited)
    groups = ids_in(nic.get("SECURITY_GROUPS", "")) | network.security_groups
    each = network.range(int(nic["AR_ID"]))
    groups |= each.security_groups if each else set()
    nic["SECURITY_GROUPS"] = ",".join(map(str, sorted(groups)))
    save(transaction, network)


def acquire_floating(
    transaction: Transaction, network_id: int, router_id: int, nic: Nic, *, settings: Settings
) -> None:
    """Note a virtual router in the network; with FLOATING_IP also take an address for it.

    Raises :class:`InternalError`.
    """
    network = locked(transaction, network_id)
    nic["NETWORK"], nic["NETWORK_ID"] = network.name, str(network.oid)
    if is_floating(nic):
        _lease(transaction, network, owner(Kind.VROUTER, router_id), nic, settings.names("INHERIT_VNET_ATTR"))
    network.vrouters.add(router_id)
    save(transaction, network)


def locked(transaction: Transaction, network_id: int) -> Network:
    """The network, its row locked. Raises :class:`InternalError`."""
    network = held(transaction, Network, network_id)
    if network is None:
        raise InternalError(f"Virtual network with ID: {network_id} does not exist")
    return network


def _describe(network: Network, vm_id: int, nic: Nic) -> None:
    """What the network says of itself, before the range that the address is from."""
    nic |= {"NETWORK": network.name, "NETWORK_ID": str(network.oid), "BRIDGE": network.bridge}
    optional = {
        "VN_MAD": network.vn_mad,
        "PHYDEV": network.phydev,
        "VLAN_ID": network.vlan_id,
        "OUTER_VLAN_ID": network.outer_vlan_id,
        "PARENT_NETWORK_ID": str(network.parent) if network.parent != -1 else "",
        "BRIDGE_TYPE": network.bridge_type,
    }
    nic |= {name: value for name, value in optional.items() if value}
    if not nic.get("TARGET"):
        nic["TARGET"] = f"one-{vm_id}-{nic.get('NIC_ID', '')}"
    nic["CLUSTER_ID"] = ",".join(map(str, sorted(network.clusters)))


def _lease(transaction: Transaction, network: Network, number: int, nic: Nic, inherited: list[str]) -> None:
    """Take for the owner ``number`` the address that ``nic`` asks for, else the first that is free.

    Raises :class:`InternalError`.
    """
    asked = [(name, nic[name]) for name in _ADDRESSES if nic.get(name)]
    found = _choose(transaction, network, asked) if len(asked) < 2 else None
    if found is None:
        raise InternalError(f"Cannot get IP/MAC lease from virtual network {network.oid}.")
    each, index = found
    each.leases.take(index, number)
    nic |= each.addresses(index)
    nic["AR_ID"] = str(each.oid)
    get = each.attributes.get
    nic |= {name: value for name in _NETWORK_KEYS if (value := get(name, ""))}
    for name in inherited:
        if not nic.get(name) and get(name):
            nic[name] = each.attributes[name]


def _choose(
    transaction: Transaction, network: Network, asked: list[tuple[str, str]]
) -> tuple[AddressRange, int] | None:
    """A range and a free index in it, which the range's driver has given."""
    for each in network.ranges:
        if asked:
            index = each.index_of(*asked[0])
            if index is None or not each.leases.is_free(index, 1):
                continue
            if each.is_internal or ipam.allocate(transaction, network.oid, each, index):
                return each, index
        elif each.free > 0:
            index = each.leases.first_free() if each.is_internal else ipam.get(transaction, network.oid, each, 1)
            if index is not None:
                return each, index
    return None


def _inherit(network: Network, nic: Nic, inherited: list[str]) -> None:
    """Copy what INHERIT_VNET_ATTR names and the interface does not say itself."""
    for name in inherited:
        vector = network.template.vector(name)
        values = vector or {name: network.template.get(name)}
        for key, value in values.items():
            if value and not nic.get(key):
                nic[key] = value


def release(transaction: Transaction, vm_id: int, nic: Nic) -> None:
    """Give the address of a machine's interface back; one without an address has nothing to give."""
    _release(transaction, Kind.VM, vm_id, nic, "MAC")


def release_floating(transaction: Transaction, router_id: int, nic: Nic) -> None:
    """Give the address of a virtual router's interface back, and forget the router in the network."""
    _release(transaction, Kind.VROUTER, router_id, nic, "VROUTER_MAC")


def _release(transaction: Transaction, kind: Kind, oid: int, nic: Nic, key: str) -> None:
    network_id, mac = whole(nic.get("NETWORK_ID")), nic.get(key, "")
    network = held(transaction, Network, network_id) if network_id is not None else None
    if network is None or (kind is Kind.VM and not mac):
        return
    ar_id = whole(nic.get("AR_ID"))
    changed = False
    for each in network.ranges:
        index = each.index_of("MAC", mac) if ar_id in {None, each.oid} else None
        if index is not None and each.is_internal:
            changed |= each.leases.free(index, owner(kind, oid))
        elif index is not None:
            ipam.give_back(transaction, network.oid, each, index, owner(kind, oid))
    if kind is Kind.VROUTER and oid in network.vrouters:
        network.vrouters.discard(oid)
        changed = True
    if changed:
        save(transaction, network)
