"""Address ranges: what kinds there are, the addresses of an index, and their form in bodies and answers.

Addresses of a range count up in the lower 32 bits of MAC, IPv4 and static IPv6 address. Source: OpenNebula 6.0,
"Virtual Network Definition", Address Range.
"""

from collections.abc import Callable, Iterable, Mapping

from oned.access.acl import Kind
from oned.errors import InternalError
from oned.network import addresses
from oned.network.addresses import LINK_LOCAL, LOW_32
from oned.network.leases import Leases, owner_id
from onelib.template import cdata

IP4 = frozenset({"IP4", "IP4_6", "IP4_6_STATIC"})
IP6 = frozenset({"IP6", "IP4_6"})
IP6_STATIC = frozenset({"IP6_STATIC", "IP4_6_STATIC"})
TYPES = IP4 | IP6 | IP6_STATIC | {"ETHER"}

_LAST = ("IP6", "IP6_END", "PORT_START", "PORT_SIZE")
"""Attributes that the schema of 6.0 has after the computed ones."""
_LEASE_KINDS = ((Kind.VM, "VM"), (Kind.NET, "VNET"), (Kind.VROUTER, "VROUTER"))
RULE_KEYS = ("AR_ID", "TYPE", "SIZE", "MAC", "IP", "IP6")

Visible = Callable[[str, int], bool]
"""Whether a lease of (``VM``, ``VNET`` or ``VROUTER``, id) is shown."""


def whole(text: str | None) -> int | None:
    """The number of ``text`` as C++ streams read an unsigned one: ``None`` without digits or above 32 bits."""
    digits = (text or "").strip()
    if not digits.isascii() or not digits.isdigit():
        return None
    number = int(digits)
    return number if number <= LOW_32 else None


def ids_in(text: str) -> set[int]:
    """The numbers of a list with commas; what is none is left out."""
    return {int(word) for word in text.split(",") if word.strip().isascii() and word.strip().isdigit()}


