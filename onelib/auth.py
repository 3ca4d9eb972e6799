"""Credential files: one line ``user:password`` (``one_auth``, ``oneflow_auth``, ``sunstone_auth`` ...).

Written with mode 0600 and durably: a crash leaves the old file, the new one or none, never a part of one.
"""

import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from onelib.errors import OneError

MODE = 0o600


class AuthFileError(OneError):
    """A credential file is missing, unreadable, not ``user:password``, or cannot be written."""

    exit_code: ClassVar[int] = 66


@dataclass(frozen=True)
class Credentials:
    """A user name and its secret; the secret stays out of ``repr``."""

    user: str
    password: str = field(repr=False)

    @classmethod
    def split(cls, text: str) -> "Credentials | None":
        """``user:password``, split at the first colon; None without a colon, a user or a password."""
        user, colon, password = text.strip().partition(":")
        return cls(user, password) if colon and user and password else None

    @property
    def session(self) -> str:
        """The session string of the API."""
        return f"{self.user}:{self.password}"


def generate_password() -> str:
    """A new password: 256 random bits in hexadecimal."""
    return secrets.token_hex(32)


def read_auth(path: Path) -> Credentials:
    """The credentials in ``path``. Raises :class:`AuthFileError`; no secret is in its text."""
    todo = f"Write one line user:password to {path}, readable by its owner only."
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise AuthFileError(f"There is no credential file {path}.", todo=todo) from None
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise AuthFileError(f"The credential file {path} cannot be read: {reason}.", todo=todo) from None
    credentials = Credentials.split(text)
    if credentials is None:
        raise AuthFileError(f"The credential file {path} does not hold user:password.", todo=todo)
    return credentials


def write_private(path: Path, text: str) -> None:
    """Write ``text`` to ``path`` with mode 0600: temporary file, fsync, rename, fsync of the folder.

    Raises :class:`AuthFileError`.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, MODE)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
                stream.write(text)
                stream.flush()
                os.fsync(stream.fileno())
            temporary.replace(path)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise AuthFileError(
            f"The credential file {path} cannot be written: {error.strerror}.",
            todo=f"Make {path.parent} writable for the user that runs this.",
        ) from None


def write_auth(path: Path, credentials: Credentials) -> None:
    """Write ``user:password`` to ``path``. Raises :class:`AuthFileError`."""
    write_private(path, f"{credentials.session}\n")
