"""Which hosts there are, when each was heard last, and which message of a kind was its last."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from monitor.message import Kind, Message

ORDER_SECONDS = 120.0
"""How long a message holds up older ones. A host whose clock was set back is heard again after that time."""


@dataclass
class _Host:
    heard: float
    last: dict[Kind, tuple[int, float]] = field(default_factory=dict)


class Book:
    """The hosts that are monitored. Times are those of the monotonic clock."""

    def __init__(self) -> None:
        self._hosts: dict[int, _Host] = {}

    def __contains__(self, host_id: int) -> bool:
        return host_id in self._hosts

    def refresh(self, host_ids: Iterable[int]) -> None:
        """Know exactly these hosts; a new one counts as heard just now."""
        now = time.monotonic()
        self._hosts = {host_id: self._hosts.get(host_id) or _Host(now) for host_id in host_ids}

    def heard(self, host_id: int) -> None:
        """A host gave a sign of life, or was asked for one."""
        host = self._hosts.get(host_id)
        if host is not None:
            host.heard = time.monotonic()

    def silent(self, seconds: float) -> list[int]:
        """The hosts that were not heard for ``seconds``."""
        limit = time.monotonic() - seconds
        return [host_id for host_id, host in self._hosts.items() if host.heard < limit]

    def in_order(self, message: Message) -> bool:
        """Whether no newer message of that kind came before; the message then is the last one."""
        host = self._hosts.get(message.host_id)
        if host is None:
            return False
        now = time.monotonic()
        stamp, when = host.last.get(message.kind, (0, -ORDER_SECONDS))
        if message.timestamp < stamp and now - when < ORDER_SECONDS:
            return False
        host.last[message.kind] = message.timestamp, now
        return True
