"""The probes of dummy hosts: they send what a host reports as real ones do, until they are stopped."""

import asyncio
import base64
import contextlib
import socket
import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from edge.dummy.behaviour import find, number
from onelib.template_xml import Element

SEND_SECONDS = 5.0
_DEFAULTS = {"BEACON_HOST": 30, "SYSTEM_HOST": 600, "MONITOR_HOST": 120, "STATE_VM": 5, "MONITOR_VM": 30}
_OVER_TCP = frozenset({"STATE_VM"})
"""What must not be lost; the rest is sent again anyway."""

Report = Callable[[], str]


@dataclass(frozen=True)
class Target:
    """Where reports go, and after how many seconds each kind is sent again."""

    address: str
    port: int
    periods: Mapping[str, float]

    @classmethod
    def of(cls, configuration: Element | None) -> "Target | None":
        """What the element MONITOR_CONFIGURATION says; None when it names no port."""
        port = find(configuration, "NETWORK/PORT")
        if not port.isdecimal():
            return None
        address = find(configuration, "NETWORK/MONITOR_ADDRESS", "auto")
        periods = {
            kind: max(number(find(configuration, f"PROBES_PERIOD/{kind}"), seconds), 0.05)
            for kind, seconds in _DEFAULTS.items()
        }
        return cls("127.0.0.1" if address == "auto" else address, int(port), periods)


def packed(kind: str, host_id: int, text: str) -> bytes:
    """A message of the monitoring daemon."""
    payload = base64.b64encode(zlib.compress(text.encode(), 9)).decode()
    return f"{kind} SUCCESS {host_id} {int(time.time())} {payload}".encode()


class Probes:
    """The probes on all hosts. Belongs to one event loop."""

    def __init__(self) -> None:
        self._running: dict[int, asyncio.Task[None]] = {}

    def start(self, host_id: int, target: Target, reports: Mapping[str, Report]) -> None:
        """Send ``reports`` of a host, each in its period, instead of any that are sent already."""
        self.stop(host_id)
        self._running[host_id] = asyncio.create_task(self._run(host_id, target, reports))

    def stop(self, host_id: int) -> None:
        """Send no more."""
        running = self._running.pop(host_id, None)
        if running is not None:
            running.cancel()

    async def _run(self, host_id: int, target: Target, reports: Mapping[str, Report]) -> None:
        due = {kind: time.monotonic() + target.periods[kind] for kind in reports}
        while due:
            kind = min(due, key=lambda kind: due[kind])
            await asyncio.sleep(max(due[kind] - time.monotonic(), 0))
            due[kind] = time.monotonic() + target.periods[kind]
            text = reports[kind]()
            if text or kind == "BEACON_HOST":
                with contextlib.suppress(OSError, TimeoutError):  # nobody listens: the next one may arrive
                    await _send(target, packed(kind, host_id, text), tcp=kind in _OVER_TCP)


async def _send(target: Target, message: bytes, *, tcp: bool) -> None:
    """Send one message. Raises :class:`OSError`, :class:`TimeoutError`."""
    if not tcp:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as plain:
            plain.setblocking(False)
            plain.sendto(message, (target.address, target.port))
        return
    async with asyncio.timeout(SEND_SECONDS):
        _, writer = await asyncio.open_connection(target.address, target.port)
        writer.write(message)
        writer.write_eof()
        writer.close()
        await writer.wait_closed()