class AddressRange:
    """One range of a network: its attributes as stored, without ``ALLOCATED``, and its leases."""

    def __init__(self, attributes: dict[str, str], leases: Leases) -> None:
        self.attributes = attributes
        self.leases = leases
        self.read()

    def read(self) -> None:
        """Take the numbers from the attributes again."""
        get = self.attributes.get
        self.oid = int(get("AR_ID", "0"))
        self.type = get("TYPE", "").upper()
        self.size = whole(get("SIZE")) or 0
        self.mac = addresses.mac_number(get("MAC", "")) or 0
        self.ip = addresses.ip4_number(get("IP", "")) or 0 if self.type in IP4 else 0
        self.ip6 = addresses.ip6_number(get("IP6", "")) or 0 if self.type in IP6_STATIC else 0
        self.ula = addresses.prefix_number(get("ULA_PREFIX", "")) or 0
        self.global_prefix = addresses.prefix_number(get("GLOBAL_PREFIX", "")) or 0

    @classmethod
    def stored(cls, attributes: Mapping[str, str]) -> "AddressRange":
        """The range of a body. Raises :class:`InternalError` for one that is damaged."""
        kept = {name: value for name, value in attributes.items() if name != "ALLOCATED"}
        try:
            return cls(kept, Leases.parse(attributes.get("ALLOCATED", "")))
        except ValueError:
            raise InternalError("An address range in the database is damaged; onedb fsck reports it.") from None

    # Addresses of an index

    def _mac_of(self, index: int) -> int:
        return self.mac & ~LOW_32 | (self.mac + index) & LOW_32

    def _ip6_of(self, index: int) -> int:
        return self.ip6 & ~LOW_32 | (self.ip6 + index) & LOW_32

    def addresses(self, index: int) -> dict[str, str]:
        """What a network interface with the address ``index`` gets."""
        mac = self._mac_of(index)
        found = {"MAC": addresses.mac_text(mac)} | self.ports(index)
        if self.type in IP4:
            found["IP"] = addresses.ip4_text(self.ip + index)
        if self.type in IP6:
            found["IP6_LINK"] = addresses.eui64_text(LINK_LOCAL, mac)
            found |= self._prefixed(mac)
        if self.type in IP6_STATIC:
            found["IP6"] = addresses.ip6_text(self._ip6_of(index))
        return found

    def _prefixed(self, mac: int, suffix: str = "") -> dict[str, str]:
        """The addresses of ``mac`` under the range's two prefixes."""
        prefixes = (("IP6_ULA", self.ula), ("IP6_GLOBAL", self.global_prefix))
        return {f"{name}{suffix}": addresses.eui64_text(prefix, mac) for name, prefix in prefixes if prefix}

    def ports(self, index: int) -> dict[str, str]:
        """The ports of ``index`` on the outer address that all share."""
        start, size = whole(self.attributes.get("PORT_START")), whole(self.attributes.get("PORT_SIZE"))
        if not start or not size:
            return {}
        first = start + index * size + 1
        return {
            "EXTERNAL_PORT_RANGE": f"{first}:{first + size - 1}",
            "INTERNAL_PORT_RANGE": f"1-{size}/{first}",
        }

    def index_of(self, name: str, text: str) -> int | None:
        """The index of the address ``text`` (``name`` is MAC, IP or IP6), ``None`` outside of the range."""
        if name == "MAC":
            start, number = self.mac, addresses.mac_number(text)
        elif name == "IP":
            start, number = self.ip, addresses.ip4_number(text) if self.type in IP4 else None
        else:
            start, number = self.ip6, addresses.ip6_number(text) if self.type in IP6_STATIC else None
        if number is None or number & ~LOW_32 != start & ~LOW_32:
            return None
        index = number - start
        return index if 0 <= index < self.size else None

    # Properties

    @property
    def free(self) -> int:
        """How many addresses are free."""
        return self.size - len(self.leases)

    @property
    def is_internal(self) -> bool:
        """Whether this server hands its addresses out, and no IPAM driver."""
        return self.attributes.get("IPAM_MAD", "") in {"", "internal"}

    @property
    def parent(self) -> int:
        """The range of the parent network that this one is reserved from, -1 for none."""
        number = whole(self.attributes.get("PARENT_NETWORK_AR_ID"))
        return -1 if number is None else number

    @property
    def security_groups(self) -> set[int]:
        """What the range adds to the security groups of an interface."""
        return ids_in(self.attributes.get("SECURITY_GROUPS", ""))

    def rule(self) -> dict[str, str]:
        """What a security rule for this network says of the range."""
        found = {name: self.attributes[name] for name in RULE_KEYS if self.attributes.get(name)}
        return found | self._prefixed(self.mac)

    # XML

    def stored_attributes(self) -> dict[str, str]:
        """What the body holds."""
        return self.attributes | {"ALLOCATED": self.leases.text()}

    def to_xml(self, shown: Visible) -> str:
        """The element AR of an answer: first, last and taken addresses."""
        values = self.attributes | self._ends()
        names = [name for name in (*sorted(self.attributes), *self._ends()) if name not in _LAST]
        names += [name for name in _LAST if name in values]
        parts = [f"<{name}>{cdata(values[name])}</{name}>" for name in names]
        parts.append(f"<USED_LEASES>{len(self.leases)}</USED_LEASES>")
        if not len(self.leases):
            return f"<AR>{''.join(parts)}<LEASES/></AR>"
        return f"<AR>{''.join(parts)}<LEASES>{''.join(self._leases_xml(shown))}</LEASES></AR>"

    def _ends(self) -> dict[str, str]:
        last = self.size - 1
        mac_end = self._mac_of(last)
        found = {"MAC_END": addresses.mac_text(mac_end)}
        if self.type in IP4:
            found["IP_END"] = addresses.ip4_text(self.ip + last)
        if self.type in IP6:
            first, end = self._prefixed(self.mac), self._prefixed(mac_end, "_END")
            found |= {name: value for pair in zip(first.items(), end.items(), strict=True) for name, value in pair}
        if self.type in IP6_STATIC:
            found["IP6_END"] = addresses.ip6_text(self._ip6_of(last))
        return found

    def _leases_xml(self, shown: Visible) -> Iterable[str]:
        for index, number in self.leases:
            name = next((name for kind, name in _LEASE_KINDS if number & kind.bit), "")
            oid = owner_id(number)
            if name and shown(name, oid):
                values = self.addresses(index) | {name: str(oid)}
                inner = "".join(f"<{key}>{cdata(values[key])}</{key}>" for key in sorted(values))
                yield f"<LEASE>{inner}</LEASE>"
