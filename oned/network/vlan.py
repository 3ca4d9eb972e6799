"""VLAN numbers that the server chooses: 802.1Q ones from a map of 4096, VXLAN ones from the network's id.

The map is upstream's: zeros and ones, the highest number first, compressed, in Base64.
"""

import base64
import binascii
import zlib

from sqlalchemy import insert, select, update

from oned.config import Settings
from oned.database.db import Transaction
from oned.database.schema import network_vlan_bitmap
from oned.errors import InternalError
from oned.network.drivers import driver_of
from oned.network.ranges import whole

NUMBERS = 4096
MAP_ID = 0
_DEFAULT_IDS = {"START": "2", "RESERVED": "0, 1, 4095"}
_MAP = select(network_vlan_bitmap.c.map).where(network_vlan_bitmap.c.id == MAP_ID)
_INSERT = (
    insert(network_vlan_bitmap).prefix_with("IGNORE", dialect="mysql").prefix_with("OR IGNORE", dialect="sqlite")
)
_UPDATE = update(network_vlan_bitmap).where(network_vlan_bitmap.c.id == MAP_ID)


def pack(numbers: set[int]) -> str:
    """The map with ``numbers`` taken."""
    bits = "".join("1" if number in numbers else "0" for number in range(NUMBERS - 1, -1, -1))
    return base64.b64encode(zlib.compress(bits.encode())).decode()


def unpack(text: str) -> set[int]:
    """The numbers that a map has taken. Raises :class:`InternalError` for one that is damaged."""
    try:
        bits = zlib.decompressobj().decompress(base64.b64decode(text, validate=True), NUMBERS)
    except (binascii.Error, zlib.error):
        bits = b""
    if len(bits) != NUMBERS or bits.strip(b"01"):
        raise InternalError("The map of VLAN numbers in the database is damaged; onedb fsck reports it.")
    return {number for number, bit in enumerate(reversed(bits)) if bit == ord("1")}


def reserved(text: str) -> set[int]:
    """The numbers of a list such as ``0, 1, 10:20``."""
    found: set[int] = set()
    for part in text.split(","):
        first, _, last = part.partition(":")
        start, end = whole(first), whole(last or first)
        if start is not None and end is not None:
            found.update(range(start, min(end, NUMBERS - 1) + 1))
    return found


def choose(taken: set[int], start: int, hint: int) -> int:
    """A number that is not ``taken``: ``hint``, else the first from ``start``. Raises :class:`InternalError`."""
    if hint and hint not in taken:
        return hint
    for number in range(start, NUMBERS):
        if number not in taken:
            return number
    raise InternalError("Cannot automatically assign VLAN_ID to network.")


def _load(transaction: Transaction) -> set[int]:
    """The numbers that are taken; the map stays locked until the end of the transaction."""
    row = transaction.one(_MAP)
    if row is None:
        transaction.write(_INSERT, {"id": MAP_ID, "map": pack(set())})
        row = transaction.one(_MAP)
    return unpack(str(row[0])) if row is not None else set()


def _take_vlan(transaction: Transaction, settings: Settings, oid: int) -> str:
    """A free 802.1Q number, by preference the one that belongs to the network's id."""
    conf = settings.raw.vector("VLAN_IDS") or _DEFAULT_IDS
    start = min(whole(conf.get("START")) or 0, NUMBERS - 2)
    taken = _load(transaction)
    number = choose(taken | reserved(conf.get("RESERVED", "")), start, start + oid % (NUMBERS - 1 - start))
    transaction.write(_UPDATE, {"map": pack(taken | {number})})
    return str(number)


def assign(
    transaction: Transaction, settings: Settings, vn_mad: str, oid: int, wanted: tuple[bool, bool]
) -> tuple[str, str]:
    """VLAN and outer VLAN number for a network, as ``wanted``; empty where its driver has none.

    Raises :class:`InternalError` when all are taken.
    """
    driver = driver_of(vn_mad)
    found = []
    for source, asked in zip((driver.numbers, driver.outer_numbers), wanted, strict=True):
        if asked and source == "vlan":
            found.append(_take_vlan(transaction, settings, oid))
        elif asked and source == "vxlan":
            start = whole(settings.raw.vector("VXLAN_IDS").get("START"))
            found.append(str((2 if start is None else start) + oid))
        else:
            found.append("")
    return found[0], found[1]


def release(transaction: Transaction, vn_mad: str, vlan_id: str) -> None:
    """Give an automatic 802.1Q number back."""
    number = whole(vlan_id)
    if driver_of(vn_mad).numbers != "vlan" or number is None:
        return
    taken = _load(transaction)
    if number in taken:
        transaction.write(_UPDATE, {"map": pack(taken - {number})})
