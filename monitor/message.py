"""A report on the wire: ``<TYPE> <STATUS> <HOST_ID> <EPOCH> <PAYLOAD>``, the payload base64 of zlib of a template.

Source: OpenNebula 6.0, monitoring daemon. With PUBKEY the text is encrypted with RSA before it is compressed, in pieces
of the key's size. All sizes are bounded: anybody can send anything.
"""

import base64
import binascii
import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from oned.infrastructure.machine_reports import printable
from onelib.template import Template, TemplateError

MAX_LINE = 512 * 2**10
"""Bytes of one message."""
MAX_PLAIN = 2**20
"""Bytes of a payload once it is decompressed: what 2,000 machines say."""
MOST_VALUES = 50_000
"""Values of a report: reading more would hold up everybody else."""
SHOWN_CHARS = 500
_HEAD = re.compile(rb"([A-Z_]{1,16}) (SUCCESS|FAILURE) (\d{1,9}) (\d{1,11})(?: |$)")

Decrypt = Callable[[bytes], bytes]


class Kind(Enum):
    """What a message is about."""

    BEACON_HOST = "BEACON_HOST"
    SYSTEM_HOST = "SYSTEM_HOST"
    MONITOR_HOST = "MONITOR_HOST"
    STATE_VM = "STATE_VM"
    MONITOR_VM = "MONITOR_VM"


_KINDS = {kind.value.encode(): kind for kind in Kind}


class MessageError(ValueError):
    """Not a message, or one that cannot be used."""


@dataclass(frozen=True)
class Message:
    """One message, its payload as it came."""

    kind: Kind
    success: bool
    host_id: int
    timestamp: int
    packed: bytes

    def text(self, decrypt: Decrypt | None = None) -> str:
        """The payload in the clear. Raises :class:`MessageError`."""
        try:
            data = base64.b64decode(self.packed, validate=True)
        except binascii.Error:
            raise MessageError("the payload is not base64") from None
        plain = _inflate(data) if data else b""
        if decrypt is not None and plain:
            plain = decrypt(plain)
        return printable(plain.decode(errors="replace"))

    def report(self, decrypt: Decrypt | None = None) -> Template:
        """The payload as a template. Raises :class:`MessageError`."""
        text = self.text(decrypt)
        if text.count("=") > MOST_VALUES:
            raise MessageError("the payload is too large")
        try:
            return Template.from_text(text)
        except TemplateError:
            raise MessageError("the payload is not a template") from None

    def reason(self, decrypt: Decrypt | None = None) -> str:
        """What a failure says, in a line."""
        try:
            return " ".join(self.text(decrypt).split())[:SHOWN_CHARS]
        except MessageError as error:
            return str(error)


def parse(line: bytes) -> Message:
    """The message in ``line``; its payload is not looked at yet. Raises :class:`MessageError`."""
    if len(line) > MAX_LINE:
        raise MessageError("the message is too long")
    head = _HEAD.match(line)
    if head is None:
        raise MessageError("this is no message")
    name, status, host_id, timestamp = head.groups()
    kind = _KINDS.get(name)
    if kind is None:
        raise MessageError("no host sends such a message")
    return Message(kind, status == b"SUCCESS", int(host_id), int(timestamp), line[head.end() :].strip())


def _inflate(data: bytes) -> bytes:
    """The whole of a compressed text, unless it is too large."""
    stream = zlib.decompressobj()
    try:
        plain = stream.decompress(data, MAX_PLAIN)
    except zlib.error:
        raise MessageError("the payload is not compressed") from None
    if stream.unconsumed_tail:
        raise MessageError("the payload is too large")
    if not stream.eof:
        raise MessageError("the payload is cut off")
    return plain


def read_key(path: Path) -> Decrypt:
    """What decrypts payloads with the RSA key in the file ``path``. Raises :class:`MessageError`."""
    from cryptography.hazmat.primitives.asymmetric import padding, rsa
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(path.read_bytes(), None)
    except (OSError, ValueError, TypeError) as error:
        raise MessageError(f"the key {path} cannot be used: {error}") from None
    if not isinstance(key, rsa.RSAPrivateKey):
        raise MessageError(f"the key {path} is not an RSA key")
    size = key.key_size // 8

    def decrypt(data: bytes) -> bytes:
        if len(data) % size or len(data) > MAX_LINE:
            raise MessageError("the payload is not encrypted")
        try:
            pieces = [key.decrypt(data[at : at + size], padding.PKCS1v15()) for at in range(0, len(data), size)]
        except ValueError:
            raise MessageError("the payload is encrypted for another key") from None
        return b"".join(pieces)

    return decrypt
