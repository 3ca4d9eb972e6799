"""From the one driver that ``oned.conf`` names to the folder that does the work: ``edge/<name>/<kind>.py``."""

from abc import ABC, abstractmethod
from dataclasses import replace
from importlib import import_module
from importlib.util import find_spec
from typing import ClassVar, cast

from onelib.driver import Driver, DriverError, DriverSettings
from onelib.template_xml import Element, MalformedXmlError, parse_root, text_of

MAX_ELEMENTS = 1_000_000


def is_there(name: str, kind: str) -> bool:
    """Whether this installation has a folder ``name`` with drivers of ``kind``."""
    return name.isidentifier() and all(find_spec(module) for module in (f"edge.{name}", f"edge.{name}.{kind}"))


def load(settings: DriverSettings, name: str, kind: str) -> Driver:
    """The driver of the folder ``name``: the class ``Kind`` of its module ``kind``."""
    made = getattr(import_module(f"edge.{name}.{kind}"), kind.capitalize())
    return cast(Driver, made(replace(settings, name=name)))


def parse(message: str) -> Element:
    """The message's root element. Raises :class:`DriverError`."""
    try:
        return parse_root(message.lstrip(), MAX_ELEMENTS)
    except MalformedXmlError:
        raise DriverError("Cannot decode driver message") from None


class Dispatcher(ABC):
    """A driver that serves several names, told apart by the message."""

    missing: ClassVar[str]
    """The error for a name that is not there."""

    def __init__(self, settings: DriverSettings) -> None:
        self.settings = settings
        self._drivers: dict[tuple[str, str], Driver] = {}

    @abstractmethod
    def name(self, action: str, message: str) -> str:
        """Who is meant. Raises :class:`DriverError`."""

    async def call(self, action: str, oid: int, message: str, task: str) -> str:
        """Ask who is meant. Raises :class:`DriverError`."""
        driver = self.driver(self.name(action, message))
        return await driver.call(action, oid, message, task)

    def driver(self, name: str, kind: str = "", missing: str = "") -> Driver:
        """The driver ``name``: of this installation, else scripts of that name.

        Raises :class:`DriverError` when it is not among the arguments or not there.
        """
        kind = kind or self.settings.kind
        driver = self._drivers.get((name, kind))
        if driver is None:
            types = self.settings.types if kind == self.settings.kind else self.system_types()
            if types is None or name in types:
                driver = load(self.settings, name, kind) if is_there(name, kind) else self.script(name)
            if driver is None:
                raise DriverError((missing or self.missing).format(name))
            self._drivers[name, kind] = driver
        return driver

    def script(self, name: str) -> Driver | None:
        """The driver ``name`` that consists of scripts, for kinds that may; None without."""
        _ = name
        return None

    def system_types(self) -> frozenset[str] | None:
        """The names after ``-s``: transfer drivers whose system datastores are looked at from here."""
        text = self.settings.option("-s")
        return frozenset(word.strip() for word in text.split(",")) if text else None


class Hypervisor(Dispatcher):
    """A driver whose last argument is the name of a hypervisor."""

    missing = "The driver '{}' is not part of this installation."

    def name(self, action: str, message: str) -> str:
        """The last word of ARGUMENTS."""
        _ = action, message
        return self.settings.arguments[-1] if self.settings.arguments else ""


def element_text(message: str, path: str) -> str:
    """The text at ``path`` of an XML message. Raises :class:`DriverError`."""
    return text_of(parse(message).find(path)).strip()
