"""What the scheduler has to heed besides the user's wishes: the clusters and datastores that all parts are in.

Source: OpenNebula 6.0, "Virtual Machine Template", "Placement Section", AUTOMATIC_REQUIREMENTS.
"""

from collections.abc import Iterator

from oned.access.acl import Kind
from oned.database.db import Transaction
from oned.errors import InternalError
from oned.infrastructure import clusters
from oned.model.datastore import Datastore
from oned.storage.reading import glance
from oned.vm.context import is_yes
from oned.vm.topology import is_pinned
from onelib.template import Template

_NAMES = ("AUTOMATIC_REQUIREMENTS", "AUTOMATIC_DS_REQUIREMENTS", "AUTOMATIC_NIC_REQUIREMENTS")
_FILES = ("KERNEL", "INITRD")


def _joined(ids: set[int]) -> str:
    return ",".join(str(oid) for oid in sorted(ids))


def _numbers(text: str) -> set[int]:
    return {int(part) for part in text.split(",") if part.strip().isdecimal()}


def _set_clusters(transaction: Transaction, vector: dict[str, str], kind: Kind, source: str, target: str) -> None:
    """Write the clusters of the datastore or network that ``vector[source]`` is into ``vector[target]``."""
    if vector.get(source, "").isdecimal():
        vector[target] = _joined(clusters.of(transaction, kind, int(vector[source])))


def _refusals(what: str, part: str) -> tuple[str, str]:
    """The texts for a device in other clusters than the rest, and in none."""
    incompatible = (
        f"Incompatible clusters in {part}. {what} is not in the same cluster as the one used by other VM elements "
        "(cluster {known})"
    )
    return incompatible, f"Missing clusters. {what} is not in any cluster"


def _devices(transaction: Transaction, template: Template) -> Iterator[tuple[str | None, str, str]]:
    """The clusters of each part, None where it has none of its own; and the texts when they do not fit."""
    system = template.vector("OS")
    for name in _FILES:
        target = f"{name}_DS_CLUSTER_ID"
        _set_clusters(transaction, system, Kind.DATASTORE, f"{name}_DS_DSID", target)
        yield (
            system.get(target),
            f"Incompatible cluster in {name} datastore, it should be in cluster {{known}}.",
            f"Missing clusters. {name} datastore is not in any cluster.",
        )
    for number, disk in enumerate(template.vectors("DISK")):
        _set_clusters(transaction, disk, Kind.DATASTORE, "DATASTORE_ID", "CLUSTER_ID")
        yield disk.get("CLUSTER_ID"), *_refusals(f"Datastore for DISK {number}", "DISK")
    for number, nic in enumerate(template.vectors("NIC")):
        _set_clusters(transaction, nic, Kind.NET, "NETWORK_ID", "CLUSTER_ID")
        yield nic.get("CLUSTER_ID"), *_refusals(f"Network for NIC {number}", "NIC")
    for number, pci in enumerate(template.vectors("PCI")):
        if pci.get("TYPE") == "NIC":
            _set_clusters(transaction, pci, Kind.NET, "NETWORK_ID", "CLUSTER_ID")
            yield pci.get("CLUSTER_ID"), *_refusals(f"Network for PCI {number}", "PCI (TYPE=NIC)")


def _cluster_ids(transaction: Transaction, template: Template) -> set[int]:
    """The clusters that all parts are in; empty when no part says one. Raises :class:`InternalError`."""
    known: set[int] = set()
    for text, incompatible, missing in _devices(transaction, template):
        if text is None:
            continue
        own = _numbers(text)
        if not own:
            raise InternalError(missing)
        if known and not known & own:
            raise InternalError(incompatible.format(known=_joined(known)))
        known = known & own if known else own
    return known


def _datastore_ids(transaction: Transaction, template: Template) -> set[int]:
    """The system datastores that suit the images (COMPATIBLE_SYS_DS). Raises :class:`InternalError`."""
    known: set[int] = set()
    for number, disk in enumerate(template.vectors("DISK")):
        if not disk.get("DATASTORE_ID", "").isdecimal():
            continue
        datastore = glance(transaction, Datastore, int(disk["DATASTORE_ID"]))
        own = _numbers(datastore.template.get("COMPATIBLE_SYS_DS")) if datastore else set()
        if not own:
            continue
        if known and not known & own:
            raise InternalError(
                f"Incompatible system datastore in DISK. Images Datastore for DISK {number} has not the same "
                f"complatible system datastore(system datastores {_joined(known)})"
            )
        known = known & own if known else own
    return known


def _any(expression: str, ids: set[int]) -> str:
    return "(" + " | ".join(f"{expression} {oid}" for oid in sorted(ids)) + ")"


def _clouds(user_template: Template) -> list[str]:
    return sorted({vector["TYPE"] for vector in user_template.vectors("PUBLIC_CLOUD") if vector.get("TYPE")})


def _for_hosts(template: Template, user_template: Template, cluster_ids: set[int]) -> str:
    parts = [_any("CLUSTER_ID =", cluster_ids)] if cluster_ids else []
    parts.append("!(PUBLIC_CLOUD = YES)")
    parts.append("(PIN_POLICY = PINNED)" if is_pinned(template) else "!(PIN_POLICY = PINNED)")
    clouds = _clouds(user_template)
    public = " | ".join(f"HYPERVISOR = {cloud}" for cloud in clouds)
    return " & ".join(parts) + (f" | (PUBLIC_CLOUD = YES & ({public}))" if clouds else "")


def _for_datastores(template: Template, cluster_ids: set[int], datastore_ids: set[int]) -> str:
    parts = [_any('"CLUSTERS/ID" @>', cluster_ids)] if cluster_ids else []
    if datastore_ids:
        parts.append(_any('"ID" @>', datastore_ids))
    if parts and template.get("TM_MAD_SYSTEM"):
        parts.append(f'(TM_MAD = "{template.get("TM_MAD_SYSTEM").strip()}")')
    if any(is_yes(disk.get("SHAREABLE")) for disk in template.vectors("DISK")):
        parts.append('(SHARED = "YES")')
    return " & ".join(parts)


def set_automatic(transaction: Transaction, template: Template, user_template: Template) -> set[int]:
    """Write AUTOMATIC_*REQUIREMENTS into ``template``; the clusters that its parts allow, empty for any.

    Raises :class:`InternalError` with upstream's text when no cluster or system datastore suits all parts.
    """
    for name in _NAMES:
        template.erase(name)
    cluster_ids = _cluster_ids(transaction, template)
    datastore_ids = _datastore_ids(transaction, template)
    template.set("AUTOMATIC_REQUIREMENTS", _for_hosts(template, user_template, cluster_ids))
    if cluster_ids:
        template.set("AUTOMATIC_NIC_REQUIREMENTS", _any('"CLUSTERS/ID" @>', cluster_ids))
    datastores = _for_datastores(template, cluster_ids, datastore_ids)
    if datastores:
        template.set("AUTOMATIC_DS_REQUIREMENTS", datastores)
    return cluster_ids
