"""Virtual routers: their machines, and the networks of their floating addresses."""

from collections.abc import Iterator

from oned.access.acl import Kind
from oned.database.schema import network_pool
from oned.model.vrouter import VirtualRouter
from oned.network.leases import owner
from oned.network.nics import is_floating
from oned.network.routers import floating_usage
from onedb.fsck.finding import Finding, unrepaired
from onedb.fsck.held import Held, lease
from onedb.fsck.records import Records


def check(records: Records, held: Held) -> Iterator[Finding]:
    """Every router; its floating addresses are added to ``held``."""
    networks = {row.oid for row in records.pages(network_pool)}
    for router, _ in records.objects(VirtualRouter):
        start = f"VRouter {router.oid}"
        nics = router.template.vectors("NIC")
        held.count(router.uid, router.gid, floating_usage(nics))
        for nic in nics:
            text = nic.get("NETWORK_ID", "")
            if not is_floating(nic) or not text.isdecimal():
                continue
            if int(text) not in networks:
                yield unrepaired(f"{start} is using VNet {text}, but it does not exist")
                continue
            number = owner(Kind.VROUTER, router.oid)
            held.leases[int(text)].append(lease(number, start, nic, "VROUTER_MAC"))
        right = held.routers.get(router.oid, set())
        if router.vms == right:
            continue
        for oid in sorted(right - router.vms):
            yield Finding(f"VM {oid} is missing from VRouter {router.oid} VM id list")
        for oid in sorted(router.vms - right):
            yield Finding(f"VM {oid} is in VRouter {router.oid} VM id list, but it should not")
        router.vms = right
        records.save(router)
