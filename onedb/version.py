"""The versions of a database, shared and local, and ``onedb version``.

Exit codes: 0 current, 1 not bootstrapped, 2 either half is older, 3 either half is newer, 255 anything else. Where one
half is newer and the other older, newer counts: such a database is nothing this release can work on.
"""

import argparse
import json
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from onedb.connection import database_settings
from onedb.errors import UnreadableError
from onedb.link import open_link

if TYPE_CHECKING:
    from onedb.link import Link

REQUIRED = "6.0.0"
"""Version of both halves, for every 6.0.x; :data:`oned.database.schema.SCHEMA_VERSION`."""
CURRENT, EMPTY, OLDER, NEWER = 0, 1, 2, 3
NOT_BOOTSTRAPPED = "Database is not correctly bootstraped."
_STATES = {CURRENT: "current", EMPTY: "empty", OLDER: "older", NEWER: "newer"}


@dataclass(frozen=True)
class Half:
    """The newest row of one version table; ``timestamp`` in epoch seconds."""

    version: str
    timestamp: int
    comment: str


@dataclass(frozen=True)
class Versions:
    """What a database says of itself."""

    shared: Half
    local: Half
    is_slave: bool

    @property
    def state(self) -> int:
        """:data:`CURRENT`, :data:`OLDER` or :data:`NEWER`."""
        needed = number(REQUIRED)
        halves = [number(half.version) for half in (self.shared, self.local)]
        if any(half > needed for half in halves):
            return NEWER
        return OLDER if any(half < needed for half in halves) else CURRENT


def number(version: str) -> tuple[int, ...]:
    """``version`` as numbers to compare. Raises :class:`UnreadableError` for other text."""
    try:
        return tuple(int(part) for part in version.strip().split("."))
    except ValueError:
        raise UnreadableError(
            f"The database has the version {version!r}, which is none of OpenNebula's.",
            todo="Check which database this is; nothing was changed.",
            code=255,
        ) from None


def read_versions(link: "Link") -> Versions | None:
    """The versions; None for a database that no ``oned`` has filled yet.

    Raises :class:`UnreadableError` for one that has users but no versions.
    """
    found = _read(link)
    while found is not None and found.shared.version != found.local.version:
        before, found = found, _read(link)  # one may have been read before an exchange, the other after
        if found == before:
            break
    return found


def _read(link: "Link") -> Versions | None:
    tables = set(link.tables())
    if "user_pool" not in tables or not link.fetch("SELECT oid FROM user_pool WHERE oid = 0"):
        return None
    newest = [_newest(link, name) if name in tables else [] for name in ("db_versioning", "local_db_versioning")]
    if not newest[0] or ("local_db_versioning" not in tables):
        raise UnreadableError(
            "The database has users, but its version tables are missing or empty.",
            todo="Restore a backup, or check which database this is; nothing was changed.",
            code=255,
        )
    shared = Half(str(newest[0][0]), int(newest[0][1] or 0), str(newest[0][2] or ""))
    if not newest[1]:
        return Versions(shared, shared, is_slave=False)
    local = Half(str(newest[1][0]), int(newest[1][1] or 0), str(newest[1][2] or ""))
    return Versions(shared, local, is_slave=bool(newest[1][3]))


def _newest(link: "Link", table: str) -> "list[Any]":
    extra = ", is_slave" if table.startswith("local") else ""
    rows = link.fetch(f"SELECT version, timestamp, comment{extra} FROM {table} ORDER BY oid DESC LIMIT 1")  # noqa: S608 (two names)
    return list(rows[0]) if rows else []


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The options of ``onedb version``."""
    parser = subparsers.add_parser(
        "version", description="Shows the version of the database. Exit codes: 0, 1, 2, 3, 255."
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(arguments: argparse.Namespace) -> int:
    """Print the versions; returns the state."""
    settings = database_settings(arguments)
    versions = None
    if settings.backend != "sqlite" or settings.path.exists():
        with open_link(settings) as link:
            versions = read_versions(link)
    state = EMPTY if versions is None else versions.state
    if arguments.json:
        sys.stdout.write(json.dumps(_document(versions, state)) + "\n")
    elif versions is None:
        sys.stdout.write(NOT_BOOTSTRAPPED + "\n")
    else:
        sys.stdout.write((_long if arguments.verbose else _short)(versions) + _verdict(state))
    return state


def _document(versions: Versions | None, state: int) -> dict[str, object]:
    document: dict[str, object] = {"state": _STATES[state], "required": REQUIRED}
    if versions is not None:
        document |= {"shared": vars(versions.shared), "local": vars(versions.local), "slave": versions.is_slave}
    return document


def _short(versions: Versions) -> str:
    return (
        f"Shared: {versions.shared.version}\nLocal:  {versions.local.version}\n"
        f"Required shared version: {REQUIRED}\nRequired local version:  {REQUIRED}\n"
    )


def _block(label: str, half: Half) -> str:
    when = time.strftime("%m/%d %H:%M:%S", time.localtime(half.timestamp))
    return (
        f"{label:<25}{half.version}\nRequired version:        {REQUIRED}\nTimestamp: {when}\n"
        f"Comment:   {half.comment}\n"
    )


def _long(versions: Versions) -> str:
    slave = "\nThis database is a federation slave\n" if versions.is_slave else ""
    shared, local = (
        _block("Shared tables version:", versions.shared),
        _block("Local tables version:", versions.local),
    )
    return f"{shared}\n{local}{slave}\n"


def _verdict(state: int) -> str:
    if state == OLDER:
        return f"\nUpdate required. Expected DB version is:\nLocal:  {REQUIRED}\nShared: {REQUIRED}\n"
    return "\nWARNING: Source version is lower than DB version\n" if state == NEWER else ""
