"""The thread of the monitoring daemon, with an event loop of its own."""

import asyncio
import contextlib
import threading
import time
import traceback
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from pathlib import Path
from typing import TypeVar

from monitor import watch
from monitor.book import Book
from monitor.inbox import Inbox
from monitor.listen import listening
from monitor.message import Decrypt, Kind, Message, MessageError, parse, read_key
from monitor.work import Job, Work
from oned.config import Settings
from oned.database.db import Database, Transaction
from oned.database.lease import make_lease
from oned.errors import ApiError, ConfigError
from onelib.errors import OneError
from onelib.locations import Locations
from onelib.logs import DEBUG, ERROR, INFO, WARNING, Log

GATHER_SECONDS = 0.05
"""How long messages are gathered before they are written together."""
LEASE_CHECK_SECONDS = 2.0
FIRST_SECONDS = 0.1
"""How soon hosts are asked once this server can hear them."""
AGAIN_SECONDS = 2.0
COMPLAINT_SECONDS = 10.0
"""How often messages that cannot be used are mentioned: anybody can send any number of them."""
STOP_SECONDS = 2.0

Result = TypeVar("Result")


class Monitor:
    """Takes reports, and looks after hosts while no other server on the database does."""

    def __init__(self, database: Database, settings: Settings, locations: Locations, log: Log) -> None:
        self._database = database
        self._settings = settings
        self._log = log
        self._lease = make_lease(database, "monitor", locations.auth)
        self._listening = False
        self._book = Book()
        self._refused: Counter[str] = Counter()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopped = asyncio.Event()
        self._stopping = False
        self._trouble = ""
        self._thread = threading.Thread(target=self._run, name="monitor", daemon=True)

    def start(self) -> None:
        """Start the thread. Raises :class:`ConfigError` when the key of NETWORK/PRIKEY cannot be used."""
        self._decrypt = self._key()
        self._thread.start()

    def stop(self, seconds: float = STOP_SECONDS) -> None:
        """Stop: what was received and not written yet is lost, as hosts report again."""
        self._stopping = True
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(self._stopped.set)
        if self._thread.is_alive():
            self._thread.join(seconds)

    def _key(self) -> Decrypt | None:
        name = self._settings.monitord.private_key
        try:
            return read_key(Path(name)) if name else None
        except MessageError as error:
            raise ConfigError(f"NETWORK/PRIKEY: {error}.", todo="Correct PRIKEY in monitord.conf.") from None

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
            runner.run(self._main())

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._inbox = Inbox()
        if self._stopping:
            return
        parts = (self._listen, self._write_reports, self._look_after, self._mention)
        tasks = [asyncio.create_task(self._keep(part)) for part in parts]
        await self._stopped.wait()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        with contextlib.suppress(ApiError, OneError):
            await asyncio.to_thread(self._lease.release)

    async def _keep(self, part: Callable[[], Awaitable[None]]) -> None:
        """Run a part for ever: the trouble that ends it is logged, and it begins again."""
        while True:
            work = asyncio.ensure_future(part())
            try:
                await asyncio.wait({work})
            finally:
                work.cancel()
            error = work.exception()
            if isinstance(error, (ApiError, OneError)):
                self._complain(error.detail if isinstance(error, ApiError) else str(error))
            elif isinstance(error, OSError):
                network = self._settings.monitord
                self._complain(f"The port {network.port} at {network.address} cannot be had: {error.strerror}.")
            elif error is not None:
                self._complain("".join(traceback.format_exception(error)))
            await asyncio.sleep(AGAIN_SECONDS)

    def _complain(self, trouble: str) -> None:
        """Log what is wrong, once."""
        if trouble != self._trouble:
            self._trouble = trouble
            self._log.write("MON", ERROR, trouble)

    async def _listen(self) -> None:
        network = self._settings.monitord
        async with listening(network, self._take):
            self._log.write("MON", INFO, f"Listening for reports at {network.address}:{network.port}, UDP and TCP")
            self._trouble = ""
            self._listening = True
            try:
                await self._stopped.wait()
            finally:
                self._listening = False

    def _take(self, line: bytes) -> None:
        """One message, of whoever sent it."""
        try:
            message = parse(line)
        except MessageError as error:
            self._refused[str(error)] += 1
            return
        known = message.host_id in self._book
        if known and message.success:
            self._book.heard(message.host_id)
        if message.kind is Kind.BEACON_HOST and message.success:
            return
        self._inbox.put(message, known=known)

    async def _write_reports(self) -> None:
        while True:
            taken = await self._inbox.take(GATHER_SECONDS)
            if any(host_id not in self._book for host_id in taken):
                self._book.refresh(await self._read(watch.monitored_hosts))
            work = Work(self._settings, self._decrypt)
            futures = []
            for host_id, messages in taken.items():
                usable = [message for message in messages if self._usable(message)]
                if usable:
                    futures += await self._submit(work, host_id, usable)
            self._refused.update(work.complaints)
            await self._settle(futures)

    def _usable(self, message: Message) -> bool:
        if message.host_id not in self._book:
            self._refused["the host is unknown or offline"] += 1
        elif not self._book.in_order(message):
            self._refused["a newer one came before"] += 1
        else:
            return True
        return False

    async def _submit(self, work: Work, host_id: int, messages: list[Message]) -> "list[asyncio.Future[None]]":
        """Queue what the messages of one host lead to; states of machines first, and each report after the other."""
        for report in work.states(messages):
            jobs = await self._read(partial(work.state_jobs, host_id=host_id, report=report))
            await self._settle(self._queue(jobs))
        await asyncio.sleep(0)
        return self._queue(work.jobs(host_id, messages))

    def _queue(self, jobs: Iterable[Job]) -> "list[asyncio.Future[None]]":
        return [asyncio.wrap_future(self._database.submit(job)) for job in jobs]

    async def _settle(self, futures: "list[asyncio.Future[None]]") -> None:
        """Wait for the commits; what the database refused is mentioned."""
        if futures:
            await asyncio.wait(futures)
        for future in futures:
            error = future.exception()
            if isinstance(error, ApiError):
                self._refused[error.detail] += 1
            elif error is not None:
                self._complain("".join(traceback.format_exception(error)))

    async def _look_after(self) -> None:
        """Every ``MANAGER_TIMER`` seconds, while this server is the one to do it: it also has to hear the hosts."""
        settings = self._settings.monitord
        held, looked, expired = False, 0.0, 0.0
        expiry = min(
            watch.EXPIRY_SECONDS, max(settings.timer, min(settings.host_retention, settings.vm_retention))
        )
        while True:
            before, held = held, self._listening and await asyncio.to_thread(self._lease.hold)
            now = time.monotonic()
            if now - looked >= settings.timer or not looked:
                looked = now
                self._book.refresh(await self._read(watch.monitored_hosts))
                if held and before:
                    await self._start_silent()
            if held and not before:
                await self._start(await self._read(watch.monitored_hosts))
            if held and now - expired >= expiry:
                expired = now
                await asyncio.wrap_future(self._database.submit(partial(watch.expire, settings=settings)))
            await asyncio.sleep(min(LEASE_CHECK_SECONDS, settings.timer) if self._listening else FIRST_SECONDS)

    async def _start_silent(self) -> None:
        seconds = self._settings.monitord.silence
        silent = self._book.silent(seconds)
        if silent:
            silent = await self._read(partial(watch.not_heard, silent=silent, seconds=seconds))
        if silent:
            self._log.write("MON", INFO, f"Starting the probes of {len(silent)} hosts that fell silent")
        await self._start(silent)

    async def _start(self, host_ids: list[int]) -> None:
        await self._settle(self._queue(partial(watch.start_probes, host_id=host_id) for host_id in host_ids))
        for host_id in host_ids:
            self._book.heard(host_id)

    async def _mention(self) -> None:
        """Say now and then what could not be used."""
        while True:
            await asyncio.sleep(COMPLAINT_SECONDS)
            refused = self._refused + self._inbox.refused
            self._refused.clear()
            self._inbox.refused.clear()
            for reason, number in refused.most_common(5):
                level = DEBUG if reason.startswith("a newer") else WARNING
                self._log.write("MON", level, f"{number} messages were dropped: {reason}")

    async def _read(self, job: Callable[[Transaction], Result]) -> Result:
        assert self._loop is not None  # noqa: S101 (set before anything runs)
        return await self._loop.run_in_executor(self._database.bulk_readers, self._database.read, job)
