"""Passwords: oneadmin's in ``one_auth``, the database's; found, given, or made once and kept on the volume."""

import json
import secrets
import string
from collections.abc import Iterator
from pathlib import Path

from bootstrap.actions import Action, File
from bootstrap.context import Context
from onelib.auth import read_auth

LENGTH = 24
ALPHABET = string.ascii_letters + string.digits


def generate() -> str:
    """A password of 24 letters and digits (142 bits)."""
    return "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))


def _read_one_auth(path: Path) -> str | None:
    """The password in ``one_auth``, None without the file. Raises AuthFileError if it is damaged."""
    return read_auth(path).password if path.exists() else None


def _oneadmin(context: Context) -> Iterator[Action]:
    path = context.at.auth / "one_auth"
    found = _read_one_auth(path)
    context.secrets.oneadmin = found or context.settings.oneadmin_password or generate()
    if found is None:
        content = f"oneadmin:{context.secrets.oneadmin}\n".encode()
        yield File(path, content, 0o600, context.owner("oneadmin"), durable=True)
    elif context.settings.oneadmin_password not in ("", found):
        context.warnings.append(
            "ONEADMIN_PASSWORD is only the initial password and differs from the one in use: change it with "
            "`oneuser passwd`"
        )


def _kept(path: Path) -> str:
    """A generated secret of an earlier boot, '' if there is none."""
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        return ""


def _database(context: Context) -> Iterator[Action]:
    """The database's passwords, and beside them (without any) where it is: for the services that log in."""
    settings, root, run = context.settings, context.owner("root"), context.at.run
    if context.native:
        yield File(run / "database.json", json.dumps({"backup": settings.db_backup}).encode())
        return
    kept = context.at.srv / "secret-db/password"
    context.secrets.mysql = settings.mysql_password or _kept(kept) or generate()
    if not settings.mysql_password:
        yield File(kept, context.secrets.mysql.encode() + b"\n", 0o600, root, durable=True)
    yield File(run / "secrets/mysql-password", context.secrets.mysql.encode(), 0o600, root)
    if settings.mysql_root_password:
        yield File(run / "secrets/mysql-root-password", settings.mysql_root_password.encode(), 0o600, root)
    target = {
        "host": settings.mysql_host,
        "port": settings.mysql_port,
        "user": settings.mysql_user,
        "database": settings.mysql_database,
        "backup": settings.db_backup,
    }
    yield File(run / "database.json", json.dumps(target).encode())


def prepare(context: Context) -> Iterator[Action]:
    """Have every password that the role needs."""
    if context.serves("oned"):
        yield from _oneadmin(context)
    if context.own_database or context.serves("oned"):
        yield from _database(context)
