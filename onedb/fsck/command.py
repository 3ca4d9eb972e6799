"""``onedb fsck``: finds inconsistencies of a database that no server uses, and repairs them.

Exit codes: 0 nothing is left to repair, 1 something needs a person, 2 a dry run found only what a run would repair,
255 the check could not be made and nothing was changed.
"""

import argparse
import contextlib
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from onedb.connection import database_settings
from onelib.locations import Locations

if TYPE_CHECKING:
    from oned.config import DatabaseSettings
    from onedb.fsck.finding import Finding
    from onedb.fsck.run import Outcome

CLEAN, UNREPAIRED, REPAIRABLE = 0, 1, 2
_LOG = "onedb-fsck.log"


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The options of ``onedb fsck``."""
    parser = subparsers.add_parser(
        "fsck",
        description="Finds and repairs inconsistencies of the database, with OpenNebula stopped. Exit codes: 0 "
        "consistent now, 1 something needs a person, 2 --dry-run found what can be repaired, 255 it could not be done.",
    )
    parser.add_argument("-b", "--backup", metavar="FILE", type=Path, help="the backup made before repairs")
    parser.add_argument("-f", "--force", action="store_true", help="overwrite FILE; work beside open sessions")
    parser.add_argument("--no-backup", action="store_true", help="repair without a backup")
    parser.add_argument("--dry-run", "--dry", action="store_true", dest="dry", help="only tell what is wrong")


def run(arguments: argparse.Namespace) -> int:
    """Check and repair; returns the exit code."""
    from onedb.current import check_version, opened
    from onedb.fsck.run import run as run_checks
    from onedb.link import open_link
    from onedb.upgrade.guard import no_oned, only_one

    settings = database_settings(arguments)
    check_version(settings)
    with _report() as streams, open_link(settings) as link, only_one(link, settings):
        if not arguments.force:
            no_oned(link, settings)

        def tell(name: str, finding: "Finding | None") -> None:
            if finding is not None:
                _write(streams, finding.line)
            elif arguments.verbose:
                sys.stdout.write(f"  > {name}\n")

        def before_commit() -> None:
            if not arguments.no_backup:
                _back_up(settings, arguments.backup, force=arguments.force)

        with opened(settings) as engine:
            outcome = run_checks(engine, tell, dry=arguments.dry, before_commit=before_commit)
        _write(streams, _summary(outcome, dry=arguments.dry))
    if outcome.unrepaired:
        return UNREPAIRED
    return REPAIRABLE if arguments.dry and outcome.repaired else CLEAN


def _back_up(settings: "DatabaseSettings", path: Path | None, *, force: bool) -> None:
    """Keep the database as it was: nothing of the repair is committed yet."""
    from onedb.backup.writer import backup

    if path is None:
        folder = Locations.from_environment().backups / "db"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"fsck-{time.strftime('%Y%m%d-%H%M%S')}-{time.time_ns() % 10**9:09}.sql"
    sys.stdout.write(f"Backup of the database before the repair: {backup(settings, path, overwrite=force).path}\n")


def _summary(outcome: "Outcome", *, dry: bool) -> str:
    word = "that a run would repair" if dry else "repaired"
    return (
        f"\nTotal errors found: {len(outcome.findings)}\nTotal errors {word}: {outcome.repaired}\n"
        f"Total errors unrepaired: {outcome.unrepaired}"
    )


def _write(streams: list[TextIO], text: str) -> None:
    for stream in streams:
        stream.write(f"{text}\n")


@contextlib.contextmanager
def _report() -> Iterator[list[TextIO]]:
    """Where findings go: standard output, and the log when there is a folder for it."""
    path = Locations.from_environment().log / _LOG
    with contextlib.ExitStack() as stack:
        streams: list[TextIO] = [sys.stdout]
        with contextlib.suppress(OSError):
            streams.append(stack.enter_context(path.open("w", encoding="utf-8")))
        yield streams
        if len(streams) > 1:
            sys.stdout.write(f"A copy of this output was stored in {path}\n")
