"""Drivers that are programs: started when first needed, started again when they die, asked by lines."""

import asyncio
import itertools
import os
import time
from pathlib import Path

from oned.drivers import lines
from oned.drivers.codec import FAMILIES
from oned.drivers.process import Process, run
from onelib.driver import DriverError, DriverGoneError, DriverSettings
from onelib.logs import DEBUG, ERROR, INFO, WARNING, Log

INIT_SECONDS = 10
LONG_LIFE_SECONDS = 60
"""A program that lived as long is started again at once when it ends."""
FIRST_PAUSE, LAST_PAUSE = 0.1, 30.0
SHOWN_CHARS = 200
_LEVELS = {"E": ERROR, "W": WARNING, "I": INFO, "D": DEBUG}

Key = tuple[str, int]


class ProgramDriver:
    """One program. Requests are told apart by action and number, as the protocol has nothing else."""

    def __init__(self, settings: DriverSettings, log: Log) -> None:
        self.settings = settings
        self._family = FAMILIES[settings.kind]
        self._log = log
        self._process: Process | None = None
        self._processes: set[Process] = set()
        self._pending: dict[Key, asyncio.Future[lines.Answer]] = {}
        self._starting = asyncio.Lock()
        self._numbers = itertools.count(1)
        self._pause = FIRST_PAUSE
        self._not_before = 0.0
        self._closed = False

    async def call(self, action: str, oid: int, message: str, task: str) -> str:
        """Ask the program. Raises :class:`DriverError`, :class:`DriverGoneError` when it died before it answered."""
        number = next(self._numbers) if self._family.counts(action) else oid
        request = self._family.encode(message, oid, task, self.settings.folder)
        try:
            line = lines.request(action, number, request.payload, stamped=self._family.stamped)
        except ValueError:
            raise DriverError(f"{action} cannot be asked of a driver program.") from None
        answer = await self._ask((action, number), line)
        if answer.status != lines.SUCCESS:
            raise DriverError(
                self._family.decode(action, answer.payload) if self._family.stamped else answer.payload
            )
        text = self._family.decode(action, answer.payload)
        if request.file is not None:
            request.file.unlink(missing_ok=True)
        return text

    async def _ask(self, key: Key, line: bytes) -> lines.Answer:
        """Write ``line`` and wait for its answer; a second request of the same key waits for the first."""
        process = await self._running()
        while (earlier := self._pending.get(key)) is not None:
            await asyncio.wait({earlier})
            process = await self._running()
        future: asyncio.Future[lines.Answer] = asyncio.get_running_loop().create_future()
        self._pending[key] = future
        try:
            process.write(line)
            return await future
        except asyncio.CancelledError:
            process.write(lines.request(lines.CANCEL, key[1], ""))
            raise
        finally:
            if self._pending.get(key) is future:
                del self._pending[key]

    async def _running(self) -> Process:
        """The program, started if need be. Raises :class:`DriverError`."""
        async with self._starting:
            if self._process is None:
                await self._start()
            if self._process is None:
                raise DriverGoneError(f"The driver {self.settings.label} does not start.")
            return self._process

    async def _start(self) -> None:
        """Start the program and greet it; leaves none behind when it does not greet back."""
        executable = self.settings.executable
        if not executable or not os.access(executable, os.X_OK) or not Path(executable).is_file():
            raise DriverError(f"The driver program '{executable}' does not exist or cannot be executed.")
        await asyncio.sleep(max(0.0, self._not_before - time.monotonic()))
        if self._closed:
            raise DriverGoneError("The server stops.")
        greeting: asyncio.Future[lines.Answer] = asyncio.get_running_loop().create_future()
        self._pending[(lines.INIT, -1)] = greeting
        self._log.write("DrM", INFO, f"Starting the driver {self.settings.label}: {executable}")
        began = time.monotonic()
        try:
            process = await run([executable, *self.settings.arguments], self._line, self._complaint)
        except OSError as error:
            raise DriverGoneError(
                f"The driver {self.settings.label} cannot be started: {error.strerror}."
            ) from None
        self._processes.add(process)
        process.on_end(lambda: self._ended(process, began))
        process.write(f"{lines.INIT}\n".encode())
        try:
            await asyncio.wait({greeting}, timeout=INIT_SECONDS)
        finally:
            self._pending.pop((lines.INIT, -1), None)
            if _is_success(greeting) and process.alive:
                self._process = process
            else:
                self._log.write(
                    "DrM", ERROR, f"The driver {self.settings.label} does not answer INIT with SUCCESS."
                )
                await process.close(0)

    def _line(self, line: bytes) -> None:
        """What the program prints: an answer to somebody, a text for the log, or nothing that we know."""
        answer = lines.parse(line)
        module = self._family.module
        if answer is None:
            self._log.write(module, DEBUG, f"Ignored a line of {self.settings.label}: {_shown(line)}")
            return
        if answer.action == lines.LOG:
            level = _LEVELS.get(answer.status[:1].upper(), INFO)
            self._log.write(module, level, f"[{answer.number}] {_shown(answer.payload.encode())}")
            return
        number = -1 if answer.action == lines.INIT else answer.number
        future = self._pending.pop((answer.action, number), None)
        if future is not None and not future.done():
            future.set_result(answer)
        else:
            self._log.write(
                module,
                WARNING,
                f"Ignored: {answer.action} {answer.status} {answer.number}, which nobody waits for.",
            )

    def _complaint(self, line: bytes) -> None:
        self._log.write("DrM", INFO, f"{self.settings.label} says: {_shown(line)}")

    def _ended(self, process: Process, began: float) -> None:
        """The program is gone: nobody who waits will get an answer, and the next start may have to wait."""
        self._processes.discard(process)
        if self._process is process:
            self._process = None
        now = time.monotonic()
        self._pause = FIRST_PAUSE if now - began > LONG_LIFE_SECONDS else min(self._pause * 2, LAST_PAUSE)
        self._not_before = now + self._pause
        if not self._closed:
            self._log.write("DrM", ERROR, f"The driver {self.settings.label} ended ({process.how}).")
        for future in self._pending.values():
            if not future.done():
                future.set_exception(DriverGoneError("The driver ended before it answered."))
                future.exception()  # it may be that nobody waits any more
        self._pending.clear()

    async def close(self) -> None:
        """Tell it to end and see that it does."""
        self._closed = True
        for process in list(self._processes):
            process.write(lines.FINALIZE)
            await process.close(Process.STOP_SECONDS if process is self._process else 0)


def _is_success(greeting: "asyncio.Future[lines.Answer]") -> bool:
    return greeting.done() and greeting.exception() is None and greeting.result().status == lines.SUCCESS


def _shown(data: bytes) -> str:
    return data[:SHOWN_CHARS].decode(errors="replace").strip()
