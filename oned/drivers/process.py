"""A child process that is talked to in lines. It never outlives this process."""

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
from asyncio import StreamReader, StreamReaderProtocol, WriteTransport
from collections.abc import Callable, Sequence
from typing import IO, ClassVar

MAX_LINE = 64 * 2**20
_POLL_SECONDS = 0.01

LineHandler = Callable[[bytes], None]


class Process:
    """The process, its standard input, and a task that hands on what it prints until it ends."""

    STOP_SECONDS: ClassVar[float] = 1.0
    """How long a program may take to end when it is asked to."""

    def __init__(self, popen: "subprocess.Popen[bytes]", stdin: WriteTransport) -> None:
        self._popen = popen
        self._stdin = stdin
        self._callbacks: list[Callable[[], None]] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._ended = asyncio.Event()

    @property
    def alive(self) -> bool:
        """Whether it still prints."""
        return not self._ended.is_set()

    @property
    def how(self) -> str:
        """How it ended, for the log."""
        code = self._popen.returncode
        return "still running" if code is None else f"signal {-code}" if code < 0 else f"exit code {code}"

    def on_end(self, callback: Callable[[], None]) -> None:
        """Call ``callback`` once the process has ended, also when it already has."""
        if self._ended.is_set():
            callback()
        else:
            self._callbacks.append(callback)

    def write(self, line: bytes) -> None:
        """Queue ``line`` for its standard input; nothing happens when that is closed."""
        if not self._stdin.is_closing():
            self._stdin.write(line)

    def follow(
        self, reader: StreamReader, handler: LineHandler, errors: StreamReader, complaint: LineHandler
    ) -> None:
        """Start handing on what it prints."""
        self._tasks = [
            asyncio.create_task(self._output(reader, handler)),
            asyncio.create_task(_each_line(errors, complaint)),
        ]

    async def _output(self, reader: StreamReader, handler: LineHandler) -> None:
        await _each_line(reader, handler)
        await self._reap(self.STOP_SECONDS)
        self._ended.set()
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
        self._stdin.close()

    async def close(self, seconds: float) -> None:
        """Close its standard input, give it ``seconds``, and see it ended."""
        self._stdin.close()
        await self._reap(seconds)
        _, late = await asyncio.wait(self._tasks, timeout=self.STOP_SECONDS)
        for task in late:
            task.cancel()
        self._ended.set()


async def _each_line(reader: StreamReader, handler: LineHandler) -> None:
    """Hand on every whole line; the end comes with the last one, or with one that is too long."""
    while True:
        try:
            line = await reader.readline()
        except (ValueError, OSError):
            return
        if not line.endswith(b"\n"):
            return
        handler(line)


async def _reader(pipe: IO[bytes]) -> StreamReader:
    reader = StreamReader(MAX_LINE)
    await asyncio.get_running_loop().connect_read_pipe(lambda: StreamReaderProtocol(reader), pipe)
    return reader


def _with_parent(command: Sequence[str]) -> list[str]:
    """``command`` so that the kernel ends it when this process is killed, where the tool for it is there."""
    tool = shutil.which("setpriv")
    return [tool, "--pdeathsig", "KILL", "--", *command] if tool else list(command)


async def run(command: Sequence[str], handler: LineHandler, complaint: LineHandler) -> Process:
    """Start ``command`` in a process group of its own. Raises ``OSError``."""
    popen = subprocess.Popen(
        _with_parent(command),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    if popen.stdin is None or popen.stdout is None or popen.stderr is None:
        raise RuntimeError("a process without pipes")
    stdin, _ = await asyncio.get_running_loop().connect_write_pipe(asyncio.BaseProtocol, popen.stdin)
    process = Process(popen, stdin)
    process.follow(await _reader(popen.stdout), handler, await _reader(popen.stderr), complaint)
    return process
