"""Address ranges of networks: which there are, and what is wrong with one whatever its leases are."""

import itertools
from collections.abc import Iterator, Mapping

from lxml import etree

from oned.access.acl import Kind
from oned.database import schema
from oned.errors import InternalError
from oned.model.base import parse_body
from oned.model.network import Network
from oned.network.leases import MOST, Leases, owner, owner_id
from oned.network.ranges import AddressRange
from onedb.fsck.finding import Finding
from onedb.fsck.records import Records
from onelib.template_xml import text_of

Ranges = dict[int, set[int] | None]
"""The ranges of each network, None for one whose body cannot be read."""
OWNERS = (
    (Kind.VM, "VM", schema.vm_pool),
    (Kind.NET, "VNet", schema.network_pool),
    (Kind.VROUTER, "VRouter", schema.vrouter_pool),
)
"""Who can have an address, and what sentences call them."""


def known_ranges(records: Records) -> Ranges:
    """All networks."""
    found: Ranges = {row.oid: None for row in records.pages(Network.table)}
    found |= {network.oid: {each.oid for each in network.ranges} for network, _ in records.objects(Network)}
    return found


def missing(nic: Mapping[str, str], known: Ranges) -> str:
    """The network or the range that an interface is in and that does not exist, as sentences tell it."""
    network, ar_id = nic.get("NETWORK_ID", ""), nic.get("AR_ID", "")
    if not network.isdecimal():
        return ""
    if int(network) not in known:
        return f"VNet {network}, but it does not exist"
    ranges = known[int(network)]
    if ranges is not None and ar_id.isdecimal() and int(ar_id) not in ranges:
        return f"VNet {network}, AR {ar_id}, but the AR does not exist"
    return ""


def check(records: Records) -> Iterator[Finding]:
    """Leases that cannot be read: what can be stays, and the check of the networks adds those that are in use."""
    for row in records.pages(Network.table, Network.table.c.body):
        body = str(row.body)
        try:
            Network.from_xml(body)
        except (InternalError, ValueError):
            mended, damaged = _mended(body)
            for ar_id in damaged:
                yield Finding(f"VNet {row.oid} AR {ar_id} has leases that cannot be read")
            if damaged:
                records.change(Network.table, {"oid": row.oid}, {"body": mended})


def _mended(body: str) -> tuple[str, list[str]]:
    """The body with leases that can be read, and the ranges in which that is a change; none if that does not help."""
    damaged = []
    try:
        root = parse_body(body, Network.root)
        for element in root.findall("AR_POOL/AR"):
            allocated = element.find("ALLOCATED")
            if allocated is not None and not _readable(text_of(allocated)):
                allocated.text = etree.CDATA(_pairs(text_of(allocated)))
                damaged.append(text_of(element.find("AR_ID")))
        mended = etree.tostring(root, encoding="unicode")
        Network.from_xml(mended)
    except (InternalError, ValueError):
        return body, []
    return mended, damaged


def _readable(text: str) -> bool:
    try:
        Leases.parse(text)
    except ValueError:
        return False
    return True


def _pairs(text: str) -> str:
    """What of ALLOCATED is an index and an owner."""
    words, found = [int(word) if word.isdecimal() else -1 for word in text.split()], ""
    for index, number in itertools.pairwise(words):
        if 0 <= index < MOST and any(number == owner(kind, owner_id(number)) for kind, _, _ in OWNERS):
            found += f" {index} {number}"
    return found


def mend(network: Network, each: AddressRange, claimed: set[int]) -> Iterator[Finding]:
    """Repair one range in memory: blanks in its address, and leases of ``claimed`` owners beyond its end, to which it
    grows."""
    start, address = f"VNet {network.oid} AR {each.oid}", each.attributes.get("IP", "")
    if " " in address:
        yield Finding(f'{start} IP "{address}" contains whitespaces')
        each.attributes["IP"] = address.replace(" ", "")
        each.read()
    needed = max((index + 1 for index, number in each.leases if number in claimed and index < MOST), default=0)
    if needed > each.size:
        yield Finding(
            f"{start} allocated leases ({needed}) is greater than the AR size ({each.size}). "
            f"SIZE can be increased with onevnet updatear {network.oid} {each.oid}"
        )
        each.attributes["SIZE"] = str(needed)
        each.read()
