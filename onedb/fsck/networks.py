"""Virtual networks: which addresses are leased, to whom, and what the network says of its driver and its parent."""

from collections import defaultdict
from collections.abc import Iterator

from oned.access.acl import Kind
from oned.model.network import Network
from oned.network.leases import HOLD, MOST, owner, owner_id
from oned.network.ranges import AddressRange
from oned.network.reserve import usage_of
from onedb.fsck.finding import Finding, unrepaired
from onedb.fsck.held import Held, Lease
from onedb.fsck.ranges import OWNERS, Ranges, known_ranges, mend
from onedb.fsck.records import Records

Owners = set[tuple[Kind, int]]
Wanted = dict[int, dict[int, Lease]]
"""By range and index, who says to have the address."""


def check(records: Records, held: Held) -> Iterator[Finding]:
    """Every network; what reservations count against quotas is added to ``held``."""
    reserved: dict[int, list[Lease]] = defaultdict(list)
    ranges = known_ranges(records)
    unread = {(kind, oid) for kind, _, table in OWNERS for oid in records.unread(table)}
    for network, _ in records.objects(Network):
        if network.parent != -1:
            reserved[network.parent] += _reserved(network)
            held.count(network.uid, network.gid, usage_of(network))
    for network, row in records.objects(Network, Network.table.c.pid):
        found = [
            *_parent(network, row.pid, ranges),
            *_leases(network, [*held.leases.get(network.oid, ()), *reserved.get(network.oid, ())], unread),
            *_driver(network),
        ]
        stored = str(row.body).partition("<USED_LEASES>")[2].partition("<")[0]
        if stored != str(network.used):
            found.append(
                Finding(f"VNet {network.oid} has {stored} used leases, but it is actually {network.used}")
            )
        yield from found
        if any(finding.repaired for finding in found):
            records.save(network)


def _reserved(network: Network) -> list[Lease]:
    """The addresses of its parent that a reservation has; each is told by its MAC address."""
    number, label = owner(Kind.NET, network.oid), f"VNet {network.oid}"
    return [
        Lease(number, label, each.parent, {}, each.addresses(index)["MAC"])
        for each in network.ranges
        if each.parent != -1
        for index in range(min(each.size, MOST))
    ]


def _parent(network: Network, column: int, ranges: Ranges) -> Iterator[Finding]:
    """The network and the ranges that a reservation is from."""
    if network.parent != column:
        yield Finding(f"VNet {network.oid} has parent VNet {network.parent}, but pid column has {column}")
    known = ranges.get(network.parent, set())
    if network.parent == -1 or known is None:
        return
    for each in network.ranges:
        if each.parent != -1 and each.parent not in known:
            yield unrepaired(
                f"VNet {network.oid} is using parent VNet {network.parent}, AR {each.parent}, "
                "but the AR does not exist"
            )


def _leases(network: Network, leases: list[Lease], unread: Owners) -> Iterator[Finding]:
    wanted: Wanted = defaultdict(dict)
    for each in network.ranges:
        yield from mend(network, each, {HOLD, *(lease.number for lease in leases)})
    for lease in leases:
        yield from _place(network, lease, wanted)
    for each in network.ranges:
        start = f"VNet {network.oid} AR {each.oid}"
        right = wanted[each.oid]
        yield from _stored(start, each, right, unread)
        for index, lease in sorted(right.items()):
            if each.leases.owner_of(index) is None:
                mac = each.addresses(index)["MAC"]
                yield Finding(f"{start} does not have a lease for {mac}, but it is in use by {lease.label}")
                each.leases.take(index, lease.number)


def _place(network: Network, lease: Lease, wanted: Wanted) -> Iterator[Finding]:
    """Find the range and the index of an address."""
    if not lease.mac:
        return
    for each in network.ranges:
        index = each.index_of("MAC", lease.mac) if lease.ar_id in {None, each.oid} else None
        if index is None:
            continue
        other = wanted[each.oid].setdefault(index, lease)
        if other is not lease:
            yield unrepaired(
                f"VNet {network.oid} has more than one lease with the same MAC address ({lease.mac}): {other.label} "
                f"and {lease.label}. FSCK can't handle this, and consistency is not guaranteed"
            )
        yield from _addresses(network, each, index, lease)
        return
    if lease.ar_id is None or network.range(lease.ar_id) is not None:
        yield unrepaired(
            f"{lease.label} has a lease from VNet {network.oid}, but it could not be matched to any AR"
        )


def _addresses(network: Network, each: AddressRange, index: int, lease: Lease) -> Iterator[Finding]:
    """The addresses that an interface says to have, which have to be those of its MAC address."""
    right = each.addresses(index)
    for name, text in lease.nic.items():
        if text != right.get(name, text):
            yield unrepaired(
                f"VNet {network.oid} AR {each.oid} has a wrong lease for {lease.label}. {name} does not match: "
                f"{text} != {right[name]}. This can't be fixed"
            )


def _stored(start: str, each: AddressRange, right: dict[int, Lease], unread: Owners) -> Iterator[Finding]:
    """The leases that a range has stored: each belongs to who says so; one on hold, or of ``unread``, may stay."""
    for index, number in list(each.leases):
        lease = right.get(index)
        if lease is None and (number == HOLD or (_kind(number)[0], owner_id(number)) in unread):
            continue
        if lease is not None and lease.number == number:
            continue
        address = _address(each, index)
        if lease is None:
            yield Finding(f"{start} has leased {address} to {_label(number)}, but it is actually free")
            each.leases.free(index, number)
            continue
        how = f"lease {address} on hold" if number == HOLD else f"leased {address} to {_label(number)}"
        yield Finding(f"{start} has {how}, but it is actually used by {lease.label}")
        each.leases.free(index, number)
        each.leases.take(index, lease.number)


def _address(each: AddressRange, index: int) -> str:
    found = each.addresses(index)
    return found.get("IP", found["MAC"])


def _kind(number: int) -> tuple[Kind | None, str]:
    """The kind of an owner, and what sentences call it."""
    return next(((kind, name) for kind, name, _ in OWNERS if number & kind.bit), (None, "object"))


def _label(number: int) -> str:
    return f"{_kind(number)[1]} {owner_id(number)}"


def _driver(network: Network) -> Iterator[Finding]:
    if not network.vn_mad:
        yield unrepaired(f"VNet {network.oid} VN_MAD element is missing")
    elif network.template.get("VN_MAD") != network.vn_mad:
        yield Finding(f"VNet {network.oid} VN_MAD element is missing from the TEMPLATE")
        network.template.set("VN_MAD", network.vn_mad)
