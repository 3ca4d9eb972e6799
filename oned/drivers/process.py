"""A child process that is talked to in lines. It never outlives this process."""

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
from asyncio import BaseProtocol, BaseTransport, Protocol, WriteTransport
from collections.abc import Callable, Sequence
from typing import IO, ClassVar, cast

MAX_LINE = 64 * 2**20
"""Bytes; the process of a longer line is ended."""
_POLL_SECONDS = 0.01

LineHandler = Callable[[bytes], None]


class _Lines(Protocol):
    """Hands on every whole line that comes out of a pipe; what has no end is dropped."""

    def __init__(self, handler: LineHandler) -> None:
        self._handler = handler
        self._rest = bytearray()
        self._transport: BaseTransport | None = None
        self.ended = asyncio.Event()

    def connection_made(self, transport: BaseTransport) -> None:
        """The pipe is there."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Some bytes have come."""
        head, end, tail = data.rpartition(b"\n")
        if end:
            for line in (bytes(self._rest) + head).split(b"\n"):
                self._handler(line)
            self._rest.clear()
        self._rest += tail
        if len(self._rest) > MAX_LINE:
            self.close()

    def connection_lost(self, error: Exception | None) -> None:
        """Nothing more will come."""
        _ = error
        self.ended.set()

    def close(self) -> None:
        """Stop reading."""
        if self._transport is not None:
            self._transport.close()


class _Input(BaseProtocol):
    """Knows whether the pipe is still there: a transport that has closed cannot be closed again."""

    def __init__(self) -> None:
        self._transport: WriteTransport | None = None

    def connection_made(self, transport: BaseTransport) -> None:
        """The pipe is there."""
        self._transport = cast(WriteTransport, transport)

    def connection_lost(self, error: Exception | None) -> None:
        """It is not any more."""
        _ = error
        self._transport = None

    def write(self, line: bytes) -> None:
        """Queue ``line``; nothing happens when the pipe is closed."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(line)

    def close(self, *, now: bool = False) -> None:
        """Close the pipe after what is queued, or ``now``."""
        if self._transport is not None:
            (self._transport.abort if now else self._transport.close)()


class Process:
    """The process, its standard input, and what reads the rest."""

    STOP_SECONDS: ClassVar[float] = 1.0
    """How long a program may take to end when it is asked to."""

    def __init__(self, popen: "subprocess.Popen[bytes]", stdin: _Input, output: _Lines, errors: _Lines) -> None:
        self._popen = popen
        self._stdin = stdin
        self._output = output
        self._errors = errors
        self._callbacks: list[Callable[[], None]] = []
        self._ended = False
        self._watch = asyncio.create_task(self._until_the_end())

    @property
    def alive(self) -> bool:
        """Whether it still prints."""
        return not self._output.ended.is_set()

    @property
    def how(self) -> str:
        """How it ended, for the log."""
        code = self._popen.returncode
        return "still running" if code is None else f"signal {-code}" if code < 0 else f"exit code {code}"

    def on_end(self, callback: Callable[[], None]) -> None:
        """Call ``callback`` once the process has ended, also when it already has."""
        if self._ended:
            callback()
        else:
            self._callbacks.append(callback)

    def write(self, line: bytes) -> None:
        """Queue ``line`` for its standard input; nothing happens when that is closed."""
        self._stdin.write(line)

    async def _until_the_end(self) -> None:
        """One that prints no more has ended, or is ended."""
        await self._output.ended.wait()
        await self._reap(self.STOP_SECONDS)
        self._errors.close()
        self._stdin.close(now=True)
        self._ended = True
        for callback in self._callbacks:
            callback()

    async def _reap(self, seconds: float) -> None:
        """Wait until it has ended, for ``seconds`` before it and all it started are killed."""
        rounds = int(seconds / _POLL_SECONDS)
        while self._popen.poll() is None and rounds > 0:
            await asyncio.sleep(_POLL_SECONDS)
            rounds -= 1
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._popen.pid, signal.SIGKILL)
        while self._popen.poll() is None:
            await asyncio.sleep(_POLL_SECONDS)

    async def close(self, seconds: float) -> None:
        """Close its standard input, give it ``seconds``, and see it ended."""
        self._stdin.close()
        await self._reap(seconds)
        self._output.close()
        await self._watch
        await self._errors.ended.wait()


def _with_parent(command: Sequence[str]) -> list[str]:
    """``command`` so that the kernel ends it when this process is killed, where the tool for it is there."""
    tool = shutil.which("setpriv")
    return [tool, "--pdeathsig", "KILL", "--", *command] if tool else list(command)


async def _read(pipe: IO[bytes], handler: LineHandler) -> _Lines:
    _, lines = await asyncio.get_running_loop().connect_read_pipe(lambda: _Lines(handler), pipe)
    return lines


async def run(command: Sequence[str], handler: LineHandler, complaint: LineHandler) -> Process:
    """Start ``command`` in a process group of its own; its lines go to the two handlers. Raises ``OSError``."""
    popen = subprocess.Popen(
        _with_parent(command),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    if popen.stdin is None or popen.stdout is None or popen.stderr is None:
        raise RuntimeError("a process without pipes")
    _, stdin = await asyncio.get_running_loop().connect_write_pipe(_Input, popen.stdin)
    return Process(popen, stdin, await _read(popen.stdout, handler), await _read(popen.stderr, complaint))
