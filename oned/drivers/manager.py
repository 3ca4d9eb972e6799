"""All drivers of this server: found by name, made when first needed, bounded in time."""

import asyncio
import re
import traceback

from oned.drivers.codec import FAMILIES
from oned.drivers.configuration import Configuration
from oned.drivers.program import ProgramDriver
from oned.drivers.python import PythonDriver
from onelib.driver import PYTHON, DriverError, DriverGoneError, DriverSettings, DriverTimeoutError
from onelib.logs import DEBUG, ERROR, Log

KNOWN = frozenset(FAMILIES)
SHOWN_CHARS = 200
ERROR_CHARS = 4000
"""How much users get to read of a failure."""
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Handle:
    """One driver: what the rest of the server calls."""

    def __init__(self, settings: DriverSettings, log: Log) -> None:
        self.settings = settings
        self._log = log
        python = settings.executable.startswith(PYTHON)
        self._driver = PythonDriver(settings, log) if python else ProgramDriver(settings, log)

    async def call(self, action: str, oid: int, message: str, task: str = "") -> str:
        """What the driver answers. Raises :class:`DriverError`, :class:`DriverGoneError` where a retry may help."""
        family = FAMILIES[self.settings.kind]
        work = asyncio.create_task(self._driver.call(action, oid, message, task))
        try:
            await asyncio.wait({work}, timeout=self.settings.seconds or None)
        finally:
            if not work.done():
                work.cancel()
        failure = await self._failure(work, f"{action} {oid}")
        if failure is not None:
            text = clean(str(failure))[:ERROR_CHARS]
            self._log.write(family.module, DEBUG, f"Message received: {action} FAILURE {oid} {_shown(text)}")
            raise type(failure)(text)
        answer = clean(work.result())
        shown = "-" if self.settings.kind == "auth" else _shown(answer)
        self._log.write(family.module, DEBUG, f"Message received: {action} SUCCESS {oid} {shown}")
        return answer

    async def _failure(self, work: "asyncio.Task[str]", request: str) -> DriverError | None:
        """Why ``work`` has no result: a driver's own defect is one more way to fail."""
        if not work.done():
            await asyncio.wait({work}, timeout=1)
            return DriverTimeoutError(f"The driver did not answer within {self.settings.seconds:g} seconds.")
        if work.cancelled():
            return DriverGoneError("The driver was stopped before it answered.")
        error = work.exception()
        if error is None or isinstance(error, DriverError):
            return error
        text = "".join(traceback.format_exception(error))
        self._log.write("DrM", ERROR, f"The driver {self.settings.label} failed at {request}: {text}")
        return DriverGoneError(f"The driver failed with {type(error).__name__}, see the log.")

    async def close(self) -> None:
        """End it."""
        await self._driver.close()


def clean(text: str) -> str:
    """``text`` with what no XML document may hold replaced: answers end up in the bodies of objects."""
    return _NO_XML.sub("\N{REPLACEMENT CHARACTER}", text)


def _shown(text: str) -> str:
    return text if len(text) <= SHOWN_CHARS else f"{text[:SHOWN_CHARS]}..."


class Drivers:
    """The drivers that the configuration names. Belongs to one event loop."""

    def __init__(self, configuration: Configuration, log: Log) -> None:
        self._configuration = configuration
        self._log = log
        self._handles: dict[int, Handle] = {}

    def get(self, label: str) -> Handle:
        """The driver for ``label`` (``vmm:kvm``). Raises :class:`DriverError` when none is configured."""
        settings = self._configuration.find(label)
        kind, _, name = label.partition(":")
        if settings is None:
            section = FAMILIES[kind].section if kind in KNOWN else kind
            raise DriverError(f"The driver '{name}' is not available. Check {section} in oned.conf.")
        handle = self._handles.get(id(settings))
        if handle is None:
            handle = self._handles[id(settings)] = Handle(settings, self._log)
        return handle

    def settings(self, label: str) -> DriverSettings | None:
        """What is configured for ``label``; None for nothing."""
        return self._configuration.find(label)

    def vmm(self, name: str) -> Handle:
        """The hypervisor driver ``name``. Raises :class:`DriverError`."""
        return self.get(f"vmm:{name}")

    def im(self, name: str) -> Handle:
        """The monitoring driver ``name``. Raises :class:`DriverError`."""
        return self.get(f"im:{name}")

    async def close(self) -> None:
        """End all of them at the same time."""
        await asyncio.gather(*(handle.close() for handle in self._handles.values()))
        self._handles.clear()
