"""What a driver is: the contract between the server and what acts on hosts, storage, marketplaces and users.

A driver is named in ``oned.conf`` (``VM_MAD``, ``TM_MAD`` ...), as a program or, with
``EXECUTABLE = "python:package.module:Class"``, as a class that follows :class:`Driver`. Both kinds are asked the same
and answer the same.
"""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

PYTHON = "python:"
"""What an executable begins with that is a class."""
THREADS = 15
"""Requests at the same time, where ``oned.conf`` does not say."""


class DriverError(Exception):
    """The request failed; the text is what users read on the object."""


class DriverGoneError(DriverError):
    """The driver ended or could not be started before it answered: it may do better a moment later."""


class DriverTimeoutError(DriverError):
    """The driver did not answer in time; what it was asked for it may do yet."""


@dataclass(frozen=True)
class DriverSettings:
    """What ``oned.conf`` says of one driver: its section as ``attributes``, ``ARGUMENTS`` split into words.

    ``kind`` is ``vmm``, ``tm``, ``datastore``, ``market``, ``im``, ``auth`` or ``ipam``. ``folder`` is
    ``/var/lib/one`` of this installation.
    """

    kind: str
    name: str
    executable: str
    arguments: tuple[str, ...] = ()
    attributes: Mapping[str, str] = field(default_factory=dict)
    folder: Path = Path("/var/lib/one")

    def option(self, short: str, long: str = "") -> str | None:
        """The value of an option among the arguments, as getopt finds it; None without one."""
        for index, word in enumerate(self.arguments):
            if word in {short, long}:
                following = self.arguments[index + 1 : index + 2]
                return following[0] if following and not following[0].startswith("-") else ""
            if long and word.startswith(f"{long}="):
                return word.partition("=")[2]
            if word.startswith(short) and not word.startswith("--") and len(short) == 2 and len(word) > 2:
                return word[2:]
        return None

    @property
    def label(self) -> str:
        """How logs and tasks name it: ``vmm:kvm``."""
        return f"{self.kind}:{self.name}"

    @property
    def threads(self) -> int:
        """Requests at the same time: the option ``-t``, else ``THREADS``."""
        for text in (self.option("-t", "--threads"), self.attributes.get("THREADS")):
            with contextlib.suppress(ValueError):
                number = int(text or 0)
                if number > 0:
                    return number
        return THREADS

    @property
    def seconds(self) -> float:
        """After how many seconds a request is given up: ``TIMEOUT``, for a class also the option ``-w``; 0 is never.

        A program takes ``-w`` for each of the commands that a request consists of, and sees to it itself.
        """
        own = self.option("-w", "--timeout") if self.executable.startswith(PYTHON) else None
        for text in (self.attributes.get("TIMEOUT"), own):
            with contextlib.suppress(ValueError):
                number = float(text or 0)
                if number > 0:
                    return number
        return 0

    @property
    def types(self) -> frozenset[str] | None:
        """The names that one driver of the kinds tm, datastore, market, auth and ipam serves; None serves any."""
        option = {"tm": "-d", "datastore": "-d", "market": "-m", "ipam": "-i", "auth": "-n"}.get(self.kind)
        text = (self.option(option) if option else None) or self.attributes.get("AUTHN")
        return frozenset(word.strip() for word in text.split(",")) if text else None

    def enabled(self, attribute: str) -> bool:
        """Whether an attribute such as ``KEEP_SNAPSHOTS`` says yes."""
        return self.attributes.get(attribute, "").strip().upper() in {"YES", "TRUE", "1"}

    @property
    def one_per_host(self) -> bool:
        """Whether a host gets its requests one after the other: hypervisors, unless the option ``-p`` is there."""
        return self.kind == "vmm" and self.option("-p", "--parallel") is None


class Driver(Protocol):
    """A driver written in Python, made with its :class:`DriverSettings` when it is first needed."""

    async def call(self, action: str, oid: int, message: str, task: str) -> str:
        """Carry out ``action`` on the object ``oid`` and return what the server wants to know, often nothing.

        ``message`` is the text that the action's caller wrote, mostly XML. The same ``task`` may be asked for again
        after a crash of the server, so that whatever has been done for it must not be done twice. A call that nobody
        waits for any more is cancelled. Raises :class:`DriverError`.
        """
