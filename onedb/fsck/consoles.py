"""Console ports: the map of each cluster has the ports of its machines, and no two machines have one port.

A port in a map stays while there are machines whose bodies cannot be read: it may be theirs.
"""

from collections.abc import Iterator

from sqlalchemy import select

from oned.database.schema import cluster_pool, cluster_vnc_bitmap, vm_pool
from oned.errors import InternalError
from oned.infrastructure.vnc import PORTS, pack, unpack
from onedb.fsck.finding import Finding, unrepaired
from onedb.fsck.held import Held
from onedb.fsck.records import Records


def check(records: Records, held: Held) -> Iterator[Finding]:
    """The ports that machines share, then the maps."""
    for cid, ports in sorted(held.ports.items()):
        for port, machines in sorted(ports.items()):
            if len(machines) > 1:
                vms = ", ".join(map(str, machines))
                yield unrepaired(f"VMs {vms} have the same VNC port {port} in cluster {cid}")
    table = cluster_vnc_bitmap
    known = {int(oid): str(text) for oid, text in records.connection.execute(select(table.c.id, table.c.map))}
    unread = bool(records.unread(vm_pool))
    for row in records.pages(cluster_pool):
        old = _unpacked(known.get(row.oid, ""))
        right = old[:] if old and unread else bytearray(PORTS)
        for port in held.ports.get(row.oid, {}):
            if port < PORTS:
                right[port] = 1
        if old == right:
            continue
        yield Finding(f"Cluster {row.oid} has not the proper reserved VNC ports")
        if row.oid in known:
            records.change(table, {"id": row.oid}, {"map": pack(right)})
        else:
            records.add(table, {"id": row.oid, "map": pack(right)})


def _unpacked(text: str) -> bytearray | None:
    """A map, None for one that is damaged."""
    try:
        return unpack(text)
    except (InternalError, ValueError):
        return None
