"""``onedb backup``, ``verify`` and ``restore``, with the options and messages of OpenNebula 6.0."""

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from onedb.connection import database_settings
from onedb.errors import OnedbError, UsageError

if TYPE_CHECKING:
    from oned.config import DatabaseSettings
    from onedb.backup.result import Result
    from onedb.upgrade.progress import Listener

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
        add_json(parser)


def add_json(parser: argparse.ArgumentParser) -> None:
    """The option ``--json``, as ``upgrade`` has it."""
    parser.add_argument(
        "--json", action="store_true", help="print a JSON object a line: progress, then the result"
    )


def run(arguments: argparse.Namespace) -> int:
    """Run the one that was asked for; 0, or :class:`OnedbError`."""
    if arguments.command == "verify":
        return _verify(arguments)
    settings = database_settings(arguments)
    return _backup(arguments, settings) if arguments.command == "backup" else _restore(arguments, settings)


def listener_of(arguments: argparse.Namespace) -> "Listener":
    """What tells of a run as the options want it."""
    from onedb.backup.meter import paced
    from onedb.upgrade.progress import Printer

    printer = Printer(as_json=arguments.json, verbose=arguments.verbose)
    return printer if arguments.verbose else paced(printer)


def say(arguments: argparse.Namespace, result: "Result", text: str, **more: object) -> None:
    """The end of a run: ``text``, or all that there is to know as JSON."""
    if not arguments.json:
        sys.stdout.write(text + "\n")
        return
    document = {
        "result": arguments.command,
        "file": str(result.path),
        "rows": result.rows,
        "tables": {name: tally.rows for name, tally in result.tables.items()},
        "bytes": result.size,
        "seconds": round(result.seconds, 3),
    }
    sys.stdout.write(json.dumps(document | more) + "\n")


def _backup(arguments: argparse.Namespace, settings: "DatabaseSettings") -> int:
    from onedb.backup.result import default_name
    from onedb.backup.retention import keep_newest
    from onedb.backup.writer import backup

    keep, federated = arguments.keep, arguments.federated
    if keep is not None and keep < 1:
        raise UsageError(f"--keep {keep} would keep none.", todo="Give a number from 1 on.")
    path = arguments.file or default_name(settings, federated=federated)
    made = backup(settings, path, listener_of(arguments), overwrite=arguments.force, federated=federated)
    removed = keep_newest(path, keep) if keep is not None else []
    label = "Sqlite database backup" if settings.backend == "sqlite" else "MySQL dump"
    lines = [
        f"{label} stored in {path}",
        f"Read back and compared: {made.rows} rows, {made.size} bytes, {made.seconds:.2f} s.",
        "Use 'onedb restore' to restore the DB.",
        *(f"Removed the old backup {old}" for old in removed),
    ]
    say(arguments, made, "\n".join(lines), removed=[str(old) for old in removed])
    return 0


def _verify(arguments: argparse.Namespace) -> int:
    from onedb.backup.reader import verify

    read = verify(arguments.file, listener_of(arguments))
    found = read.contents
    versions = ", ".join(f"{name} {version}" for name, version in sorted(found.versions.items())) or "no version"
    proof = "proven by its checksums" if found.program == "onedb" else "complete, without checksums to prove it"
    text = f"{read.path}: {len(found.tables)} tables, {read.rows} rows, {versions}; {proof} ({found.program})."
    say(arguments, read, text, versions=found.versions, program=found.program, whole=found.whole)
    return 0


def _restore(arguments: argparse.Namespace, settings: "DatabaseSettings") -> int:
    from onedb.backup.restore import restore
    from onedb.link import open_link
    from onedb.upgrade.guard import no_oned, only_one

    path: Path = arguments.file
    if not path.exists():
        raise OnedbError(f"File {path} doesn't exist, backup restoration aborted.", todo="Name a backup.")
    tell, federated = listener_of(arguments), arguments.federated
    sqlite = settings.backend == "sqlite"
    if sqlite and not settings.path.exists():
        done = restore(settings, path, tell, federated=federated)
    else:
        with open_link(settings) as link, only_one(link, settings):
            no_oned(link, settings)
            done = restore(settings, path, tell, overwrite=arguments.force, federated=federated)
    place = f"{settings.name} at {settings.server}"
    text = f"Sqlite database backup restored in {settings.path}" if sqlite else f"MySQL DB {place} restored."
    say(arguments, done, text, versions=done.contents.versions)
    return 0
