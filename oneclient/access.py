"""Who calls, and where: found in the order in which upstream's clients look.

Credentials: ``--user`` with ``--password-file`` or a prompt, the file ``$ONE_AUTH``, that of ``$ONEEDGE_ROOT``,
``~/.one/one_auth``, ``/var/lib/one/.one/one_auth``. Endpoint: ``--endpoint``, ``$ONE_XMLRPC``, ``one_endpoint`` in the
same folders, ``http://localhost:2633/RPC2``. A password never stands on a command line.
"""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from oneclient.errors import InputError, UsageError
from onelib.api import DEFAULT_ENDPOINT, Api
from onelib.auth import Credentials, read_auth
from onelib.locations import ROOT_VARIABLE, Locations


@dataclass(frozen=True)
class Access:
    """What the command line says about it; None where it says nothing."""

    user: str | None = None
    password_file: str | None = None
    endpoint: str | None = None

    def open(self) -> Api:
        """The API. Raises :class:`~onelib.errors.OneError` without usable credentials."""
        return Api(self.endpoint or find_endpoint(), self._credentials())

    def _credentials(self) -> Credentials:
        if self.user is not None:
            return Credentials(self.user, secret(self.password_file, f"Password of {self.user}"))
        if self.password_file is not None:
            raise UsageError("--password-file without --user.", todo="Say whose password it is.")
        return find_credentials()


def _folders() -> list[Path]:
    """Where clients keep their files, the nearest first."""
    named = [Locations.from_environment().auth] if ROOT_VARIABLE in os.environ else []
    return [*named, Path.home() / ".one", Locations().auth]


def find_credentials() -> Credentials:
    """The credentials of the environment's user. Raises :class:`~onelib.auth.AuthFileError`."""
    named = os.environ.get("ONE_AUTH")
    if named:
        return read_auth(Path(named))
    paths = [folder / "one_auth" for folder in _folders()]
    return read_auth(next((path for path in paths if os.access(path, os.R_OK)), paths[0]))


def find_endpoint() -> str:
    """The address of the API."""
    named = os.environ.get("ONE_XMLRPC", "").strip()
    if named:
        return named
    for folder in _folders():
        try:
            text = (folder / "one_endpoint").read_text(encoding="utf-8").strip()
        except OSError:
            continue
        if text:
            return text
    return DEFAULT_ENDPOINT


def secret(path: str | None, what: str) -> str:
    """The first line of the file ``path`` (``-`` is standard input); without a path, what somebody types unseen.

    Raises :class:`UsageError` where nobody can be asked.
    """
    if path == "-":
        text = sys.stdin.readline()
    elif path is not None:
        try:
            text = Path(path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            raise InputError(
                f"The file {path} cannot be read.", todo="Name a text file that you may read."
            ) from None
    elif sys.stdin.isatty():
        from getpass import getpass

        text = getpass(f"{what}: ")
    else:
        raise UsageError(
            f"{what}: nobody to ask.", todo="Name a file with --password-file, or - for standard input."
        )
    found = text.split("\n", 1)[0].rstrip("\r")
    if not found:
        raise UsageError(f"{what}: it is empty.", todo="Put it on the first line.")
    return found
