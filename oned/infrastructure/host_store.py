"""Hosts in the database: the row, and what subscribers hear of a new state."""

from sqlalchemy import bindparam, select

from oned.database.db import Transaction
from oned.database.pools import load, save
from oned.hooks import events
from oned.model.cluster import Cluster
from oned.model.host import Host
from oned.model.vm import Vm

_CLUSTER = select(Cluster.table.c.body).where(Cluster.table.c.oid == bindparam("oid"))


def announce(transaction: Transaction, host: Host) -> None:
    """Tell the subscribers in which state a host is."""
    events.host_state(transaction, host.to_xml(), host.oid, host.state.name, host.name)


def save_host(transaction: Transaction, host: Host) -> None:
    """Write a host back, and tell its state when that has changed."""
    if host.state is not host.prev_state:
        announce(transaction, host)
        host.prev_state = host.state
    save(transaction, host)


def cluster_reserves(transaction: Transaction, host: Host) -> tuple[str, str]:
    """RESERVED_CPU and RESERVED_MEM of its cluster, without a lock: clusters are locked before hosts."""
    rows = transaction.rows(_CLUSTER, {"oid": host.cluster_id})
    return Cluster.from_xml(str(rows[0][0])).reserved if rows else ("", "")


def lock_machines(transaction: Transaction, host_id: int) -> list[Vm]:
    """The virtual machines of a host: for a change of both, as machines are locked before hosts."""
    rows = transaction.rows(select(Host.table.c.body).where(Host.table.c.oid == host_id))
    found = sorted(Host.from_xml(str(rows[0][0])).vms) if rows else []
    return [load(transaction, Vm, oid) for oid in found]
