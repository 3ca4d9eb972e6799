"""``one.cluster.*`` and ``one.clusterpool.info``."""

from sqlalchemy import delete, insert, select

from oned.access.acl import Kind, Op, Target
from oned.database.listing import Listing
from oned.database.pools import create, load, remove, save
from oned.database.schema import cluster_vnc_bitmap
from oned.infrastructure import clusters, vnc
from oned.infrastructure.host_store import save_host
from oned.methods.call import Call, Method
from oned.methods.shared import listing
from oned.methods.unique import Unique
from oned.model.cluster import DEFAULT_CLUSTER, FIRST_ORDINARY_ID, Cluster
from oned.model.datastore import Datastore
from oned.model.host import Host
from oned.model.network import Network


class Clusters(Unique[Cluster]):
    """Hosts follow their cluster's name and reservations."""

    def updated(self, call: Call, obj: Cluster) -> None:
        """Reserve in the hosts what the cluster says, where they say nothing themselves."""
        for oid in sorted(obj.hosts):
            host = load(call.transaction, Host, oid)
            if host.follow(obj.reserved):
                save_host(call.transaction, host)

    def renamed(self, call: Call, obj: Cluster) -> None:
        """The hosts show the cluster's name."""
        for oid in sorted(obj.hosts):
            host = load(call.transaction, Host, oid)
            host.cluster = obj.name
            save_host(call.transaction, host)


POOL = Clusters(Cluster)


def allocate(call: Call, name: str) -> int:
    """Create an empty cluster."""
    new = Target(Kind.CLUSTER, uid=call.caller.uid, gid=call.caller.gid)
    call.authorization().add(Op.CREATE, new).check()
    POOL.check_new(call, name)
    oid = create(call.transaction, Cluster(-1, name))
    call.transaction.write(insert(cluster_vnc_bitmap), vnc.new_row(oid))
    return oid


def remove_cluster(call: Call, oid: int) -> int:
    """Delete an empty cluster and the access rules for it."""
    cluster = POOL.doomed(call, oid)
    if oid < FIRST_ORDINARY_ID:
        raise POOL.refuse(f"System Clusters (ID < {FIRST_ORDINARY_ID}) cannot be deleted.")
    for what, members in (("hosts", cluster.hosts), ("datastores", cluster.datastores), ("vnets", cluster.vnets)):
        if members:
            raise POOL.refuse(f"Cluster {oid} is not empty, it contains {len(members)} {what}.")
    remove(call.transaction, cluster)
    call.transaction.write(delete(cluster_vnc_bitmap).where(cluster_vnc_bitmap.c.id == oid))
    return oid


def _lock_clusters(call: Call, oid: int, host_id: int) -> Cluster:
    """The cluster ``oid``; it and the one the host is in stay locked, the lower number first."""
    rows = call.transaction.rows(select(Host.table.c.cid).where(Host.table.c.oid == host_id))
    others = {int(row[0]) for row in rows} - {oid}
    for other in sorted(other for other in others if other < oid):
        load(call.transaction, Cluster, other)
    cluster = load(call.transaction, Cluster, oid)
    for other in sorted(other for other in others if other > oid):
        load(call.transaction, Cluster, other)
    return cluster


def add_host(call: Call, oid: int, host_id: int) -> int:
    """Move a host into the cluster."""
    transaction = call.transaction
    cluster = _lock_clusters(call, oid, host_id)
    host = load(transaction, Host, host_id)
    call.authorization().add(Op.ADMIN, cluster.target()).add(Op.ADMIN, host.target()).check()
    before = host.cluster_id
    if before == oid:
        return oid
    host.cluster_id, host.cluster = oid, cluster.name
    host.follow(cluster.reserved)
    save_host(transaction, host)
    clusters.attach(transaction, cluster, Kind.HOST, host_id)
    clusters.detach(transaction, before, Kind.HOST, host_id)
    return oid


def remove_host(call: Call, oid: int, host_id: int) -> int:
    """Move a host back to the default cluster, whichever it is in."""
    _ = oid
    return add_host(call, DEFAULT_CLUSTER, host_id)


def _change(call: Call, oid: int, cls: type[Datastore | Network], member_id: int, *, joins: bool) -> int:
    """Let a datastore or network join or leave the cluster."""
    transaction = call.transaction
    cluster = load(transaction, Cluster, oid)
    member = load(transaction, cls, member_id)
    call.authorization().add(Op.ADMIN, cluster.target()).add(Op.ADMIN, member.target()).check()
    if (oid in member.clusters) is joins:
        return oid
    member.clusters ^= {oid}
    save(transaction, member)
    change = clusters.attach if joins else clusters.detach
    change(transaction, cluster, cls.kind, member_id)
    return oid


def add_datastore(call: Call, oid: int, datastore_id: int) -> int:
    """Let a datastore join the cluster."""
    return _change(call, oid, Datastore, datastore_id, joins=True)


def remove_datastore(call: Call, oid: int, datastore_id: int) -> int:
    """Take a datastore out of the cluster."""
    return _change(call, oid, Datastore, datastore_id, joins=False)


def add_network(call: Call, oid: int, network_id: int) -> int:
    """Let a virtual network join the cluster."""
    return _change(call, oid, Network, network_id, joins=True)


def remove_network(call: Call, oid: int, network_id: int) -> int:
    """Take a virtual network out of the cluster."""
    return _change(call, oid, Network, network_id, joins=False)


def pool_info(call: Call) -> Listing:
    """The clusters that the caller may see."""
    return listing(call, Cluster, "CLUSTER_POOL")


METHODS = (
    Method("one.cluster.allocate", allocate, (str,), write=True),
    Method("one.cluster.info", POOL.info, (int,), (bool,)),
    Method("one.cluster.update", POOL.update, (int, str), (int,), write=True),
    Method("one.cluster.delete", remove_cluster, (int,), write=True),
    Method("one.cluster.rename", POOL.rename, (int, str), write=True),
    Method("one.cluster.addhost", add_host, (int, int), write=True),
    Method("one.cluster.delhost", remove_host, (int, int), write=True),
    Method("one.cluster.adddatastore", add_datastore, (int, int), write=True),
    Method("one.cluster.deldatastore", remove_datastore, (int, int), write=True),
    Method("one.cluster.addvnet", add_network, (int, int), write=True),
    Method("one.cluster.delvnet", remove_network, (int, int), write=True),
    Method("one.clusterpool.info", pool_info, bulk=True),
)
