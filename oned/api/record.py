"""The record of one call, and how the log shows it: never the session, never a hidden parameter."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from oned.access.acl import Caller
from oned.api.xmlrpc import Value
from oned.database.listing import Listing
from oned.errors import ApiError
from oned.methods.call import Method

HIDDEN = "****"
RESULT_LIMIT = 20
MESSAGE_LIMIT = 2000
"""Characters of a failure's text: it may quote what the client sent, however long that is."""


def shown(value: Value, limit: int) -> str:
    """One parameter or result; of a string the first ``limit`` characters."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{value[:limit]}{"..." if len(value) > limit else ""}"'
    return str(value) if isinstance(value, int | float) else "unknown param type"


@dataclass
class Record:
    """What is known of one call. ``client`` is ``address:port``; ``rest`` follows the first piece of a long result."""

    method: Method
    params: Sequence[Value]
    request: int
    client: str
    caller: Caller | None = None
    failure: ApiError | None = None
    result: bool | int | str = ""
    rest: Listing | None = None

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
        known = self._known()
        parts: list[str] = []
        at = 0
        while at < len(pattern):
            char, following = pattern[at], pattern[at + 1 : at + 2]
            at += 1
            if char != "%" or not following:
                parts.append(char)
                continue
            at += 1
            if following == "l":
                digits = "".join(itertools.takewhile(str.isdigit, pattern[at:]))
                at += len(digits)
                parts.append(self._shown_params(int(digits or "20")))
            else:
                parts.append(known.get(following, f"%{following}"))
        return "".join(parts)

    def _known(self) -> dict[str, str]:
        address, _, port = self.client.rpartition(":")
        caller = self.caller
        return {
            "%": "%",
            "i": str(self.request),
            "u": str(self.uid),
            "U": caller.uname if caller else "",
            "g": str(caller.gid if caller else -1),
            "G": caller.gname if caller else "",
            "m": self.method.name,
            "A": address,
            "P": port,
            "p": HIDDEN,
            "a": HIDDEN,
        }

    def _shown_params(self, limit: int) -> str:
        hidden = self.method.hidden
        return "".join(
            f", {HIDDEN if position in hidden else shown(value, limit)}"
            for position, value in enumerate(self.params[1:], 1)
        )
