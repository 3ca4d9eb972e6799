"""Virtual routers: their machines, and the networks of their floating addresses."""

from collections.abc import Iterator

from oned.access.acl import Kind
from oned.database.schema import vm_pool
from oned.model.vrouter import VirtualRouter
from oned.network.leases import owner
from oned.network.nics import is_floating
from oned.network.routers import floating_usage
from onedb.fsck.finding import Finding, differences, unrepaired
from onedb.fsck.held import Held, lease
from onedb.fsck.ranges import known_ranges, missing
from onedb.fsck.records import Records


def check(records: Records, held: Held) -> Iterator[Finding]:
    """Every router; its floating addresses are added to ``held``."""
    ranges, unread = known_ranges(records), records.unread(vm_pool)
    for router, _ in records.objects(VirtualRouter):
        start = f"VRouter {router.oid}"
        nics = router.template.vectors("NIC")
        held.count(router.uid, router.gid, floating_usage(nics))
        for nic in nics:
            text = nic.get("NETWORK_ID", "")
            if not is_floating(nic) or not text.isdecimal():
                continue
            if gone := missing(nic, ranges):
                yield unrepaired(f"{start} is using {gone}")
                continue
            number = owner(Kind.VROUTER, router.oid)
            held.leases[int(text)].append(lease(number, start, nic, "VROUTER_MAC"))
        right = held.routers.get(router.oid, set()) | router.vms & unread
        yield from map(Finding, differences("VM", f"{start} VM", router.vms, right))
        if router.vms != right:
            router.vms = right
            records.save(router)
