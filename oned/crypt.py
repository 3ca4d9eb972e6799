"""AES-256-CBC as OpenNebula uses it: the first 32 characters of a password as key, a zero vector, base64.

The zero vector is upstream's format, needed to read its databases and tokens; it is not a recommendation.
"""

import base64
import binascii
from collections.abc import Iterator
from pathlib import Path

from onelib.auth import generate_password, write_private
from onelib.template import Template

_BLOCK = 16


class DecryptError(ValueError):
    """Not something that this key encrypted."""


def _key(password: str) -> bytes:
    return password.encode()[:32].ljust(32, b"\0")


def decrypt_bytes(data: bytes, password: str) -> bytes:
    """The plain text. Raises :class:`DecryptError`."""
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    if not data or len(data) % _BLOCK:
        raise DecryptError("not a whole number of blocks")
    decryptor = Cipher(algorithms.AES(_key(password)), modes.CBC(bytes(_BLOCK))).decryptor()
    plain = decryptor.update(data) + decryptor.finalize()
    padding = plain[-1]
    if not 1 <= padding <= _BLOCK or plain[-padding:] != bytes([padding]) * padding:
        raise DecryptError("wrong key")
    return plain[:-padding]


def encrypt_bytes(data: bytes, password: str) -> bytes:
    """The cipher text, padded to whole blocks."""
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    padding = _BLOCK - len(data) % _BLOCK
    encryptor = Cipher(algorithms.AES(_key(password)), modes.CBC(bytes(_BLOCK))).encryptor()
    return encryptor.update(data + bytes([padding]) * padding) + encryptor.finalize()


def _decrypted(text: str, key: str) -> str | None:
    try:
        return decrypt_bytes(base64.b64decode(text, validate=True), key).decode()
    except (binascii.Error, DecryptError, ValueError):
        return None


def _secrets(template: Template, names: list[str]) -> Iterator[tuple[dict[str, str], str]]:
    """Where the secrets ``names`` (``NAME`` or ``VECTOR/KEY``) are: a mapping and a key of it.

    A single attribute is written back when the caller goes on.
    """
    for name in names:
        vector, slash, key = name.partition("/")
        if slash:
            yield from ((found, key) for found in template.vectors(vector) if found.get(key))
        elif template.get(name):
            single = {name: template.get(name)}
            yield single, name
            template.set(name, single[name])


def encrypt_template(template: Template, names: list[str], key: str) -> None:
    """Encrypt the attributes ``names`` (``NAME`` or ``VECTOR/KEY``) that are not encrypted yet."""
    for holder, name in _secrets(template, names):
        if _decrypted(holder[name], key) is None:
            holder[name] = base64.b64encode(encrypt_bytes(holder[name].encode(), key)).decode()


def decrypt_template(template: Template, names: list[str], key: str) -> None:
    """Decrypt the attributes ``names`` (``NAME`` or ``VECTOR/KEY``)."""
    for holder, name in _secrets(template, names):
        plain = _decrypted(holder[name], key)
        if plain is not None:
            holder[name] = plain


def master_key(folder: Path) -> str:
    """The key in ``one_key``, made at the first start. Raises :class:`onelib.auth.AuthFileError`."""
    path = folder / "one_key"
    try:
        return path.read_text(encoding="utf-8").split(maxsplit=1)[0]
    except (FileNotFoundError, IndexError):
        key = generate_password()
        write_private(path, f"{key}\n")
        return key
