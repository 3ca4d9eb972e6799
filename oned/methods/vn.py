"""``one.vn.*`` and ``one.vnpool.info``; what changes ranges and leases is in ``vn_ar``."""

from sqlalchemy import ColumnElement, Table, select

from oned.access.acl import SHOW_ALL, Kind, Op, visible
from oned.access.quota import charge, refund
from oned.crypt import decrypt_template
from oned.database.listing import Listing
from oned.database.pools import load, remove, save
from oned.database.schema import network_pool, vm_pool, vrouter_pool
from oned.errors import AuthorizationError, InternalError
from oned.infrastructure import clusters as membership
from oned.methods import vn_ar
from oned.methods.call import CHMOD, Call, Method
from oned.methods.personal import Personal
from oned.methods.shared import Window, listing, parse_template
from oned.methods.unique import home_cluster
from oned.model.group import Group
from oned.model.network import Network
from oned.model.user import User
from oned.network import ipam, vlan
from oned.network.create import create_network
from oned.network.leases import owner
from oned.network.ranges import Visible
from oned.network.reserve import usage_of
from oned.storage.reading import held, peek

_USERS: dict[str, tuple[Kind, Table]] = {
    "VM": (Kind.VM, vm_pool),
    "VNET": (Kind.NET, network_pool),
    "VROUTER": (Kind.VROUTER, vrouter_pool),
}
"""Who may have a lease."""


class Networks(Personal[Network]):
    """What many resources do alike, and what is different for networks."""

    def updated(self, call: Call, obj: Network) -> None:
        """Keep what the network is built on: only the bridge follows its template."""
        _ = call
        template = obj.template
        template.set("VN_MAD", obj.vn_mad)
        template.set("PHYDEV", obj.phydev)
        for name, value, automatic in (
            ("VLAN_ID", obj.vlan_id, obj.vlan_automatic),
            ("OUTER_VLAN_ID", obj.outer_vlan_id, obj.outer_vlan_automatic),
        ):
            template.erase(f"AUTOMATIC_{name}")
            template.erase(name)
            if not automatic:
                template.set(name, value)
        obj.bridge = template.get("BRIDGE") or obj.bridge
        template.set("BRIDGE", obj.bridge)

    def info(self, call: Call, oid: int, decrypt: bool = False) -> str:
        """The network with its leases: those of objects that the caller may see, or all for who may manage it."""
        network = load(call.transaction, Network, oid)
        call.authorization().add(Op.USE, network.target(), heed_lock=False).check()
        if decrypt and call.caller.is_admin:
            decrypt_template(network.template, call.settings.names(Network.encrypted), call.key)
        return network.extended_xml(_shown(call, network))

    def delete(self, call: Call, oid: int) -> int:
        """Delete a network without leases; a reservation's addresses go back to its parent."""
        transaction = call.transaction
        network = peek(transaction, Network, oid)
        call.authorization().add(Op.MANAGE, network.target()).check()
        self._check_unused(network)
        if network.parent != -1:
            refund(transaction, network.uid, network.gid, usage_of(network))
        for cluster_id in sorted(network.clusters):
            membership.detach(transaction, cluster_id, Kind.NET, oid)
        parent = held(transaction, Network, network.parent)
        network = load(transaction, Network, oid)
        self._check_unused(network)
        self._unregister(call, network)
        if parent is not None:
            for each in parent.ranges:
                if each.is_internal:
                    each.leases.free_all(owner(Kind.NET, oid))
                else:
                    ipam.give_all_back(transaction, parent.oid, each, owner(Kind.NET, oid))
            save(transaction, parent)
        if network.vlan_automatic:
            vlan.release(transaction, network.vn_mad, network.vlan_id)
        remove(transaction, network)
        return oid

    def _unregister(self, call: Call, network: Network) -> None:
        """Tell the drivers of the network's ranges that these end."""
        try:
            for each in network.ranges:
                if not each.is_internal:
                    ipam.unregister(call.transaction, network.oid, each, force=False)
        except InternalError as error:
            raise self.refuse(error.detail) from None

    def _check_unused(self, network: Network) -> None:
        if network.used:
            raise self.refuse("Can not remove a virtual network with leases in use")

    def chown(self, call: Call, oid: int, uid: int, gid: int) -> int:
        """Change owner and group; the leases of a reservation count for the new ones."""
        transaction = call.transaction
        user = load(transaction, User, uid) if uid > -1 else None
        group = load(transaction, Group, gid) if gid > -1 else None
        network = peek(transaction, Network, oid)
        if network.parent != -1 and _granted(call, Op.MANAGE, network):
            usage = usage_of(network)
            charge(transaction, uid if user else -1, gid if group else -1, usage)
            refund(transaction, network.uid if user else -1, network.gid if group else -1, usage)
        return super().chown(call, oid, uid, gid)


