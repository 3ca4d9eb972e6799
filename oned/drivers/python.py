"""Drivers that are Python classes."""

import importlib
import inspect
from typing import cast

from onelib.driver import PYTHON, Driver, DriverError, DriverSettings
from onelib.logs import ERROR, Log


class PythonDriver:
    """One class of a driver, loaded when it is first called."""

    def __init__(self, settings: DriverSettings, log: Log) -> None:
        self.settings = settings
        self._log = log
        self._driver: Driver | None = None

    def _load(self) -> Driver:
        """The driver itself. Raises :class:`DriverError` when its class cannot be had."""
        module, _, name = self.settings.executable.removeprefix(PYTHON).partition(":")
        try:
            made = getattr(importlib.import_module(module), name)(self.settings)
        except (ImportError, AttributeError, TypeError, ValueError) as error:
            self._log.write("DrM", ERROR, f"The driver {self.settings.label} cannot be loaded: {error}")
            raise DriverError(f"The driver {self.settings.label} cannot be loaded, see the log.") from None
        if not inspect.iscoroutinefunction(getattr(made, "call", None)):
            raise DriverError(f"The driver {self.settings.label} has no coroutine called call.")
        return cast(Driver, made)

    async def call(self, action: str, oid: int, message: str, task: str) -> str:
        """Ask the driver. Raises :class:`DriverError`."""
        if self._driver is None:
            self._driver = self._load()
        answer = await self._driver.call(action, oid, message, task)
        return answer if isinstance(answer, str) else ""

    async def close(self) -> None:
        """Nothing to end: calls are cancelled by who waits for them."""
