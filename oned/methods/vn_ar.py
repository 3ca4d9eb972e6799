"""Ranges and leases of networks: add, remove and update ranges, hold and release addresses, reserve them."""

from oned.access.acl import Kind, Op
from oned.access.quota import Usage, charge, refund
from oned.database.pools import load, save
from oned.errors import ActionError, InternalError
from oned.methods.call import Call
from oned.methods.shared import parse_template
from oned.model.network import Network
from oned.network import ipam
from oned.network.changes import update_range
from oned.network.create import create_network, new_range
from oned.network.leases import HOLD, owner
from oned.network.ranges import AddressRange, whole
from oned.network.reserve import Request, take_addresses
from oned.storage.reading import held, peek
from onelib.template import Template, TemplateError

_NO_RANGE = "Wrong AR definition. AR vector attribute is missing."
_ADDRESSES = ("MAC", "IP", "IP6")


def _network(call: Call, oid: int, op: Op) -> Network:
    """The network, locked, when the caller may do ``op`` with it."""
    network = load(call.transaction, Network, oid)
    call.authorization().add(op, network.target()).check()
    return network


def add_ar(call: Call, oid: int, text: str) -> int:
    """Add a range."""
    network = _network(call, oid, Op.ADMIN)
    template = parse_template(text)
    vectors = template.vectors("AR")
    if not vectors:
        raise InternalError(_NO_RANGE)
    network.ranges.append(new_range(call, network.template, vectors[0], network.next_range))
    save(call.transaction, network)
    return oid


def update_ar(call: Call, oid: int, text: str) -> int:
    """Change the attributes of a range; of a reservation's, users cannot change restricted ones."""
    network = _network(call, oid, Op.MANAGE)
    template = parse_template(text)
    vectors = template.vectors("AR")
    if not vectors:
        raise InternalError(_NO_RANGE)
    ar_id = whole(vectors[0].get("AR_ID"))
    if ar_id is None:
        raise InternalError("AR/AR_ID attribute is missing.")
    each = network.range(ar_id)
    if each is None:
        raise InternalError(f"Address Range with ID {ar_id} was not found.")
    names: list[str] = []
    if network.parent != -1 and not call.caller.is_admin:
        names = call.settings.names("VNET_RESTRICTED_ATTR")
    restricted = frozenset(name[3:].upper() for name in names if name.upper().startswith("AR/"))
    update_range(each, vectors[0], restricted)
    save(call.transaction, network)
    return oid


def rm_ar(call: Call, oid: int, ar_id: int, force: bool = False) -> int:
    """Remove a range, with ``force`` also one that has leases."""
    return _remove_range(call, oid, ar_id, Op.ADMIN, force=force)


def free_ar(call: Call, oid: int, ar_id: int, force: bool = False) -> int:
    """Remove a range as :func:`rm_ar` does; its owner may do that with a reservation."""
    return _remove_range(call, oid, ar_id, Op.MANAGE, force=force)


def _remove_range(call: Call, oid: int, ar_id: int, op: Op, *, force: bool) -> int:
    """Remove a range; a reserved one's addresses go back to the parent. Quotas and the parent are locked first."""
    transaction = call.transaction
    network = peek(transaction, Network, oid)
    call.authorization().add(op, network.target()).check()
    each = _removable(network, ar_id, force=force)
    parent = None
    if network.parent != -1 and each.parent != -1:
        refund(transaction, network.uid, network.gid, Usage(networks={network.parent: each.size}))
        parent = held(transaction, Network, network.parent)
    network = load(transaction, Network, oid)
    each = _removable(network, ar_id, force=force)
    if not each.is_internal:
        ipam.unregister(transaction, oid, each, force=force)
    network.ranges.remove(each)
    save(transaction, network)
    origin = parent.range(each.parent) if parent is not None else None
    start = origin.index_of("MAC", each.attributes.get("MAC", "")) if origin is not None else None
    if parent is not None and origin is not None and start is not None:
        if origin.is_internal:
            origin.leases.free_all(owner(Kind.NET, oid), start, each.size)
        else:
            ipam.give_all_back(transaction, parent.oid, origin, owner(Kind.NET, oid), (start, each.size))
        save(transaction, parent)
    return oid