def _granted(call: Call, op: Op, network: Network) -> bool:
    try:
        call.authorization().add(op, network.target()).check()
    except AuthorizationError:
        return False
    return True


def _shown(call: Call, network: Network) -> Visible:
    """Which leases of a network the caller may see."""
    if _granted(call, Op.MANAGE, network):
        return lambda _name, _oid: True
    seen: dict[str, set[int]] = {}

    def shown(name: str, oid: int) -> bool:
        if name not in seen:
            seen[name] = _visible_ids(call, name)
        return oid in seen[name]

    return shown


def _visible_ids(call: Call, name: str) -> set[int]:
    kind, table = _USERS[name]
    clause = _visible(call, kind, table)
    return {int(row[0]) for row in call.transaction.rows(select(table.c.oid).where(clause))}


def _visible(call: Call, kind: Kind, table: Table) -> ColumnElement[bool]:
    return visible(call.transaction, call.caller, kind, table, SHOW_ALL, zone_id=call.settings.zone_id)


POOL = Networks(Network, restricted="VNET_RESTRICTED_ATTR")


def allocate(call: Call, text: str, cluster_id: int) -> int:
    """Create a network in a cluster; -1 is the default one."""
    template = parse_template(text)
    cluster = home_cluster(call, Kind.NET, cluster_id)
    return create_network(call, template, {cluster.oid}).oid


def pool_info(call: Call, flag: int, start: int, end: int) -> Listing:
    """The networks, their ranges without the leases one by one."""
    return listing(call, Network, "VNET_POOL", Window(flag, start, end))


METHODS = (
    Method("one.vn.allocate", allocate, (str, int), write=True),
    Method("one.vn.info", POOL.info, (int,), (bool,)),
    Method("one.vn.update", POOL.update, (int, str), (int,), write=True),
    Method("one.vn.delete", POOL.delete, (int,), write=True),
    Method("one.vn.chown", POOL.chown, (int, int, int), write=True),
    Method("one.vn.chmod", POOL.chmod, CHMOD, write=True),
    Method("one.vn.rename", POOL.rename, (int, str), write=True),
    Method("one.vn.lock", POOL.lock, (int, int), (bool,), write=True),
    Method("one.vn.unlock", POOL.unlock, (int,), write=True),
    Method("one.vn.add_ar", vn_ar.add_ar, (int, str), write=True),
    Method("one.vn.rm_ar", vn_ar.rm_ar, (int, int), (bool,), write=True),
    Method("one.vn.update_ar", vn_ar.update_ar, (int, str), write=True),
    Method("one.vn.free_ar", vn_ar.free_ar, (int, int), (bool,), write=True),
    Method("one.vn.hold", vn_ar.hold, (int, str), write=True),
    Method("one.vn.release", vn_ar.release, (int, str), write=True),
    Method("one.vn.reserve", vn_ar.reserve, (int, str), write=True),
    Method("one.vnpool.info", pool_info, (int, int, int), bulk=True),
)
