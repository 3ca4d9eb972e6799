"""The manager: hears events, finds the hooks that they start, runs them, reports what became of them."""

import asyncio
import logging
from base64 import b64decode
from binascii import Error as Base64Error
from functools import partial

import zmq
import zmq.asyncio

from hem.execution import FAILURE, Result, run, run_remote, words
from hem.hooks import Hook, Hooks, arguments, remote_host
from hem.journal import Execution, Journal, State
from hem.record import result_xml
from hem.reporter import Reporter
from hem.settings import Settings
from onelib.api import Api, ApiError, UnreachableError
from onelib.template_xml import MalformedXmlError, parse_root, text_of

RELOADS = frozenset(f"EVENT API one.hook.{verb} 1" for verb in ("allocate", "update", "delete", "rename"))
TOPICS = (b"EVENT API ", b"EVENT STATE ", b"RETRY")
"""All of them, and not what today's hooks wait for: so what happens right after a hook was made is heard too."""
RESYNC_SECONDS = 60.0
PAUSE_SECONDS = 1.0
BACKLOG = 50_000
"""Messages that wait while hooks are loaded."""
INTERRUPTED = Result(FAILURE, stderr=b"The hook manager ended while this ran; how far it came is not known.\n")


class Manager:
    """Runs until it is cancelled."""

    def __init__(self, settings: Settings, api: Api, journal: Journal) -> None:
        self._settings = settings
        self._api = api
        self._journal = journal
        self._log = logging.getLogger("hem")
        self._hooks = Hooks()
        self._waiting: asyncio.Queue[int] = asyncio.Queue()
        self._context = zmq.asyncio.Context()
        self._reporter = Reporter(self._context, settings.replier, journal)

    async def run(self) -> None:
        """Take up what the process before this one left, and then events."""
        subscriber = self._context.socket(zmq.SUB)
        subscriber.setsockopt(zmq.RCVHWM, BACKLOG)
        for topic in TOPICS:
            subscriber.subscribe(topic)
        subscriber.connect(self._settings.subscriber)
        try:
            await self._load()
            self._take_up()
            async with asyncio.TaskGroup() as group:
                group.create_task(self._reporter.run())
                group.create_task(self._resync())
                for _ in range(self._settings.concurrency):
                    group.create_task(self._work())
                group.create_task(self._listen(subscriber))
        finally:
            self._context.destroy(linger=0)

    async def _load(self) -> None:
        """Read the hooks, until the server answers."""
        told = ""
        while True:
            try:
                pool = await asyncio.to_thread(self._api.xml, "one.hookpool.info", -2, -1, -1)
            except (ApiError, UnreachableError, MalformedXmlError) as error:
                if told != str(error):
                    told = str(error)
                    self._log.error("The hooks cannot be read: %s", told)
                await asyncio.sleep(PAUSE_SECONDS)
            else:
                self._hooks = Hooks.of(pool)
                self._log.debug("%d hooks loaded", len(self._hooks.by_id))
                return

    async def _resync(self) -> None:
        while True:
            await asyncio.sleep(RESYNC_SECONDS)
            await self._load()

    def _take_up(self) -> None:
        for number in self._journal.numbers(State.DONE):
            self._reporter.add(number)
        for number in self._journal.numbers(State.RUNNING):
            execution = self._journal.get(number)
            if execution is not None:
                self._finish(execution, self._hooks.by_id.get(execution.hook), INTERRUPTED)
        for number in self._journal.numbers(State.WAITING):
            self._waiting.put_nowait(number)

    async def _listen(self, subscriber: zmq.asyncio.Socket) -> None:
        while True:
            frames = await subscriber.recv_multipart()
            key = frames[0].decode(errors="replace")
            hooks = self._hooks.started_by(key)
            try:
                if key == "RETRY":
                    self._retry(b64decode(frames[-1]).decode())
                elif hooks:
                    message = b64decode(frames[-1]).decode()
                    for hook in hooks:
                        self._add(hook, arguments(hook, message), remote_host(message))
            except (Base64Error, UnicodeDecodeError, MalformedXmlError, ValueError) as error:
                self._log.error("The event %s is not understood: %s", key, error)
            if key in RELOADS:
                await self._load()

    def _retry(self, message: str) -> None:
        root = parse_root(message, 100)
        hook = self._hooks.by_id.get(int(text_of(root.find("HOOK_ID"), "-1")))
        if hook is None:
            self._log.error("A hook that is to be run again is not there any more")
            return
        given = b64decode(text_of(root.find("ARGUMENTS"))).decode()
        self._add(hook, given, text_of(root.find("REMOTE_HOST")), retry=True)

    def _add(self, hook: Hook, given: str, host: str, *, retry: bool = False) -> None:
        number = self._journal.add(hook.oid, given, host, retry=retry)
        if number is None:
            self._log.error("Hook %d is not run for %s: too many executions wait", hook.oid, hook.key)
        else:
            self._waiting.put_nowait(number)

    async def _work(self) -> None:
        """Carry out one execution after the other."""
        while True:
            number = await self._waiting.get()
            execution = self._journal.get(number)
            hook = None if execution is None else self._hooks.by_id.get(execution.hook)
            if execution is None or hook is None:
                self._journal.remove(number)
                continue
            self._log.info("Executing hook %d for %s", hook.oid, hook.key)
            self._journal.started(number)
            result = await self._execute(hook, execution)
            if result.code:
                self._log.error("Failure executing hook %d for %s: code %d", hook.oid, hook.key, result.code)
            else:
                self._log.info("Hook %d successfully executed for %s", hook.oid, hook.key)
            self._finish(execution, hook, result)

    def _command(self, hook: Hook) -> list[str]:
        """The command as words; a path that is not absolute is below the folder of hooks."""
        command = words(hook.command) or [""]
        if not command[0].startswith("/"):
            base = self._settings.remote_hooks if hook.remote else str(self._settings.hooks)
            command[0] = f"{base}/{command[0]}"
        return command

    async def _execute(self, hook: Hook, execution: Execution) -> Result:
        command, stdin = self._command(hook), None
        if hook.stdin:
            stdin = execution.arguments.encode()
        else:
            command += words(execution.arguments)
        start = partial(run_remote, execution.host) if hook.remote else run
        return await start(command, stdin, hook.timeout)

    def _finish(self, execution: Execution, hook: Hook | None, result: Result) -> None:
        command = " ".join(self._command(hook)) if hook else ""
        if hook and not hook.stdin and execution.arguments:
            command = f"{command} {execution.arguments}"
        text = result_xml(execution, command, result, remote=bool(hook and hook.remote))
        self._journal.done(execution.number, result.code, text)
        self._reporter.add(execution.number)
