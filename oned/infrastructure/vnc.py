"""Ports of the machines' consoles: each cluster has a map of the ones in use (table ``cluster_vnc_bitmap``).

A map is a text of 65536 characters ``0`` and ``1``, the last one for port 0, compressed with zlib, in base64.
"""

import base64
import binascii
import zlib
from operator import or_

from sqlalchemy import bindparam, insert, select, update

from oned.config import Settings
from oned.database.db import Transaction
from oned.database.schema import cluster_vnc_bitmap
from oned.errors import InternalError

PORTS = 65536
_DEFAULT_START = "5900"
_TO_DIGITS = bytes.maketrans(b"\0\1", b"01")
_FROM_DIGITS = bytes.maketrans(b"01", b"\0\1")
_SELECT = select(cluster_vnc_bitmap.c.map).where(cluster_vnc_bitmap.c.id == bindparam("key"))
_UPDATE = update(cluster_vnc_bitmap).where(cluster_vnc_bitmap.c.id == bindparam("key"))


def pack(used: bytearray) -> str:
    """``used`` (a byte 0 or 1 for each port) as the table has it."""
    return base64.b64encode(zlib.compress(used[::-1].translate(_TO_DIGITS))).decode()


def unpack(text: str) -> bytearray:
    """The opposite of :func:`pack`. Raises :class:`InternalError`."""
    try:
        digits = zlib.decompressobj().decompress(base64.b64decode(text, validate=True), PORTS)
    except (binascii.Error, zlib.error):
        digits = b""
    if len(digits) != PORTS or digits.strip(b"01"):
        raise InternalError("A map of console ports in the database is damaged; onedb fsck repairs it.")
    return bytearray(digits[::-1].translate(_FROM_DIGITS))


def new_row(cluster_id: int) -> dict[str, int | str]:
    """The row of a new cluster: no port in use."""
    return {"id": cluster_id, "map": pack(bytearray(PORTS))}


def _load(transaction: Transaction, cluster_id: int) -> bytearray:
    row = transaction.one(_SELECT, {"key": cluster_id})
    if row is not None:
        return unpack(str(row[0]))
    transaction.write(insert(cluster_vnc_bitmap), new_row(cluster_id))
    return bytearray(PORTS)


def _save(transaction: Transaction, cluster_id: int, used: bytearray) -> None:
    transaction.write(_UPDATE, {"key": cluster_id, "map": pack(used)})


def _configured(settings: Settings) -> tuple[int, bytearray]:
    """The first port, and a byte for each port that is never given out (VNC_PORTS)."""
    conf = settings.raw.vector("VNC_PORTS")
    start = conf.get("START", _DEFAULT_START).strip()
    reserved = bytearray(PORTS)
    for part in conf.get("RESERVED", "").split(","):
        ends = [end.strip() for end in part.split(":")]
        if len(ends) <= 2 and all(end.isdigit() for end in ends):
            low, high = int(ends[0]), min(int(ends[-1]), PORTS - 1)
            reserved[low : high + 1] = b"\1" * max(high + 1 - low, 0)
    return int(start) if start.isdigit() else int(_DEFAULT_START), reserved


def acquire(transaction: Transaction, settings: Settings, cluster_id: int, vm_id: int) -> int | None:
    """A port for the console of a machine: START plus its number if that is free, else the first free one.

    None when all are in use.
    """
    used = _load(transaction, cluster_id)
    start, reserved = _configured(settings)
    hint = start + vm_id % max(PORTS - 1 - start, 1)
    taken = bytearray(map(or_, used, reserved))
    port = hint if hint < PORTS and not taken[hint] else taken.find(0, start)
    if port < 0:
        return None
    used[port] = 1
    _save(transaction, cluster_id, used)
    return port


def claim(transaction: Transaction, cluster_id: int, port: int) -> bool:
    """Take one port, that a user chose; False when it is in use."""
    used = _load(transaction, cluster_id)
    if not 0 <= port < PORTS or used[port]:
        return False
    used[port] = 1
    _save(transaction, cluster_id, used)
    return True


def release(transaction: Transaction, cluster_id: int, port: int) -> None:
    """Give a port back."""
    used = _load(transaction, cluster_id)
    if 0 <= port < PORTS and used[port]:
        used[port] = 0
        _save(transaction, cluster_id, used)
