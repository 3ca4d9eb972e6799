"""What a template asks of the dummy drivers, and how they obey."""

import asyncio
import contextlib
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass

from onelib.driver import DriverError, DriverSettings
from onelib.template_xml import Element, MalformedXmlError, parse_root, text_of

MAX_ELEMENTS = 1_000_000
LONGEST_DELAY = 3600.0
USED_MB, TOTAL_MB = 10240, 1048576
"""Of every datastore and marketplace, and of a host's own disk."""


def parse(message: str) -> Element | None:
    """The message's XML; None for a message of another form."""
    if not message.lstrip().startswith("<"):
        return None
    try:
        return parse_root(message.lstrip(), MAX_ELEMENTS)
    except MalformedXmlError:
        raise DriverError("The message is not XML.") from None


def find(root: Element | None, path: str, default: str = "") -> str:
    """The text at ``path``, ``default`` where there is none."""
    return default if root is None else text_of(root.find(path)).strip() or default


def number(text: str, default: float) -> float:
    """``text`` as a number that is not negative."""
    with contextlib.suppress(ValueError):
        value = float(text)
        if 0 <= value <= LONGEST_DELAY:
            return value
    return default


def _actions(texts: Iterable[str]) -> frozenset[str]:
    return frozenset(word.strip().lower() for text in texts for word in text.split(",") if word.strip())


@dataclass(frozen=True)
class Wishes:
    """What the attributes DUMMY of a message ask for."""

    delay: float
    fail: frozenset[str]
    fail_once: frozenset[str]
    hang: frozenset[str]

    @classmethod
    def of(cls, root: Element | None, delay: float) -> "Wishes":
        """Of all objects in the message together; ``delay`` is the driver's own."""
        vectors = [] if root is None else list(root.iter("DUMMY"))

        def texts(name: str) -> list[str]:
            return [text_of(vector.find(name)) for vector in vectors]

        delays = [number(text, delay) for text in texts("DELAY") if text]
        return cls(
            max(delays, default=delay),
            _actions(texts("FAIL")),
            _actions(texts("FAIL_ONCE")),
            _actions(texts("HANG")),
        )


class Dummy(ABC):
    """What all dummy drivers share. A subclass answers in :meth:`answer`."""

    def __init__(self, settings: DriverSettings) -> None:
        self.settings = settings
        self._delay = number(settings.option("-d") or "", 0.0)
        self._failed: dict[tuple[int, str], str] = {}

    async def call(self, action: str, oid: int, message: str, task: str) -> str:
        """Wait, fail or answer, as the message's templates ask. Raises :class:`onelib.driver.DriverError`."""
        root = parse(message)
        wishes = Wishes.of(root, self._delay)
        if wishes.delay:
            await asyncio.sleep(wishes.delay)
        for step in self.steps(action, root, message):
            if step in wishes.hang:
                await asyncio.Event().wait()
            once = step in wishes.fail_once and self._failed.setdefault((oid, step), task) == task
            if once or step in wishes.fail:
                raise DriverError(f"{step} fails, as DUMMY asks for")
        return self.answer(action, oid, root, task)

    def steps(self, action: str, root: Element | None, message: str) -> list[str]:
        """What FAIL and HANG may name of this request."""
        _ = root, message
        return [action.lower()]

    @abstractmethod
    def answer(self, action: str, oid: int, root: Element | None, task: str) -> str:
        """The answer of a success. Raises :class:`onelib.driver.DriverError` for an unknown action."""


def space() -> str:
    """How full a datastore or marketplace is, a template."""
    return f'USED_MB="{USED_MB}"\nTOTAL_MB="{TOTAL_MB}"\nFREE_MB="{TOTAL_MB - USED_MB}"\n'


def unknown(action: str) -> DriverError:
    """The error for an action that a driver does not have."""
    return DriverError(f"The dummy driver has no action {action}.")
