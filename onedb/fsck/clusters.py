"""Clusters: hosts, datastores and networks name those that exist, and clusters and relation tables name them back."""

from collections import defaultdict
from collections.abc import Iterator

from sqlalchemy import Table, select

from oned.database.schema import cluster_datastore_relation, cluster_network_relation
from oned.model.cluster import DEFAULT_CLUSTER, Cluster
from oned.model.datastore import Datastore
from oned.model.host import Host
from oned.model.network import Network
from onedb.fsck.finding import Finding, differences
from onedb.fsck.records import Records

Members = dict[int, set[int]]
"""Ids by cluster."""


def check(records: Records) -> Iterator[Finding]:
    """The three kinds of members, the lists of the clusters, the relation tables."""
    names = records.names(Cluster.table)
    hosts: Members = defaultdict(set)
    datastores: Members = defaultdict(set)
    networks: Members = defaultdict(set)
    yield from _hosts(records, names, hosts)
    yield from _several(records, Datastore, "Datastore", names, datastores)
    yield from _several(records, Network, "VNet", names, networks)
    for cluster, _ in records.objects(Cluster):
        found = list(_lists(records, cluster, hosts, datastores, networks))
        yield from found
        if found:
            records.save(cluster)
    unread = records.unread(Datastore.table)
    yield from _relation(records, cluster_datastore_relation, "datastore", datastores, unread)
    yield from _relation(records, cluster_network_relation, "vnet", networks, records.unread(Network.table))


def _lists(
    records: Records, cluster: Cluster, hosts: Members, datastores: Members, networks: Members
) -> Iterator[Finding]:
    """Repair the three lists of a cluster in memory."""
    kinds = (
        ("Host", "hosts", Host.table, hosts),
        ("Datastore", "datastores", Datastore.table, datastores),
        ("VNet", "vnets", Network.table, networks),
    )
    for label, name, table, members in kinds:
        listed: set[int] = getattr(cluster, name)
        right = members[cluster.oid] | listed & records.unread(table)
        yield from map(Finding, differences(label, f"cluster {cluster.oid} {name[:-1]}", listed, right))
        setattr(cluster, name, right)


def _hosts(records: Records, names: dict[int, str], members: Members) -> Iterator[Finding]:
    for host, row in records.objects(Host, Host.table.c.cid):
        found = list(_mend(host, names, row.cid))
        yield from found
        if found:
            records.save(host)
        members[host.cluster_id].add(host.oid)


def _mend(host: Host, names: dict[int, str], column: int) -> Iterator[Finding]:
    """Repair in memory what a host says of its cluster; one that is gone becomes the default cluster."""
    oid, cid = host.oid, host.cluster_id
    if cid != column:
        yield Finding(f"Host {oid} is in cluster {cid}, but cid column has cluster {column}")
    if cid == -1:
        return
    if cid not in names:
        yield Finding(f"Host {oid} is in cluster {cid}, but it does not exist")
        host.cluster_id, host.cluster = DEFAULT_CLUSTER, names.get(DEFAULT_CLUSTER, "default")
    elif host.cluster != names[cid]:
        yield Finding(
            f"Host {oid} has a wrong name for cluster {cid}, {host.cluster}. It will be changed to {names[cid]}"
        )
        host.cluster = names[cid]


def _several(
    records: Records,
    cls: type[Datastore] | type[Network],
    label: str,
    names: dict[int, str],
    members: Members,
) -> Iterator[Finding]:
    """Objects that may be in several clusters."""
    for obj, _ in records.objects(cls):
        gone = obj.clusters - names.keys()
        for cid in sorted(gone):
            yield Finding(f"{label} {obj.oid} is in cluster {cid}, but it does not exist")
        if gone:
            obj.clusters -= gone
            records.save(obj)
        for cid in obj.clusters:
            members[cid].add(obj.oid)


def _relation(records: Records, table: Table, word: str, members: Members, unread: set[int]) -> Iterator[Finding]:
    rows = records.connection.execute(select(table.c.cid, table.c.oid))
    known = {(int(cid), int(oid)) for cid, oid in rows}
    right = {(cid, oid) for cid, oids in members.items() for oid in oids}
    for cid, oid in sorted(right - known):
        yield Finding(f"Table {table.name} is missing relation cluster {cid}, {word} {oid}")
        records.add(table, {"cid": cid, "oid": oid})
    for cid, oid in sorted(known - right):
        if oid in unread:
            continue
        yield Finding(f"Table {table.name} contains relation cluster {cid}, {word} {oid}, but it should not")
        records.drop(table, {"cid": cid, "oid": oid})
