"""Reservations: addresses of a network that become a network of their own, and go back when it ends."""

from dataclasses import dataclass

from oned.access.acl import Kind
from oned.access.quota import Usage
from oned.database.db import Transaction
from oned.errors import ActionError
from oned.model.network import Network
from oned.network import ipam
from oned.network.changes import take_range
from oned.network.leases import MOST, owner
from oned.network.ranges import AddressRange, whole
from onelib.template import Template

_ADDRESSES = ("IP", "IP6", "MAC")


@dataclass(frozen=True)
class Request:
    """What a client asks for: how many addresses, for which reservation (-1 a new one), and from where."""

    size: int
    target: int
    name: str
    ar_id: int | None
    address: tuple[str, str] | None

    @classmethod
    def of(cls, template: Template) -> "Request":
        """The request in a template. Raises :class:`ActionError` with upstream's text."""
        size = whole(template.get("SIZE"))
        if not size:
            raise ActionError("Reservation SIZE must be a greater than 0")
        return cls(size, *_target(template), *_place(template))


def _integer(template: Template, name: str) -> int | None:
    try:
        return int(template.get(name))
    except ValueError:
        return None


def _target(template: Template) -> tuple[int, str]:
    target = _integer(template, "NETWORK_ID")
    if target is not None and target < 0:
        raise ActionError("NETWORK_ID must be equal or greater than 0")
    name = template.get("NAME")
    if not name and target is None:
        raise ActionError("NAME for reservation has to be set")
    return (-1 if target is None else target), name


def _place(template: Template) -> tuple[int | None, tuple[str, str] | None]:
    ar_id = _integer(template, "AR_ID")
    if ar_id is not None and ar_id < 0:
        raise ActionError("AR_ID must be equal or greater than 0")
    asked = [(name, template.get(name)) for name in _ADDRESSES if template.get(name)]
    if asked and ar_id is None:
        raise ActionError("AR_ID must be specified for IP/MAC based reservations")
    return ar_id, asked[0] if asked else None


def _start(transaction: Transaction, network_id: int, each: AddressRange, request: Request) -> int | None:
    """Where the addresses of a request begin in a range; ``None`` when they are not there."""
    size = request.size
    if each.free < size:
        return None
    if request.address is None:
        if not each.is_internal:
            return ipam.get(transaction, network_id, each, size)
        start: int | None = each.leases.first_run(size)
    else:
        start = each.index_of(*request.address)
    if start is None or start + size > each.size or not each.leases.is_free(start, size):
        return None
    return start if each.is_internal or ipam.allocate(transaction, network_id, each, start, size) else None


def take_addresses(transaction: Transaction, parent: Network, reservation: Network, request: Request) -> None:
    """Move addresses of ``parent`` to a new range of ``reservation``. Raises :class:`ActionError`."""
    for each in parent.ranges:
        if request.ar_id not in {None, each.oid}:
            continue
        start = _start(transaction, parent.oid, each, request)
        if start is not None:
            if len(each.leases) + request.size > MOST:
                raise ActionError(f"At most {MOST} addresses of an address range can be in use")
            taken = take_range(each, start, request.size, owner(Kind.NET, reservation.oid))
            taken["AR_ID"] = str(reservation.next_range)
            reservation.ranges.append(AddressRange.stored(taken))
            return
    if request.ar_id is None:
        raise ActionError("Not enough free addresses in an address range")
    raise ActionError(f"Not enough free addresses in address range {request.ar_id}, or it does not exist")


def usage_of(network: Network) -> Usage:
    """What a reservation counts against quotas: leases of its parent."""
    return Usage(networks={network.parent: network.size})