def _removable(network: Network, ar_id: int, *, force: bool) -> AddressRange:
    each = network.range(ar_id)
    if each is None:
        raise InternalError("Address Range does not exist")
    if len(each.leases) and not force:
        raise InternalError("Address Range has leases in use")
    return each


def _lease_of(template: Template) -> tuple[str, str, int | None]:
    """Name and text of the address in LEASES, and its range when it names one. Raises :class:`InternalError`."""
    vectors = template.vectors("LEASES")
    if not vectors:
        raise InternalError("Empty lease description.")
    asked = [(name, vectors[0][name]) for name in _ADDRESSES if vectors[0].get(name)]
    if not asked:
        raise InternalError("Missing MAC, IP or IP6.")
    if len(asked) > 1:
        raise InternalError("Only one attribute MAC, IP or IP6 can be set.")
    return *asked[0], whole(vectors[0].get("AR_ID"))


def hold(call: Call, oid: int, text: str) -> int:
    """Take an address, in each range that has it free, so that nobody gets it."""
    network = _network(call, oid, Op.MANAGE)
    name, address, ar_id = _lease_of(parse_template(text))
    found = False
    for each in network.ranges:
        index = each.index_of(name, address) if ar_id in {None, each.oid} else None
        if index is None or not each.leases.is_free(index, 1):
            continue
        if each.is_internal or ipam.allocate(call.transaction, oid, each, index):
            each.leases.take(index, HOLD)
            found = True
    if not found:
        raise InternalError("Address is not part of the address range or in use.")
    save(call.transaction, network)
    return oid


def release(call: Call, oid: int, text: str) -> int:
    """Give an address on hold back; one that is not on hold stays as it is."""
    network = _network(call, oid, Op.MANAGE)
    name, address, ar_id = _lease_of(parse_template(text))
    for each in network.ranges:
        index = each.index_of(name, address) if ar_id in {None, each.oid} else None
        if index is not None and each.is_internal:
            each.leases.free(index, HOLD)
        elif index is not None:
            ipam.give_back(call.transaction, oid, each, index, HOLD)
    save(call.transaction, network)
    return oid


def _parse_request(text: str) -> Request:
    try:
        return Request.of(Template.parse(text))
    except TemplateError as error:
        raise ActionError(f"Parse error: {error.message}") from None


def _existing(call: Call, oid: int, target: int) -> Network:
    """The reservation that grows. Raises :class:`ActionError` for one of another network."""
    if target == oid:
        raise ActionError("Cannot add a reservation from the same network")
    reservation = peek(call.transaction, Network, target)
    if reservation.parent == -1:
        raise ActionError("Cannot add reservations to a non-reservation VNET")
    if reservation.parent != oid:
        raise ActionError(
            f"New reservations for virtual network {target} have to be from network {reservation.parent}"
        )
    return reservation


def _template_of(parent: Network, name: str) -> Template:
    """The template of a new reservation: the parent's, with the numbers that it has been given."""
    template = parent.template.copy()
    for key, value in (("VLAN_ID", parent.vlan_id), ("OUTER_VLAN_ID", parent.outer_vlan_id)):
        if value:
            template.set(key, value)
        else:
            template.set(f"AUTOMATIC_{key}", "NO")
    template.set("NAME", name)
    return template


def reserve(call: Call, oid: int, text: str) -> int:
    """Move addresses to a new reservation, or to one that is there. Returns the reservation's id."""
    transaction = call.transaction
    request = _parse_request(text)
    target = _existing(call, oid, request.target) if request.target != -1 else None
    parent = peek(transaction, Network, oid)
    if parent.parent != -1:
        raise ActionError("Cannot reserve addresses from a reserved VNET")
    question = call.authorization().add(Op.USE, parent.target())
    if target is not None:
        question.add(Op.MANAGE, target.target())
    question.check()
    payer = (call.caller.uid, call.caller.gid) if target is None else (target.uid, target.gid)
    charge(transaction, *payer, Usage(networks={oid: request.size}))
    if target is None:
        target = create_network(call, _template_of(parent, request.name), parent.clusters, oid)
        parent = load(transaction, Network, oid)
    else:
        parent = load(transaction, Network, oid)
        target = load(transaction, Network, target.oid)
    take_addresses(transaction, parent, target, request)
    save(transaction, parent)
    save(transaction, target)
    return target.oid
