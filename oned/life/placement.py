"""Where a virtual machine may go: the checks of a host and a system datastore, and what they write into its disks."""

from dataclasses import dataclass

from oned.access.acl import Authorization, Kind, Op
from oned.database.pools import load
from oned.errors import ActionError, InternalError, NoExistsError
from oned.infrastructure import capacity, clusters
from oned.infrastructure.capacity import Request
from oned.life.driver_conf import can, driver_of
from oned.life.effects import capacity_of
from oned.life.machine import Life
from oned.methods.call import Call
from oned.model.cluster import Cluster
from oned.model.datastore import Datastore, DatastoreType
from oned.model.host import Host, HostState
from oned.storage.reading import glance, peek
from oned.storage.targets import datastore_attributes
from oned.vm.context import is_yes
from oned.vm.usage import is_volatile

NO_DATASTORE = -1


@dataclass(frozen=True)
class Target:
    """A host and the system datastore there; None for a host that stands for a provider's cloud."""

    host: Host
    datastore: Datastore | None

    @property
    def tm_mad(self) -> str:
        """The transfer driver."""
        return self.datastore.tm_mad if self.datastore else ""

    @property
    def ds_id(self) -> int:
        """The datastore's id."""
        return self.datastore.oid if self.datastore else NO_DATASTORE


def usable_host(call: Call, host_id: int) -> Host:
    """The host, not locked. Raises :class:`NoExistsError`, :class:`ActionError` for one that is offline."""
    host = peek(call.transaction, Host, host_id)
    if host.state is HostState.OFFLINE:
        raise ActionError("Host is offline, cannot use it to deploy VM")
    return host


def system_datastore(call: Call, ds_id: int) -> Datastore:
    """The datastore, not locked. Raises :class:`NoExistsError`, :class:`InternalError` for one of images."""
    datastore = peek(call.transaction, Datastore, ds_id)
    if datastore.type is not DatastoreType.SYSTEM_DS:
        raise InternalError(
            f"Trying to use {Kind.DATASTORE.label} [{ds_id}] to deploy the VM, but it is not of type system datastore."
        )
    return datastore


def default_datastore(call: Call, cluster_id: int) -> Datastore:
    """The first system datastore of a cluster. Raises :class:`ActionError` when it has none."""
    cluster = peek(call.transaction, Cluster, cluster_id)
    for oid in sorted(cluster.datastores):
        datastore = glance(call.transaction, Datastore, oid)
        if datastore is not None and datastore.type is DatastoreType.SYSTEM_DS:
            return datastore
    raise ActionError(
        f"{Kind.CLUSTER.label} [{cluster_id}] does not have any {Kind.DATASTORE.label} of type SYSTEM_DS."
    )


def deploy_target(call: Call, host: Host, ds_id: int) -> Target:
    """The host with the datastore that was asked for, else its cluster's first. Raises :class:`ActionError`."""
    if host.public_cloud:
        return Target(host, None)
    if ds_id == NO_DATASTORE:
        return Target(host, default_datastore(call, host.cluster_id))
    datastore = system_datastore(call, ds_id)
    if host.cluster_id not in clusters.of(call.transaction, Kind.DATASTORE, ds_id):
        raise ActionError(
            f"{Kind.DATASTORE.label} [{ds_id}] and {Kind.HOST.label} [{host.oid}] are not in the same "
            f"{Kind.CLUSTER.label} [{host.cluster_id}]."
        )
    return Target(host, datastore)


def add_questions(question: Authorization, target: Target) -> Authorization:
    """Ask for the host and the datastore."""
    question.add(Op.MANAGE, target.host.target())
    if target.datastore is not None:
        question.add(Op.USE, target.datastore.target())
    return question


def check_capacity(life: Life, host_id: int) -> None:
    """Raise :class:`ActionError` when the machine does not fit on the host, which is locked from then on."""
    try:
        host = load(life.transaction, Host, host_id)
    except NoExistsError:
        raise ActionError("Host no longer exists") from None
    capacity.check(host, Request.of(life.vm.oid, *capacity_of(life.vm), life.vm.template))


def check_transfer(life: Life, tm_mad: str) -> None:
    """Settle by which drivers the disks come to the system datastore, once. Raises :class:`ActionError`."""
    template = life.vm.template
    if template.get("TM_MAD_SYSTEM"):
        return
    for disk in template.vectors("DISK"):
        same = disk.get("TM_MAD", "").upper() == tm_mad.upper()
        if same or not disk.get("DATASTORE_ID", "").isdecimal():
            continue
        datastore = glance(life.transaction, Datastore, int(disk["DATASTORE_ID"]))
        if datastore is None:
            raise ActionError("Datastore does not exist")
        if tm_mad:
            _set_targets(disk, datastore, tm_mad)
    template.set("TM_MAD_SYSTEM", tm_mad)


def _set_targets(disk: dict[str, str], datastore: Datastore, tm_mad: str) -> None:
    suffix = tm_mad.strip().upper()
    names = ("CLONE_TARGET", "LN_TARGET", "DISK_TYPE")
    found = {name: datastore.template.get(f"{name}_{suffix}") for name in names}
    if not all(found.values()):
        raise ActionError(f"Image Datastore does not support transfer mode: {tm_mad}")
    disk |= found | {"TM_MAD_SYSTEM": tm_mad}


def check_shareable(life: Life, vm_mad: str) -> None:
    """Refuse a hypervisor that cannot share disks to a machine that does. Raises :class:`ActionError`."""
    if driver_of(life.settings, vm_mad) is None:
        raise ActionError(f"Cannot find vmm driver: {vm_mad}")
    if can(life.settings, vm_mad, "SUPPORT_SHAREABLE"):
        return
    if any(is_yes(disk.get("SHAREABLE")) for disk in life.vm.template.vectors("DISK")):
        raise ActionError(f"VM has shareable disk, but vmm driver: '{vm_mad}' doesn't support shareable disks")


def complete_volatile(life: Life, datastore: Datastore | None) -> None:
    """Write what comes from the system datastore into the disks that have no image."""
    for disk in life.vm.template.vectors("DISK"):
        if datastore is not None and is_volatile(disk):
            datastore_attributes(datastore, disk, life.settings)


def joined(ids: set[int]) -> str:
    """Ids for a message."""
    return ",".join(str(oid) for oid in sorted(ids))
