"""``onedb create-index``: the full-text index in which lists of machines are searched, on MariaDB."""

import argparse
import sys

from onedb.connection import database_settings
from onedb.current import check_version
from onedb.errors import UsageError
from onedb.link import open_link

_INDEX = "ftidx"


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The options of ``onedb create-index``."""
    parser = subparsers.add_parser(
        "create-index", description="Makes the index for searches of machines (MariaDB)."
    )
    parser.add_argument("--recreate", action="store_true", help="make it anew when it is there")


def run(arguments: argparse.Namespace) -> int:
    """Make the index; nothing when it is there. With ``--recreate`` it is replaced by one statement."""
    settings = database_settings(arguments)
    if settings.backend == "sqlite":
        raise UsageError(
            "This is operation is not supported for sqlite backend.", todo="SQLite searches without one."
        )
    check_version(settings)
    with open_link(settings) as link:
        there = bool(link.fetch("SHOW INDEX FROM vm_pool WHERE Key_name = %s", (_INDEX,)))
        if there and not arguments.recreate:
            sys.stdout.write(f"The index {_INDEX} is there.\n")
            return 0
        drop = f"DROP INDEX {_INDEX}, " if there else ""
        link.fetch(f"ALTER TABLE vm_pool {drop}ADD FULLTEXT INDEX {_INDEX} (search_token)")
    sys.stdout.write(f"The index {_INDEX} was made.\n")
    return 0
