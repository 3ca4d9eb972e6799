"""Addresses from elsewhere, by the address range's IPAM_MAD."""

import base64
from pathlib import Path

from edge import scripts
from edge.dispatch import Dispatcher, element_text
from onelib.driver import Driver as AnyDriver


class Driver(Dispatcher):
    """Hands each request to the driver of its address range."""

    missing = "IPAM driver '{}' not available"

    def name(self, action: str, message: str) -> str:
        """IPAM_MAD."""
        _ = action
        return element_text(message, "AR/IPAM_MAD")

    def script(self, name: str) -> AnyDriver | None:
        """The driver that is a folder with a script for each action."""
        found = scripts.folder(self.settings, "ipam", name)
        return _Scripts(found) if found else None


class _Scripts:
    """Get the request's number as argument and the message in base64."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def call(self, action: str, oid: int, message: str, task: str) -> str:
        """Run the script of the action. Raises :class:`onelib.driver.DriverError`."""
        _ = oid
        return await scripts.run(
            self._folder / action.lower(), (task or "-1",), base64.b64encode(message.encode())
        )
