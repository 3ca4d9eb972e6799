"""Messages that wait to be written: bounded in number and size, for each host too, so that none crowds out others."""

import asyncio
from collections import Counter

from monitor.message import Message

MOST_OF_A_HOST = 16
MOST_OF_STRANGERS = 256
"""Of hosts that are not known yet, all together."""
MOST_BYTES = 32 * 2**20


class Inbox:
    """Belongs to one event loop."""

    def __init__(self) -> None:
        self._hosts: dict[int, list[Message]] = {}
        self._strangers = 0
        self._bytes = 0
        self._filled = asyncio.Event()
        self.refused: Counter[str] = Counter()

    def put(self, message: Message, *, known: bool) -> bool:
        """Keep ``message``; False, and it is counted as refused, when there is no room."""
        waiting = self._hosts.get(message.host_id, ())
        full = len(waiting) >= MOST_OF_A_HOST or (not known and self._strangers >= MOST_OF_STRANGERS)
        if full or self._bytes + len(message.packed) > MOST_BYTES:
            self.refused["there are too many messages"] += 1
            return False
        self._hosts.setdefault(message.host_id, []).append(message)
        self._strangers += not known
        self._bytes += len(message.packed)
        self._filled.set()
        return True

    async def take(self, pause: float) -> dict[int, list[Message]]:
        """All messages by host, once there are some and those of another ``pause`` seconds have come."""
        await self._filled.wait()
        await asyncio.sleep(pause)
        taken, self._hosts = self._hosts, {}
        self._strangers = self._bytes = 0
        self._filled.clear()
        return taken
