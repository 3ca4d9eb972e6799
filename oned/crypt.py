"""AES-256-CBC as OpenNebula uses it: the first 32 characters of a password as key, a zero vector, base64.

The zero vector is upstream's format, needed to read its databases and tokens; it is not a recommendation.
"""

import base64
import binascii
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


def encrypt_template(template: Template, names: list[str], key: str) -> None:
    """Encrypt the single attributes ``names`` that are not encrypted yet."""
    for name in names:
        plain = template.get(name)
        if plain and _decrypted(plain, key) is None:
            template.set(name, base64.b64encode(encrypt_bytes(plain.encode(), key)).decode())


def decrypt_template(template: Template, names: list[str], key: str) -> None:
    """Decrypt the single attributes ``names``."""
    for name in names:
        plain = _decrypted(template.get(name), key)
        if plain is not None:
            template.set(name, plain)


def master_key(folder: Path) -> str:
    """The key in ``one_key``, made at the first start. Raises :class:`onelib.auth.AuthFileError`."""
    path = folder / "one_key"
    try:
        return path.read_text(encoding="utf-8").split(maxsplit=1)[0]
    except (FileNotFoundError, IndexError):
        key = generate_password()
        write_private(path, f"{key}\n")
        return key
