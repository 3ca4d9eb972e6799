"""Authentication, by the second word of the request."""

from pathlib import Path
from xml.sax.saxutils import escape

from edge import scripts
from edge.dispatch import Dispatcher
from onelib.driver import Driver as AnyDriver
from onelib.driver import DriverError


class Driver(Dispatcher):
    """Hands each request to the user's driver."""

    missing = "Authentication driver '{}' not available"

    def name(self, action: str, message: str) -> str:
        """The word after the user's id."""
        _ = action
        return "".join(message.split()[1:2])

    def script(self, name: str) -> AnyDriver | None:
        """The driver that is the script ``authenticate`` in a folder of its own."""
        found = scripts.folder(self.settings, "auth", name)
        return _Script(found / "authenticate") if found else None


class _Script:
    """Gets user, stored password and secret as XML."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def call(self, action: str, oid: int, message: str, task: str) -> str:
        """AUTHENTICATE. Raises :class:`DriverError`."""
        _ = oid, task
        words = message.split()
        if action != "AUTHENTICATE" or len(words) != 5:
            raise DriverError(f"An authentication script cannot do {action} with {len(words)} words.")
        pairs = zip(("USERNAME", "PASSWORD", "SECRET"), words[2:], strict=True)
        inner = "".join(f"<{tag}>{escape(word)}</{tag}>" for tag, word in pairs)
        return await scripts.run(self._path, (), f"<AUTHN>{inner}</AUTHN>".encode())
