"""Sends the records of executions to the server until it has acknowledged each."""

import asyncio
import logging

import zmq
import zmq.asyncio

from hem.journal import Journal
from hem.record import report

ANSWER_SECONDS = 10.0
PAUSE_SECONDS = 1.0


class Reporter:
    """One request at a time; one that is not answered is sent again on a new connection."""

    def __init__(self, context: zmq.asyncio.Context, endpoint: str, journal: Journal) -> None:
        self._context = context
        self._endpoint = endpoint
        self._journal = journal
        self._log = logging.getLogger("hem")
        self._queue: asyncio.Queue[int] = asyncio.Queue()
        self._socket: zmq.asyncio.Socket | None = None

    def add(self, number: int) -> None:
        """Report the execution ``number`` of the journal."""
        self._queue.put_nowait(number)

    async def run(self) -> None:
        """Until it is cancelled."""
        try:
            while True:
                number = await self._queue.get()
                while not await self._sent(number):
                    await asyncio.sleep(PAUSE_SECONDS)
                self._journal.remove(number)
        finally:
            self._close()

    async def _sent(self, number: int) -> bool:
        """Whether the server has answered for good."""
        execution = self._journal.get(number)
        if execution is None:
            return True
        answer = await self._ask(report(execution))
        if answer.startswith(b"ERROR"):
            text = answer.decode(errors="replace")
            self._log.error("The server does not take the record of hook %d: %s", execution.hook, text)
            return True
        if answer != b"ACK":
            reason = answer.decode(errors="replace") or "no answer"
            self._log.warning("The record of hook %d is sent again: %s", execution.hook, reason)
        return answer == b"ACK"

    async def _ask(self, message: bytes) -> bytes:
        """The server's answer; empty when none came, after which the connection is given up."""
        if self._socket is None:
            self._socket = self._context.socket(zmq.REQ)
            self._socket.setsockopt(zmq.LINGER, 0)
            self._socket.connect(self._endpoint)
        await self._socket.send(message)
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return bytes(await self._socket.recv())
        except TimeoutError:
            self._close()
            return b""

    def _close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None
