"""``onedb history``: the versions that the database has had."""

import argparse
import sys
import time

from onedb.connection import database_settings
from onedb.errors import OnedbError
from onedb.link import open_link


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The options of ``onedb history``."""
    subparsers.add_parser("history", description="Shows the versions that the database has had.")


def run(arguments: argparse.Namespace) -> int:
    """Print the version rows of the shared half, the oldest first."""
    with open_link(database_settings(arguments)) as link:
        if "db_versioning" not in link.tables():
            raise OnedbError("No version records found.", todo="Check the options of the connection.")
        rows = link.fetch("SELECT version, timestamp, comment FROM db_versioning ORDER BY oid")
    for version, moment, comment in rows:
        when = time.strftime("%m/%d %H:%M:%S", time.localtime(int(moment or 0)))
        sys.stdout.write(f"Version:   {version}\nTimestamp: {when}\nComment:   {comment}\n\n")
    return 0
