"""What belongs to a cluster: in its body, in the body of what belongs, and in the tables that join the two."""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Table, delete, insert, select

from oned.access.acl import Kind
from oned.config import Settings
from oned.database.db import Transaction
from oned.database.pools import load, save
from oned.database.schema import cluster_datastore_relation, cluster_network_relation, cluster_vnc_bitmap
from oned.infrastructure import vnc
from oned.model.base import PoolObject
from oned.model.cluster import DEFAULT_CLUSTER, Cluster
from oned.model.datastore import DEFAULT, FILES, SYSTEM

RELATIONS: dict[Kind, Table] = {
    Kind.DATASTORE: cluster_datastore_relation,
    Kind.NET: cluster_network_relation,
}
"""The tables of what may be in several clusters; a host carries the number of its one cluster."""


def _members(cluster: Cluster, kind: Kind) -> set[int]:
    return {Kind.HOST: cluster.hosts, Kind.DATASTORE: cluster.datastores, Kind.NET: cluster.vnets}[kind]


def _kind(kind: Kind | str) -> Kind:
    return Kind[kind] if isinstance(kind, str) else kind


def attach(transaction: Transaction, cluster: Cluster | int, kind: Kind | str, oid: int) -> Cluster:
    """Make the object ``oid`` a member of a cluster (or its number), in the cluster's body and in the relation.

    The object's own body is the caller's to write. Raises :class:`oned.errors.NoExistsError` for the cluster.
    """
    kind = _kind(kind)
    cluster = load(transaction, Cluster, cluster) if isinstance(cluster, int) else cluster
    members = _members(cluster, kind)
    if oid not in members:
        members.add(oid)
        save(transaction, cluster)
    if kind in RELATIONS and cluster.oid not in of(transaction, kind, oid):
        transaction.write(insert(RELATIONS[kind]), {"cid": cluster.oid, "oid": oid})
    return cluster


def detach(transaction: Transaction, cluster: Cluster | int, kind: Kind | str, oid: int) -> Cluster:
    """End what :func:`attach` began. Raises :class:`oned.errors.NoExistsError` for the cluster."""
    kind = _kind(kind)
    cluster = load(transaction, Cluster, cluster) if isinstance(cluster, int) else cluster
    members = _members(cluster, kind)
    if oid in members:
        members.remove(oid)
        save(transaction, cluster)
    if kind in RELATIONS:
        table = RELATIONS[kind]
        transaction.write(delete(table).where(table.c.cid == cluster.oid, table.c.oid == oid))
    return cluster


def of(transaction: Transaction, kind: Kind | str, oid: int) -> set[int]:
    """The clusters of a datastore or network, from the relation."""
    table = RELATIONS[_kind(kind)]
    return {int(row[0]) for row in transaction.rows(select(table.c.cid).where(table.c.oid == oid))}


def first(_settings: Settings) -> Sequence[PoolObject]:
    """The cluster of a new database, with its three datastores."""
    return (Cluster(DEFAULT_CLUSTER, "default", datastores={SYSTEM, DEFAULT, FILES}),)


def first_rows(_settings: Settings) -> Iterator[tuple[Table, dict[str, Any]]]:
    """Who belongs to that cluster, and its console ports."""
    yield cluster_vnc_bitmap, vnc.new_row(DEFAULT_CLUSTER)
    for oid in (SYSTEM, DEFAULT, FILES):
        yield cluster_datastore_relation, {"cid": DEFAULT_CLUSTER, "oid": oid}
