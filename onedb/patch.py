"""``onedb patch``: runs a script of the operator's on the database, in one transaction.

The script is Python. ``VERSION`` and ``LOCAL_VERSION`` name the database it is for, ``HOT = True`` says that it may run
beside a server, and ``patch(records, extra)`` does the work with :class:`onedb.fsck.records.Records`; what it raises
undoes all of it.
"""

import argparse
import runpy
import sys
import time
from pathlib import Path
from typing import Any

from onedb.backup.writer import backup
from onedb.connection import database_settings
from onedb.current import check_version, opened
from onedb.errors import OnedbError
from onedb.fsck.records import Records
from onedb.link import open_link
from onedb.upgrade.guard import no_oned, only_one
from onedb.version import REQUIRED


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The options of ``onedb patch``."""
    parser = subparsers.add_parser(
        "patch", description="Runs a Python script on the database, in one transaction."
    )
    parser.add_argument("file", metavar="FILE", type=Path)
    parser.add_argument("-b", "--backup", metavar="FILE", type=Path, help="make a backup before")
    parser.add_argument("--extra", metavar="A,B", default="", help="words for the script")


def run(arguments: argparse.Namespace) -> int:
    """Run the script and commit."""
    settings = database_settings(arguments)
    check_version(settings)
    script = _load(arguments.file)
    wanted = (script.get("VERSION"), script.get("LOCAL_VERSION"))
    if wanted != (REQUIRED, REQUIRED):
        raise OnedbError(
            f"Version mismatch: patch file is for version Shared: {wanted[0]}, Local: {wanted[1]}; current database is "
            f"version Shared: {REQUIRED}, Local: {REQUIRED}.",
            todo="Nothing was changed.",
        )
    begin = time.monotonic()
    with open_link(settings) as link, only_one(link, settings):
        if not script.get("HOT"):
            no_oned(link, settings)
        if arguments.backup is not None:
            backup(settings, arguments.backup)
        with opened(settings) as engine, engine.begin() as connection:
            script["patch"](Records(connection), [word for word in arguments.extra.split(",") if word])
    if arguments.verbose:
        sys.stdout.write(f"  > Done\n  > Total time: {time.monotonic() - begin:.2f}s\n")
    return 0


def _load(path: Path) -> dict[str, Any]:
    """The names of the script. Raises :class:`OnedbError`."""
    if not path.is_file():
        raise OnedbError(f"File was not found: {path}.")
    try:
        names = runpy.run_path(str(path), run_name="onedb_patch")
    except (SyntaxError, ValueError) as error:
        raise OnedbError(f"{path} is no Python script: {error}.", todo="Scripts in Ruby are not run.") from None
    if not callable(names.get("patch")):
        raise OnedbError(f"{path} has no function patch(records, extra).", todo="See docs/onedb.md.")
    return names
