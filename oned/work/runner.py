"""The runner: a thread with an event loop of its own, so that neither drivers nor calls hold each other up."""

import asyncio
import contextlib
import hashlib
import secrets
import socket
import threading
import time
import traceback
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import TypeVar

from oned.config import Settings
from oned.database.db import AnyRow, Database, Transaction
from oned.drivers.configuration import Configuration
from oned.drivers.manager import Drivers
from oned.drivers.questions import Question
from oned.errors import ApiError, UnavailableError
from oned.tasks import SIGNAL
from oned.work import store
from oned.work.context import Context, Job, LaterError, Task
from oned.work.lanes import Lanes, driver_limits
from oned.work.table import find_handler
from onelib.driver import THREADS, DriverGoneError
from onelib.locations import Locations
from onelib.logs import ERROR, INFO, Log

POLL_SECONDS = 0.5
"""How soon tasks are found that another server wrote, or whose time has come."""
EXPIRY_SECONDS = 2.0
GRACE_SECONDS = 0.3
"""How long tasks under way may go on when the server stops; then another one, or the next start, does them again."""
LONGEST_PAUSE = 300.0
LOCK = ".oned.lock"
"""In the folder of the credentials: locked by the one server of an installation."""

Result = TypeVar("Result")


def _installation(locations: Locations) -> str:
    """What tells the servers of one folder from all others on the database: the file that only one of them locks.

    A copy of the folder is another file, so that it is another installation.
    """
    try:
        status = (locations.auth / LOCK).stat()
    except OSError:
        return secrets.token_hex(8)
    name = f"{socket.gethostname()} {status.st_dev} {status.st_ino}"
    return hashlib.sha256(name.encode()).hexdigest()[:16]


