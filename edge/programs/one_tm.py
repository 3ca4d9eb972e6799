"""Disks between datastores and hosts, by the second word of each line of a transfer."""

from itertools import groupby

from lxml import etree

from edge.dispatch import Dispatcher, parse
from onelib.driver import DriverError
from onelib.template_xml import text_of


class Driver(Dispatcher):
    """Hands the lines of a transfer to their drivers, in their order."""

    missing = "Transfer Driver '{}' not available"

    def name(self, action: str, message: str) -> str:
        """Not one: each line has its own."""
        raise DriverError(f"{action} is not a transfer: {message[:40]!r}")

    async def call(self, action: str, oid: int, message: str, task: str) -> str:
        """Carry the transfer out, up to the first failure. Raises :class:`DriverError`."""
        root = parse(message) if message.lstrip().startswith("<") else None
        commands = None if root is None else root.find("COMMANDS")
        text = message if root is None else text_of(commands)
        lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
        for name, group in groupby(lines, _name_of):
            part = "\n".join(group)
            if root is not None and commands is not None:
                commands.text = part
                part = etree.tostring(root, encoding="unicode")
            await self.driver(name).call(action, oid, part, task)
        return ""


def _name_of(line: str) -> str:
    words = line.split()
    if len(words) < 2:
        raise DriverError(f"The transfer command '{line.strip()}' names no driver")
    return words[1]
