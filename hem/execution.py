"""Running one program: here or on a host, bounded in time and in what is kept of its output."""

import asyncio
import contextlib
import os
import shlex
import signal
from dataclasses import dataclass

OUTPUT_BYTES = 2**18
"""How much is kept of each output."""
GRACE_SECONDS = 2.0
"""Between the polite signal and the other one."""
PIPE_SECONDS = 0.2
"""How long outputs are read after the end of a program that has left children behind."""
FAILURE = 255
"""The code of a program that did not end by itself, or could not be started."""
SSH = ("ssh", "-o", "BatchMode=yes", "-o", "ConnectTimeout=15")


@dataclass(frozen=True)
class Result:
    """What became of a program."""

    code: int
    stdout: bytes = b""
    stderr: bytes = b""


def words(text: str) -> list[str]:
    """``text`` split as a shell does, or at blanks when its quotes are not closed."""
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()


class _Output:
    """One output of a program. Children that it left behind may keep theirs open: this end is closed for all."""

    def __init__(self) -> None:
        self.kept = bytearray()
        self._read, self.write = os.pipe()
        self._transport: asyncio.ReadTransport | None = None
        self._stream = asyncio.StreamReader()

    async def open(self) -> None:
        """Give the program's end away, and begin to read the other."""
        os.close(self.write)
        pipe = os.fdopen(self._read, "rb", 0)
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(self._stream), pipe)

    async def keep(self) -> None:
        """Read to the end; the beginning stays."""
        while chunk := await self._stream.read(2**16):
            self.kept += chunk[: OUTPUT_BYTES - len(self.kept)]

    def close(self) -> None:
        """Close what is open."""
        if self._transport is not None:
            self._transport.close()
        else:
            os.close(self._read)
            os.close(self.write)


async def _feed(stream: asyncio.StreamWriter, data: bytes) -> None:
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        stream.write(data)
        await stream.drain()
    stream.close()


async def _end(process: asyncio.subprocess.Process) -> None:
    """End the program and its children."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), GRACE_SECONDS)


async def run(command: list[str], stdin: bytes | None, seconds: float) -> Result:
    """Run ``command`` for ``seconds`` at most (0: as long as it takes). Does not raise for what goes wrong."""
    outputs = (_Output(), _Output())
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL if stdin is None else asyncio.subprocess.PIPE,
            stdout=outputs[0].write,
            stderr=outputs[1].write,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        for output in outputs:
            output.close()
        return Result(FAILURE, stderr=f"Internal error: {error}\n".encode())
    tasks = []
    try:
        for output in outputs:
            await output.open()
            tasks.append(asyncio.create_task(output.keep()))
        if stdin is not None and process.stdin is not None:
            tasks.append(asyncio.create_task(_feed(process.stdin, stdin)))
        code = await _wait(process, seconds)
        await asyncio.wait(tasks, timeout=PIPE_SECONDS)
    finally:
        if process.returncode is None:
            await _end(process)
        for task in tasks:
            task.cancel()
        for output in outputs:
            output.close()
    stdout, stderr = (bytes(output.kept) for output in outputs)
    if code is None:
        return Result(FAILURE, stdout, f"Timeout executing {command[0]}\n".encode() + stderr)
    return Result(code if code >= 0 else FAILURE, stdout, stderr)


async def _wait(process: asyncio.subprocess.Process, seconds: float) -> int | None:
    """The exit code; None when the time was over and the program was ended."""
    try:
        async with asyncio.timeout(seconds or None):
            return await process.wait()
    except TimeoutError:
        await _end(process)
        return None


async def run_remote(host: str, command: list[str], stdin: bytes | None, seconds: float) -> Result:
    """Run ``command`` on ``host``, as oneadmin's key allows."""
    if not host:
        return Result(FAILURE, stderr=b"No remote host specified for a remote hook.\n")
    return await run([*SSH, "--", host, shlex.join(command)], stdin, seconds)
