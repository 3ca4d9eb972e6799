"""How each kind of program gets a message and gives an answer; upstream's forms, one row per kind."""

import base64
import binascii
import os
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from onelib.driver import DriverError
from onelib.template_xml import MalformedXmlError, parse_root, text_of

MAX_ELEMENTS = 1_000_000
MAX_ANSWER = 64 * 2**20
"""Bytes of an answer, packed or not."""
_EVERY = frozenset({"*"})
_NONE: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Request:
    """What is to be written: ``payload`` is one line; ``file`` is to be removed after a success."""

    payload: str
    file: Path | None = None


@dataclass(frozen=True)
class Family:
    """One kind of driver.

    ``section`` is its name in ``oned.conf``, ``module`` in the log. ``encoded`` are the actions whose answers come in
    base64, ``counted`` those whose number on the wire counts requests instead of naming an object.
    """

    section: str
    module: str
    encode: Callable[[str, int, str, Path], Request]
    encoded: frozenset[str] = _NONE
    counted: frozenset[str] = _NONE
    stamped: bool = False

    def counts(self, action: str) -> bool:
        """Whether the number on the wire counts requests."""
        return action in self.counted or "*" in self.counted

    def decode(self, action: str, payload: str) -> str:
        """The answer's text. Raises :class:`DriverError` for one that is not in the form of its action."""
        if self.stamped:
            return _unzip(payload.partition(" ")[2])
        if action not in self.encoded and "*" not in self.encoded:
            return payload
        return _unbase64(payload).decode(errors="replace")


def _unbase64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise DriverError("The driver's answer is not in base64.") from None


def _unzip(text: str) -> str:
    unpacker = zlib.decompressobj()
    try:
        data = unpacker.decompress(_unbase64(text), MAX_ANSWER)
    except zlib.error:
        raise DriverError("The driver's answer cannot be unpacked.") from None
    if unpacker.unconsumed_tail:
        raise DriverError("The driver's answer is too long.")
    return data.decode(errors="replace")


def _base64(message: str, _oid: int, _task: str, _folder: Path) -> Request:
    return Request(base64.b64encode(message.encode()).decode())


def _zipped(message: str, _oid: int, _task: str, _folder: Path) -> Request:
    packed = base64.b64encode(zlib.compress(message.encode())).decode()
    return Request(f"{int(time.time())} {packed}")


def _words(message: str, _oid: int, _task: str, _folder: Path) -> Request:
    return Request(" ".join(message.split()))


def commands_of(message: str) -> str:
    """The lines of a transfer: the element COMMANDS of an XML message, else the message itself.

    Raises :class:`DriverError`.
    """
    if not message.lstrip().startswith("<"):
        return message
    try:
        root = parse_root(message, MAX_ELEMENTS)
    except MalformedXmlError:
        root = None
    if root is None:
        raise DriverError("The transfer's message is not XML.")
    return text_of(root.find("COMMANDS"))


def _file(message: str, oid: int, task: str, folder: Path) -> Request:
    """A transfer's lines in a file, of which the program is told the name."""
    path = folder / "vms" / str(oid) / f"transfer.{task}"
    text = commands_of(message)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        temporary.write_text(text if text.endswith("\n") else f"{text}\n", encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        raise DriverError(f"The transfer file {path} cannot be written: {error.strerror}.") from None
    return Request(str(path), path)


FAMILIES = {
    "vmm": Family("VM_MAD", "VMM", _base64),
    "tm": Family("TM_MAD", "TrM", _file),
    "datastore": Family("DATASTORE_MAD", "ImM", _base64, frozenset({"MONITOR"}), frozenset({"STAT"})),
    "market": Family("MARKET_MAD", "MKP", _base64, frozenset({"IMPORT", "MONITOR"})),
    "im": Family("IM_MAD", "InM", _zipped, stamped=True),
    "auth": Family("AUTH_MAD", "AuM", _words, counted=_EVERY),
    "ipam": Family("IPAM_MAD", "IPM", _base64, _EVERY, _EVERY),
}
