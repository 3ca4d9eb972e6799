"""The dummy of address ranges from elsewhere."""

import ipaddress
import zlib

from edge.dummy.behaviour import Dummy, find, unknown
from onelib.driver import DriverError
from onelib.template_xml import Element

_GIVEN = (
    'AR=[ TYPE="IP4", IP="10.0.0.1", SIZE="100", NETWORK_MASK="255.255.255.0", GATEWAY="10.0.0.1", DNS="10.0.0.1", '
    'IPAM_MAD="dummy" ]\n'
)


class Ipam(Dummy):
    """Gives 10.0.0.1 and the 99 addresses after it, or what is asked for."""

    def answer(self, action: str, oid: int, root: Element | None, task: str) -> str:
        """REGISTER_ADDRESS_RANGE: the range; GET_ADDRESS: addresses in it, always the same ones for a task."""
        _ = oid
        first, size = find(root, "AR/IP"), find(root, "AR/SIZE", "1")
        if action == "REGISTER_ADDRESS_RANGE":
            return f'AR=[ TYPE="IP4", SIZE="{size}", IP="{first}", IPAM_MAD="dummy" ]\n' if first else _GIVEN
        if action == "GET_ADDRESS":
            return f'ADDRESS=[ IP="{_pick(first, size, task)}", SIZE="{find(root, "ADDRESS/SIZE", "1")}" ]\n'
        if action in {"UNREGISTER_ADDRESS_RANGE", "ALLOCATE_ADDRESS", "FREE_ADDRESS"}:
            return ""
        raise unknown(action)


def _pick(first: str, size: str, task: str) -> str:
    """An address of the range, by the task."""
    try:
        return str(ipaddress.IPv4Address(first) + zlib.crc32(task.encode()) % int(size))
    except (ValueError, ZeroDivisionError):
        raise DriverError("The address range has no IP and SIZE that an address can be taken from.") from None