class Runner:
    """Carries out the tasks of a database. Make it before the database is started."""

    def __init__(self, database: Database, settings: Settings, locations: Locations, log: Log) -> None:
        self._installation = _installation(locations)
        self.worker = self._installation + secrets.token_hex(8)
        self._database = database
        self._settings = settings
        self._log = log
        self._configuration = Configuration(settings.raw, locations)
        self._lanes = Lanes(driver_limits(self._configuration))
        self._running: dict[int, tuple[Task, asyncio.Task[None]]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._drivers: Drivers | None = None
        self._wake = asyncio.Event()
        self._stopping = False
        self._renewed = self._looked_for_expired = 0.0
        self._thread = threading.Thread(target=self._run, name="runner", daemon=True)
        database.listen(SIGNAL, self.wake)

    def start(self) -> None:
        """Start; tasks that wait in the database begin at once."""
        self._thread.start()

    def wake(self) -> None:
        """Look for tasks now. From any thread."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(self._wake.set)

    def stop(self, seconds: float = 5.0) -> None:
        """Stop: give back what is under way and end the drivers."""
        self._stopping = True
        self.wake()
        if self._thread.is_alive():
            self._thread.join(seconds)

    def ask(self, question: Question, token: str) -> "Future[str]":
        """Ask a driver for a call that waits for it. From any thread. Raises :class:`DriverGoneError`."""
        if self._loop is None or self._drivers is None or self._stopping:
            raise DriverGoneError("The server starts or stops.")
        return asyncio.run_coroutine_threadsafe(self._asked(self._drivers, question, token), self._loop)

    async def _asked(self, drivers: Drivers, question: Question, token: str) -> str:
        handle = drivers.get(question.driver)
        return await handle.call(question.action, question.oid, question.message, token)

    def threads(self, label: str) -> int:
        """How many requests the driver ``label`` takes at the same time."""
        settings = self._configuration.find(label)
        return settings.threads if settings else THREADS

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
            runner.run(self._main())

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        drivers = self._drivers = Drivers(self._configuration, self._log)
        self._database.submit(lambda transaction: store.free_all(transaction, self._installation))
        while not self._stopping:
            self._wake.clear()
            pause = POLL_SECONDS
            looking = asyncio.create_task(self._round(drivers))
            await asyncio.wait({looking})
            error = looking.exception()
            if error is not None:
                text = error.detail if isinstance(error, ApiError) else "".join(traceback.format_exception(error))
                self._log.write("DrM", ERROR, f"Tasks cannot be looked for: {text}")
                pause = 4 * POLL_SECONDS
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), pause)
        await self._end(drivers)

    async def _round(self, drivers: Drivers) -> None:
        """Drop what has been cancelled, keep the leases of the rest, start what there is room for."""
        now = time.monotonic()
        if self._running:
            mine = await self._read(lambda transaction: store.mine(transaction, self.worker))
            for number in self._running.keys() - mine:
                self._running[number][1].cancel()
            if now - self._renewed > store.LEASE_SECONDS / 3:
                self._renewed = now
                kept = list(self._running)
                await self._write(lambda transaction: store.renew(transaction, kept, self.worker))
        if self._lanes.room > 0 and not self._stopping:
            await self._start_some(drivers)

    async def _start_some(self, drivers: Drivers) -> None:
        room = self._lanes.room
        found = await self._read(self._found)
        chosen = self._lanes.choose(row for row in found if row[0] not in self._running)
        if not chosen:
            return
        for task in await self._write(lambda transaction: store.claim(transaction, chosen, self.worker)):
            self._begin(task, drivers)
        if len(found) >= room:  # others may wait behind those whose lane is full
            self._wake.set()

    def _found(self, transaction: Transaction) -> list[AnyRow]:
        lanes = self._lanes
        found = store.free(transaction, lanes.full_lanes, lanes.full_places, lanes.room)
        if time.monotonic() - self._looked_for_expired > EXPIRY_SECONDS:
            self._looked_for_expired = time.monotonic()
            found += store.expired(transaction, lanes.room)
        return found

    def _begin(self, task: Task, drivers: Drivers) -> None:
        self._lanes.enter(task)
        work = asyncio.create_task(self._carry_out(Context(task, drivers, self._settings)))
        self._running[task.id] = (task, work)
        work.add_done_callback(lambda work: self._ended(task, work))

    def _ended(self, task: Task, work: "asyncio.Task[None]") -> None:
        """Make room for others; a task that failed for no known reason is tried again, ever less often."""
        del self._running[task.id]
        self._lanes.leave(task)
        self._wake.set()
        error = None if work.cancelled() else work.exception()
        if error is not None:
            text = "".join(traceback.format_exception(error))
            self._log.write("DrM", ERROR, f"The task {task.kind} of {task.object} {task.oid} failed: {text}")
            pause = min(LONGEST_PAUSE, 2.0**task.attempt)
            self._database.submit(lambda transaction: store.give_back(transaction, task, self.worker, pause))

    async def _carry_out(self, context: Context) -> None:
        task = context.task
        try:
            job = await find_handler(task.kind)(context)
        except LaterError as later:
            self._log.write("DrM", INFO, f"The task {task.kind} of {task.object} {task.oid} has to wait: {later}")
            seconds = later.seconds
            await self._write(lambda transaction: store.give_back(transaction, task, self.worker, seconds))
        else:
            await self._apply(task, job)

    async def _apply(self, task: Task, job: Job | None) -> None:
        """Write the result; a database that is away is waited for, as what the driver did is done."""
        pause = POLL_SECONDS
        while True:
            try:
                await self._write(lambda transaction: store.finish(transaction, task, self.worker, job))
            except UnavailableError:
                await asyncio.sleep(pause)
                pause = min(2 * pause, store.LEASE_SECONDS)
            else:
                return

    async def _read(self, job: Callable[[Transaction], Result]) -> Result:
        assert self._loop is not None  # noqa: S101 (set before anything runs)
        return await self._loop.run_in_executor(self._database.readers, self._database.read, job)

    async def _write(self, job: Callable[[Transaction], Result]) -> Result:
        return await asyncio.wrap_future(self._database.submit(job))

    async def _end(self, drivers: Drivers) -> None:
        """Wait a moment for what is under way, then give it back and end the drivers."""
        if self._running:
            await asyncio.wait({work for _, work in self._running.values()}, timeout=GRACE_SECONDS)
        left = list(self._running.values())
        for _, work in left:
            work.cancel()
        await asyncio.gather(*(work for _, work in left), return_exceptions=True)
        for task, _ in left:
            self._database.submit(partial(store.give_back, claimed=task, worker=self.worker))
        await drivers.close()
