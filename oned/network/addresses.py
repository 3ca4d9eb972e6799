"""Numbers and texts of addresses: MAC, IPv4 and IPv6, and the IPv6 address that a MAC address stands for.

An address that is not one is ``None``. Source: RFC 4291 (modified EUI-64 interface identifiers).
"""

import re
import socket

LOW_32 = 0xFFFF_FFFF
LINK_LOCAL = 0xFE80_0000_0000_0000
_MAC = re.compile(r"[0-9A-Fa-f]{1,2}(?::[0-9A-Fa-f]{1,2}){5}")
_PREFIX = re.compile(r"([0-9A-Fa-f]{1,2}):([0-9A-Fa-f]{1,2})")
_DIGITS = re.compile(r"\d{1,10}", re.ASCII)


def mac_number(text: str) -> int | None:
    """The 48 bits of ``text``."""
    if not _MAC.fullmatch(text):
        return None
    number = 0
    for byte in text.split(":"):
        number = number << 8 | int(byte, 16)
    return number


def mac_text(number: int) -> str:
    """Six pairs of lower-case digits."""
    return number.to_bytes(6).hex(":")


def mac_prefix(text: str) -> int:
    """The first two bytes of generated addresses from ``MAC_PREFIX``; upstream's ``00:01`` when it is not two bytes."""
    match = _PREFIX.fullmatch(text.strip())
    return int(match[1], 16) << 8 | int(match[2], 16) if match else 1


def ip4_number(text: str) -> int | None:
    """The 32 bits of ``text``. Leading zeros are allowed and decimal, as upstream reads them."""
    parts = text.split(".")
    if len(parts) != 4 or not all(_DIGITS.fullmatch(part) and int(part) < 256 for part in parts):
        return None
    number = 0
    for part in parts:
        number = number << 8 | int(part)
    return number


def ip4_text(number: int) -> str:
    """Dotted numbers; bits above 32 are dropped."""
    return socket.inet_ntoa((number & LOW_32).to_bytes(4))


def ip6_number(text: str) -> int | None:
    """The 128 bits of ``text``; one with a zone is not an address."""
    try:
        return int.from_bytes(socket.inet_pton(socket.AF_INET6, text))
    except (OSError, UnicodeEncodeError, ValueError):
        return None


def ip6_text(number: int) -> str:
    """The shortest form."""
    return socket.inet_ntop(socket.AF_INET6, number.to_bytes(16))


def prefix_number(text: str) -> int | None:
    """The upper 64 bits of the IPv6 prefix ``text``; 0 for none."""
    if not text:
        return 0
    number = ip6_number(text)
    return None if number is None else number >> 64


def eui64_text(prefix: int, mac: int) -> str:
    """The IPv6 address of ``mac`` under the 64 bits of ``prefix``."""
    identifier = (mac >> 24 ^ 0x02_0000) << 40 | 0xFFFE << 24 | mac & 0xFF_FFFF
    return ip6_text(prefix << 64 | identifier)
