"""``onedb backup``, ``verify`` and ``restore``, with the options and messages of OpenNebula 6.0."""

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from onedb.connection import database_settings
from onedb.errors import OnedbError, UsageError

if TYPE_CHECKING:
    from oned.config import DatabaseSettings

_HELP = {
    "backup": "write the database to a file and prove that it can be read",
    "verify": "read a backup completely and tell what it holds",
    "restore": "bring a backup back, all of it or nothing",
}


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The parsers of the three."""
    for name, text in _HELP.items():
        parser = subparsers.add_parser(name, help=text, description=text.capitalize() + ".")
        parser.add_argument("file", type=Path, nargs="?" if name == "backup" else None, help="the backup")
        if name != "verify":
            parser.add_argument("-f", "--force", action="store_true", help="take the place of what is there")
            parser.add_argument(
                "--federated", action="store_true", help="only the tables that a federation shares"
            )
        if name == "backup":
            parser.add_argument(
                "--keep", metavar="N", type=int, help="remove all but the N newest of these backups"
            )


def run(arguments: argparse.Namespace) -> int:
    """Run the one that was asked for; 0, or :class:`OnedbError`."""
    if arguments.command == "verify":
        return _verify(arguments.file)
    settings = database_settings(arguments)
    return _backup(arguments, settings) if arguments.command == "backup" else _restore(arguments, settings)


def default_name(settings: "DatabaseSettings", *, federated: bool) -> Path:
    """Where a backup goes when nobody says: the names of OpenNebula's, below ``/var/lib/one``."""
    now = time.localtime()
    moment = f"{now.tm_year}-{now.tm_mon}-{now.tm_mday}_{now.tm_hour}:{now.tm_min}:{now.tm_sec}"
    part = "federated_" if federated else ""
    if settings.backend == "sqlite":
        return settings.path.with_name(f"one.db_{part}{moment}.bck")
    server = settings.server.replace("/", "_")
    return settings.path.with_name(f"mysql_{server}_{settings.name}_{part}{moment}.sql")


def _backup(arguments: argparse.Namespace, settings: "DatabaseSettings") -> int:
    from onedb.backup.retention import keep_newest
    from onedb.backup.writer import backup

    keep = arguments.keep
    if keep is not None and keep < 1:
        raise UsageError(f"--keep {keep} would keep none.", todo="Give a number from 1 on.")
    path = arguments.file or default_name(settings, federated=arguments.federated)
    made = backup(settings, path, overwrite=arguments.force, federated=arguments.federated)
    label = "Sqlite database backup" if settings.backend == "sqlite" else "MySQL dump"
    sys.stdout.write(f"{label} stored in {path}\n")
    sys.stdout.write(f"Read back and compared: {made.rows} rows, {made.size} bytes, {made.seconds:.2f} s.\n")
    sys.stdout.write("Use 'onedb restore' to restore the DB.\n")
    if keep is not None:
        for old in keep_newest(path, keep):
            sys.stdout.write(f"Removed the old backup {old}\n")
    return 0


def _verify(path: Path) -> int:
    from onedb.backup.reader import verify

    found = verify(path)
    versions = ", ".join(f"{name} {version}" for name, version in sorted(found.versions.items())) or "no version"
    rows = sum(tally.rows for tally in found.tables.values())
    proof = "proven by its checksums" if found.program == "onedb" else "complete, without checksums to prove it"
    sys.stdout.write(f"{path}: {len(found.tables)} tables, {rows} rows, {versions}; {proof} ({found.program}).\n")
    return 0


def _restore(arguments: argparse.Namespace, settings: "DatabaseSettings") -> int:
    from onedb.backup.restore import restore
    from onedb.link import open_link
    from onedb.upgrade.guard import no_oned, only_one

    path: Path = arguments.file
    if not path.exists():
        raise OnedbError(f"File {path} doesn't exist, backup restoration aborted.", todo="Name a backup.")
    sqlite = settings.backend == "sqlite"
    if sqlite and not settings.path.exists():
        restore(settings, path, federated=arguments.federated)
    else:
        with open_link(settings) as link, only_one(link, settings):
            no_oned(link, settings)
            restore(settings, path, overwrite=arguments.force, federated=arguments.federated)
    place = f"{settings.name} at {settings.server}"
    said = f"Sqlite database backup restored in {settings.path}" if sqlite else f"MySQL DB {place} restored."
    sys.stdout.write(f"{said}\n")
    return 0
