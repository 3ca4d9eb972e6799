"""New address ranges, and changes to ranges: what is checked, and what stays as it is."""

import random
from collections.abc import Mapping

from oned.errors import InternalError
from oned.network import addresses
from oned.network.addresses import LOW_32
from oned.network.leases import Leases
from oned.network.ranges import IP4, IP6, IP6_STATIC, TYPES, AddressRange, whole

INTERNAL = ("ALLOCATED", "USED_LEASES", "LEASES", "PARENT_NETWORK_AR_ID", "PARENT_NETWORK")
_SHOWN_ONLY = ("MAC_END", "IP_END", "IP6_END", "IP6_ULA", "IP6_ULA_END", "IP6_GLOBAL", "IP6_GLOBAL_END")
_FIXED = ("TYPE", "MAC", "AR_ID", "IPAM_MAD", "PARENT_NETWORK_AR_ID", "IP", "IP6")
_WRONG_SIZE = "Wrong SIZE for address range"


def _check_end(start: int, size: int) -> None:
    """Raise :class:`InternalError` when ``size`` addresses from ``start`` run over the lower 32 bits."""
    if (start & LOW_32) + size - 1 > LOW_32:
        raise InternalError(_WRONG_SIZE)


def new_range(attributes: Mapping[str, str], oid: int, mac_prefix: int) -> AddressRange:
    """A range as a client describes it. Raises :class:`InternalError` with upstream's text."""
    kept = {name: value for name, value in attributes.items() if name not in INTERNAL}
    kind = kept.get("TYPE", "").upper()
    size = whole(kept.get("SIZE"))
    if kind not in TYPES:
        raise InternalError("Unknown or missing address range TYPE.")
    if not size:
        raise InternalError(_WRONG_SIZE)
    _check_ip4(kept, kind, size)
    _check_ip6(kept, kind, size)
    _check_mac(kept, kind, size, mac_prefix)
    return AddressRange(kept | {"AR_ID": str(oid)}, Leases())


def _check_ip4(kept: dict[str, str], kind: str, size: int) -> None:
    """Check the first IPv4 address, or drop one that the type has not."""
    if kind not in IP4:
        kept.pop("IP", None)
        return
    number = addresses.ip4_number(kept.get("IP", ""))
    if number is None:
        raise InternalError("Wrong or empty IP attribute")
    _check_end(number, size)


def _check_ip6(kept: dict[str, str], kind: str, size: int) -> None:
    """Check prefixes or the first IPv6 address, or drop what the type has not."""
    if kind in IP6:
        _check_prefixes(kept)
    else:
        kept.pop("GLOBAL_PREFIX", None)
        kept.pop("ULA_PREFIX", None)
    if kind not in IP6_STATIC:
        kept.pop("IP6", None)
        return
    number = addresses.ip6_number(kept.get("IP6", ""))
    if number is None:
        raise InternalError("Wrong or empty IP6 attribute")
    if whole(kept.get("PREFIX_LENGTH")) is None:
        raise InternalError("Wrong or empty PREFIX_LENGTH")
    _check_end(number, size)


def _check_prefixes(kept: Mapping[str, str]) -> None:
    for name, label in (("GLOBAL_PREFIX", "global"), ("ULA_PREFIX", "unique local")):
        if addresses.prefix_number(kept.get(name, "")) is None:
            raise InternalError(f"Wrong format for IP6 {label} address prefix")


def _check_mac(kept: dict[str, str], kind: str, size: int, mac_prefix: int) -> None:
    """Check the first MAC address, or make one: the prefix, then the IPv4 address or chance."""
    text = kept.get("MAC", "")
    if text:
        number = addresses.mac_number(text)
        if number is None:
            raise InternalError("Wrong format for MAC attribute")
        _check_end(number, size)
        return
    low = addresses.ip4_number(kept["IP"]) if kind in IP4 else None
    if low is None:
        low = random.randint(0, LOW_32 + 1 - size)  # noqa: S311 (not a secret)
    kept["MAC"] = addresses.mac_text(mac_prefix << 32 | low)


def take_range(each: AddressRange, start: int, count: int, owner: int) -> dict[str, str]:
    """Give ``count`` addresses from ``start`` to a reservation. Returns the attributes of its range."""
    each.leases.take(start, owner, count)
    first = each.addresses(start)
    dropped = {*INTERNAL, "IPAM_MAD"}
    kept = {name: value for name, value in each.attributes.items() if name not in dropped}
    kept |= {name: first[name] for name in ("MAC", "IP", "IP6") if name in first}
    kept |= each.ports(start)
    return kept | {"SIZE": str(count), "PARENT_NETWORK_AR_ID": str(each.oid)}


def update_range(each: AddressRange, new: Mapping[str, str], restricted: frozenset[str]) -> None:
    """Replace the attributes, except for addresses and what is ``restricted`` to administrators.

    Raises :class:`InternalError` with upstream's text.
    """
    old = each.attributes
    dropped = {*INTERNAL, *_SHOWN_ONLY, *_FIXED, *restricted}
    kept = {name: value for name, value in new.items() if name not in dropped}
    kept |= {name: old[name] for name in (*_FIXED, *restricted) if name in old}
    kept["SIZE"] = str(_new_size(each, kept.get("SIZE")))
    if each.type in IP6_STATIC and whole(kept.get("PREFIX_LENGTH")) is None:
        kept["PREFIX_LENGTH"] = old.get("PREFIX_LENGTH", "")
    if each.type in IP6:
        _check_prefixes(kept)
        kept = {"GLOBAL_PREFIX": "", "ULA_PREFIX": ""} | kept
    for name in ("PORT_START", "PORT_SIZE"):
        if whole(kept.get(name)) is None:
            kept.pop(name, None)
    each.attributes = kept
    each.read()


def _new_size(each: AddressRange, text: str | None) -> int:
    size = whole(text)
    if size is None:
        return each.size
    if each.parent != -1 and size != each.size:
        raise InternalError("The SIZE of a reservation cannot be changed.")
    if each.leases.last() >= size:
        raise InternalError("New SIZE cannot be applied. There are used leases that would fall outside the range.")
    if not size:
        raise InternalError(_WRONG_SIZE)
    for start in (each.mac, each.ip, each.ip6):
        _check_end(start, size)
    return size
