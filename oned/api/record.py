"""The record of one call, and how the log shows it: never the session, never a hidden parameter."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from oned.access.acl import Caller
from oned.api.xmlrpc import Value
from oned.database.listing import Listing
from oned.errors import ApiError
from oned.methods.call import Method

HIDDEN = "****"
RESULT_LIMIT = 20
MESSAGE_LIMIT = 2000
"""Characters of a failure's text: it may quote what the client sent, however long that is."""


_DIRECTIVE = re.compile(r"%(?:l(?P<limit>[0-9]*)|(?P<letter>.))", re.DOTALL)


def shown(value: Value, limit: int) -> str:
    """One parameter or result; of a string the first ``limit`` characters."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{value[:limit]}{"..." if len(value) > limit else ""}"'
    return str(value) if isinstance(value, int | float) else "unknown param type"


@lru_cache(maxsize=16)
def _parts(pattern: str) -> tuple[tuple[bool, str | int], ...]:
    """The texts of a ``LOG_CALL_FORMAT`` (True), and the letters between, or a limit for the parameters (False)."""
    found: list[tuple[bool, str | int]] = []
    at = 0
    for match in _DIRECTIVE.finditer(pattern):
        if match.start() > at:
            found.append((True, pattern[at : match.start()]))
        found.append((False, match["letter"] or int(match["limit"] or "20")))
        at = match.end()
    return (*found, (True, pattern[at:]))


@dataclass
class Record:
    """What is known of one call. ``client`` is ``address:port``; ``rest`` follows the first piece of a long result.

    ``remembered``: the caller had proved who it is a moment before.
    """

    method: Method
    params: Sequence[Value]
    request: int
    client: str
    caller: Caller | None = None
    failure: ApiError | None = None
    result: bool | int | str = ""
    rest: Listing | None = None
    remembered: bool = False

    @property
    def uid(self) -> int:
        """The caller, -1 when it was not authenticated."""
        return self.caller.uid if self.caller else -1

    @property
    def message(self) -> str:
        """The text of the failure, as the client and the log get it."""
        text = self.failure.text(self.uid) if self.failure else ""
        shortened = text if len(text) <= MESSAGE_LIMIT else f"{text[:MESSAGE_LIMIT]}..."
        return f"[{self.method.name}] {shortened}" if self.failure else ""

    @property
    def shown_result(self) -> str:
        """The beginning of the result; nothing of one that is a secret, as a login token."""
        return HIDDEN if self.method.hidden and isinstance(self.result, str) else shown(self.result, RESULT_LIMIT)

    def invoked(self, pattern: str) -> str:
        """The line that ``LOG_CALL_FORMAT`` describes; its ``%p`` and ``%a``, which are secrets, stay hidden."""
        return "".join(
            self._shown_params(part) if isinstance(part, int) else part if plain else self._known(part)
            for plain, part in _parts(pattern)
        )

    def _known(self, letter: str) -> str:
        """What stands for a letter behind a percent sign."""
        caller = self.caller
        match letter:
            case "i":
                return str(self.request)
            case "u":
                return str(self.uid)
            case "U":
                return caller.uname if caller else ""
            case "g":
                return str(caller.gid if caller else -1)
            case "G":
                return caller.gname if caller else ""
            case "m":
                return self.method.name
            case "A":
                return self.client.rpartition(":")[0]
            case "P":
                return self.client.rpartition(":")[2]
            case "p" | "a":
                return HIDDEN
            case "%":
                return "%"
        return f"%{letter}"

    def _shown_params(self, limit: int) -> str:
        hidden = self.method.hidden
        return "".join(
            f", {HIDDEN if position in hidden else shown(value, limit)}"
            for position, value in enumerate(self.params[1:], 1)
        )
