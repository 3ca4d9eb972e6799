"""``onedb sqlite2mysql``: from the SQLite file of ``-s`` into the MariaDB database of the other options."""

import argparse
import json
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from onedb.backup.commands import add_json, listener_of
from onedb.connection import database_settings
from onedb.errors import OnedbError, UnreachableError
from onedb.link import Link, open_link
from onedb.version import CURRENT, REQUIRED, Versions, read_versions

if TYPE_CHECKING:
    from oned.config import DatabaseSettings
    from onedb.sqlite2mysql.move import Moved

_FIRST_EMPTY = (
    "vm_pool",
    "host_pool",
    "image_pool",
    "network_pool",
    "template_pool",
    "document_pool",
    "vrouter_pool",
)
"""Tables in which a first start puts nothing."""
_FIRST_USERS = 2


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The options of ``onedb sqlite2mysql``."""
    parser = subparsers.add_parser(
        "sqlite2mysql",
        description="Moves the SQLite database of --sqlite into the MariaDB database of the other options, all or "
        "nothing. The SQLite database stays as it is.",
    )
    parser.add_argument("-f", "--force", action="store_true", help="take the place of what MariaDB has")
    parser.add_argument("-b", "--backup", metavar="FILE", type=Path, help="where MariaDB's own backup goes")
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Check both, back up what MariaDB has, move; 0, or :class:`OnedbError`."""
    from onedb.sqlite2mysql.move import move
    from onedb.upgrade.guard import no_oned, only_one

    source, target = _settings(arguments)
    with ExitStack() as stack:
        links = []
        for settings in (source, target):
            link = stack.enter_context(open_link(settings))
            stack.enter_context(only_one(link, settings))
            no_oned(link, settings)
            links.append(link)
        has_rows = _check(links[0], links[1], target, force=arguments.force)
        backup = _back_up(arguments, target) if has_rows else None
        if not links[1].tables():
            links[1].fetch("ALTER DATABASE CHARACTER SET utf8mb4")  # as a first start does
        moved = move(source, target, listener_of(arguments))
    if arguments.json:
        document = {
            "result": "sqlite2mysql",
            "backup": str(backup) if backup else None,
            "rows": moved.rows,
            "tables": moved.tables,
            "left_out": moved.left_out,
            "seconds": round(moved.seconds, 3),
        }
        sys.stdout.write(json.dumps(document) + "\n")
    else:
        sys.stdout.write(_text(moved, backup, target))
    return 0


def _settings(arguments: argparse.Namespace) -> "tuple[DatabaseSettings, DatabaseSettings]":
    given = vars(arguments)
    none = dict.fromkeys(("server", "port", "username", "password_file", "dbname", "password"))
    source = database_settings(argparse.Namespace(**given | none | {"type": "sqlite"}))
    target = database_settings(argparse.Namespace(**given | {"type": "mysql", "sqlite": None}))
    if not source.path.exists():
        raise UnreachableError(
            f"File {source.path} doesn't exist.", todo="Name the SQLite database with --sqlite."
        )
    return source, target


def _check(source: Link, target: Link, settings: "DatabaseSettings", *, force: bool) -> bool:
    """Refuse what cannot be moved, and to lose rows unasked; whether the target has any."""
    ours, theirs = read_versions(source), read_versions(target)
    if ours is None:
        raise OnedbError("Database is not correctly bootstraped.", todo="Name the SQLite database with --sqlite.")
    if ours.state != CURRENT:
        raise OnedbError(
            f"SQLite version: {ours.shared.version}, SQLite local version: {ours.local.version}; {REQUIRED} is needed.",
            todo="Run onedb upgrade on it first; nothing was changed.",
        )
    if theirs is None:
        return False
    if _pair(ours) != _pair(theirs):
        raise OnedbError(
            f"SQLite version: {ours.shared.version}\nSQLite local version: {ours.local.version}\n"
            f"MySQL version: {theirs.shared.version}\nMySQL local version: {theirs.local.version}\n"
            "The MySQL and SQLite versions do not match.",
            todo="Use an empty database, or upgrade the older one; nothing was changed.",
        )
    if not force and not _is_first_start(target):
        raise OnedbError(f"MySQL database {settings.name} at {settings.server} exists, use -f to overwrite.")
    return True


def _pair(versions: Versions) -> tuple[str, str]:
    return versions.shared.version, versions.local.version


def _is_first_start(link: Link) -> bool:
    """Whether there is nothing but what a first start makes."""
    there = set(link.tables())
    tables = [name for name in _FIRST_EMPTY if name in there]
    used = any(link.fetch(f"SELECT 1 FROM {name} LIMIT 1") for name in tables)  # noqa: S608 (constants)
    return not used and int(link.fetch("SELECT COUNT(*) FROM user_pool")[0][0]) <= _FIRST_USERS


def _back_up(arguments: argparse.Namespace, target: "DatabaseSettings") -> Path:
    from onedb.backup.result import default_name
    from onedb.backup.writer import backup

    path = arguments.backup or default_name(target)
    return backup(target, path, listener_of(arguments), overwrite=arguments.force).path


def _text(moved: "Moved", backup: Path | None, target: "DatabaseSettings") -> str:
    lines = ["Starting migration from SQLite to MySQL"]
    if backup is not None:
        lines.append(f"MySQL dump stored in {backup}")
    lines += [f"> {name} ({rows} records)" for name, rows in moved.tables.items()]
    if moved.left_out:
        lines.append(f"Left out, as no front-end knows them: {', '.join(moved.left_out)}.")
    lines += [
        f"Every row was read back and compared: {moved.rows} rows in {moved.seconds:.2f} s.",
        "",
        "Migration successful.",
        f"Set DB of oned.conf to MySQL, database {target.name} at {target.server}; the SQLite file is as it was.",
    ]
    return "\n".join(lines) + "\n"
