"""``one.host.*`` and ``one.hostpool.*``."""

import time

from sqlalchemy import ColumnElement, delete, func, select

from oned.access.acl import SHOW_ALL, Kind, Op, visible
from oned.database.listing import Listing
from oned.database.pools import create, load, readable, remove
from oned.database.schema import host_monitoring
from oned.errors import InternalError
from oned.infrastructure import clusters
from oned.infrastructure.host_store import announce, cluster_reserves, lock_machines, save_host
from oned.infrastructure.hosts import START, STOP, ask_monitor, last_monitoring
from oned.methods.call import Call, Method
from oned.methods.shared import listing
from oned.methods.unique import Unique, home_cluster
from oned.model.base import check_name
from oned.model.cluster import Cluster
from oned.model.host import TAIL, Host, HostState
from oned.vm.store import save_vm

STATUS = {0: HostState.INIT, 1: HostState.DISABLED, 2: HostState.OFFLINE}
"""The numbers of ``one.host.status``."""
LATEST, ALL_RECORDS = 0, -1


class Hosts(Unique[Host]):
    """A host's drivers and capacity follow its template."""

    def store(self, call: Call, obj: Host) -> None:
        """Write the host back."""
        save_host(call.transaction, obj)

    def updated(self, call: Call, obj: Host) -> None:
        """Take drivers and reservations from the new template."""
        template = obj.template
        obj.im_mad = template.get("IM_MAD") or obj.im_mad
        obj.vm_mad = template.get("VM_MAD") or obj.vm_mad
        template.set("IM_MAD", obj.im_mad)
        template.set("VM_MAD", obj.vm_mad)
        obj.share.configure(template, *obj.reserved(cluster_reserves(call.transaction, obj)))

    def rename(self, call: Call, oid: int, name: str) -> int:
        """Give the host another name, and its machines the new one of their host."""
        machines = lock_machines(call.transaction, oid)
        super().rename(call, oid, name)
        for vm in machines:
            if vm.history and vm.history[-1].hid == oid:
                vm.history[-1].hostname = name
                save_vm(call.transaction, vm)
        return oid

    def info(self, call: Call, oid: int, decrypt: bool = False) -> str:
        """The host's XML with the newest that was measured."""
        body = super().info(call, oid, decrypt)
        measured = last_monitoring(call.transaction, oid)
        if not measured:
            return body
        if not body.endswith(TAIL):
            body = Host.from_xml(body).to_xml()
        return f"{body.removesuffix(TAIL)}{measured}</HOST>"


POOL = Hosts(Host, op=Op.ADMIN)


def allocate(call: Call, name: str, im_mad: str, vm_mad: str, cluster_id: int) -> int:
    """Add a host to a cluster (-1: the default one) and begin to monitor it."""
    cluster = home_cluster(call, Kind.HOST, cluster_id)
    reason = check_name(name)
    if reason:
        raise InternalError(reason)
    if not im_mad:
        raise InternalError("IM_MAD_NAME cannot be empty.")
    if not vm_mad:
        raise InternalError("VMM_MAD_NAME cannot be empty.")
    POOL.check_new(call, name)
    host = Host.new(name, im_mad, vm_mad, cluster.oid, cluster.name)
    create(call.transaction, host)
    announce(call.transaction, host)
    clusters.attach(call.transaction, cluster, Kind.HOST, host.oid)
    ask_monitor(call.transaction, host, START)
    return host.oid


def remove_host(call: Call, oid: int) -> int:
    """Delete a host without machines, and stop to monitor it."""
    home = _lock_home(call, oid)
    host = POOL.doomed(call, oid)
    if host.share.running_vms > 0:
        raise POOL.refuse("Can not remove a host with running VMs")
    remove(call.transaction, host)
    clusters.detach(call.transaction, home or host.cluster_id, Kind.HOST, oid)
    call.transaction.write(delete(host_monitoring).where(host_monitoring.c.hid == oid))
    ask_monitor(call.transaction, host, STOP)
    return oid


def _lock_home(call: Call, oid: int) -> Cluster | None:
    """The cluster of a host, locked before the host itself."""
    rows = call.transaction.rows(select(Host.table.c.cid).where(Host.table.c.oid == oid))
    return load(call.transaction, Cluster, int(rows[0][0])) if rows else None


def status(call: Call, oid: int, code: int) -> int:
    """Enable (0), disable (1) or take offline (2) a host."""
    host = load(call.transaction, Host, oid)
    call.authorization().add(Op.ADMIN, host.target()).check()
    if code not in STATUS:
        raise InternalError("Wrong status code")
    before, wanted = host.state, STATUS[code]
    if wanted is HostState.OFFLINE:
        host.go_offline()
    else:
        host.state = wanted
    save_host(call.transaction, host)
    if wanted is HostState.OFFLINE and before is not HostState.OFFLINE:
        ask_monitor(call.transaction, host, STOP)
    elif wanted is HostState.INIT or before is HostState.OFFLINE:
        ask_monitor(call.transaction, host, START)
    return oid


def pool_info(call: Call) -> Listing:
    """The hosts that the caller may see."""
    return listing(call, Host, "HOST_POOL")


def _records(which: ColumnElement[bool], seconds: int) -> Listing:
    """What was measured of the hosts ``which``: the newest of each (0), all (below 0), or of the last ``seconds``."""
    record, pool = host_monitoring, Host.table
    keys = (record.c.hid, record.c.last_mon_time)
    query = select(record.c.body, *keys).select_from(record.join(pool, record.c.hid == pool.c.oid)).where(which)
    if seconds == LATEST:
        newest = (
            select(record.c.hid, func.max(record.c.last_mon_time).label("time")).group_by(record.c.hid).subquery()
        )
        query = query.join(newest, (record.c.hid == newest.c.hid) & (record.c.last_mon_time == newest.c.time))
    elif seconds > 0:
        query = query.where(record.c.last_mon_time > int(time.time()) - seconds)
    return Listing("MONITORING_DATA", query, keys)


def monitoring(call: Call, oid: int) -> Listing:
    """All that was measured of a host."""
    _, target = readable(call.transaction, Host.table, Kind.HOST, oid)
    call.authorization().add(Op.USE, target, heed_lock=False).check()
    return _records(Host.table.c.oid == oid, ALL_RECORDS)


def pool_monitoring(call: Call, seconds: int = ALL_RECORDS) -> Listing:
    """What was measured of the hosts that the caller may see."""
    zone = call.settings.zone_id
    mine = visible(call.transaction, call.caller, Kind.HOST, Host.table, SHOW_ALL, zone_id=zone)
    return _records(mine, seconds)


METHODS = (
    Method("one.host.allocate", allocate, (str, str, str, int), write=True),
    Method("one.host.info", POOL.info, (int,), (bool,)),
    Method("one.host.update", POOL.update, (int, str), (int,), write=True),
    Method("one.host.delete", remove_host, (int,), write=True),
    Method("one.host.rename", POOL.rename, (int, str), write=True),
    Method("one.host.status", status, (int, int), write=True),
    Method("one.host.monitoring", monitoring, (int,), bulk=True),
    Method("one.hostpool.info", pool_info, bulk=True),
    Method("one.hostpool.monitoring", pool_monitoring, (), (int,), bulk=True),
)
