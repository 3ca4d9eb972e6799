"""``onedb upgrade``: exit codes 0 done or nothing to do, 254 the version cannot be read, 255 anything else."""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from onedb.connection import database_settings
from onedb.errors import OnedbError, UsageError

if TYPE_CHECKING:
    from oned.config import DatabaseSettings
    from onedb.upgrade.progress import Printer
    from onedb.upgrade.run import Options, Outcome

UP_TO_DATE = "Database schema is up to date."


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The options of ``onedb upgrade``."""
    parser = subparsers.add_parser(
        "upgrade", description="Brings the database to this release, or leaves it as it is."
    )
    parser.add_argument("target", nargs="?", help="accepted for the habit; the release decides")
    backup = parser.add_mutually_exclusive_group()
    backup.add_argument("-b", "--backup", metavar="FILE", type=Path, help="where the backup goes")
    backup.add_argument(
        "--no-backup", action="store_true", help="make none; the upgrade can be taken back all the same"
    )
    parser.add_argument(
        "-f", "--force", action="store_true", help="overwrite the backup; go on beside other sessions"
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--dry-run", action="store_true", help="check everything and change nothing")
    parser.add_argument(
        "--from-backup",
        metavar="FILE",
        type=Path,
        help="upgrade what FILE holds, and put it in the database's place",
    )
    what.add_argument("--rollback", action="store_true", help="put back the tables from before the last upgrade")
    what.add_argument("--confirm", action="store_true", help="remove the tables from before the last upgrade")
    parser.add_argument(
        "--json", action="store_true", help="print a JSON object a line: progress, then the result"
    )


def run(arguments: argparse.Namespace) -> int:
    """Upgrade, go back or confirm; returns the exit code."""
    from onedb.upgrade import run as work

    settings = database_settings(arguments)
    if arguments.rollback or arguments.confirm:
        if arguments.from_backup:
            raise UsageError("--from-backup goes with neither --rollback nor --confirm.", todo="Use one of them.")
        back = arguments.rollback
        names = work.rollback(settings, force=arguments.force) if back else work.confirm(settings)
        text = "The old tables are back" if back else "The old tables are removed"
        _say(
            arguments,
            {"result": "rollback" if back else "confirm", "tables": names},
            f"{text}: {', '.join(names)}.",
        )
        return 0
    return _upgrade(arguments, settings)


def _upgrade(arguments: argparse.Namespace, settings: "DatabaseSettings") -> int:
    from onedb.backup.result import default_name
    from onedb.upgrade.progress import Printer
    from onedb.upgrade.run import Options, upgrade

    file = None if arguments.no_backup or arguments.dry_run else (arguments.backup or default_name(settings))
    if file is not None and file.exists() and not arguments.force:
        raise OnedbError(f"File {file} exists, backup aborted. Use -f to overwrite.", todo="Nothing was changed.")
    options = Options(backup=file, force=arguments.force, dry_run=arguments.dry_run)
    printer = Printer(as_json=arguments.json, verbose=arguments.verbose)
    if arguments.from_backup is not None:
        if file is not None and file.exists() and file.samefile(arguments.from_backup):
            raise UsageError(f"{file} would be overwritten before it is read.", todo="Name another --backup.")
        return _from_backup(arguments, settings, options, printer)
    outcome = upgrade(settings, options, printer)
    made = file if outcome.changed else None
    document = {"result": "dry-run" if arguments.dry_run else "upgrade", "backup": str(made) if made else None}
    _say(arguments, document | asdict(outcome), _text(outcome, made, dry_run=arguments.dry_run))
    return 0


def _from_backup(
    arguments: argparse.Namespace, settings: "DatabaseSettings", options: "Options", printer: "Printer"
) -> int:
    from onedb.backup.meter import paced
    from onedb.upgrade.from_backup import look, upgrade_from_backup

    tell = printer if arguments.verbose else paced(printer)
    file, made = arguments.from_backup, None
    if options.dry_run:
        outcome = look(file, tell)
    else:
        arrived = upgrade_from_backup(settings, file, options, tell)
        outcome, made = arrived.outcome, arrived.backup
    kept = f"The backup of the database from before is {made}.\n" if made else ""
    text = (
        f"An upgrade would bring {_change(outcome)}. Nothing was changed."
        if options.dry_run
        else f"{kept}The database holds what was in {file}, {_change(outcome)}, in {outcome.seconds:.2f} s."
    )
    document = {"result": "dry-run" if options.dry_run else "upgrade", "from": str(file)}
    _say(arguments, document | {"backup": str(made) if made else None} | asdict(outcome), text)
    return 0


def _change(outcome: "Outcome") -> str:
    return f"shared {outcome.before[0]} to {outcome.after[0]}, local {outcome.before[1]} to {outcome.after[1]}"


def _text(outcome: "Outcome", backup: Path | None, *, dry_run: bool) -> str:
    if not outcome.changed:
        return UP_TO_DATE
    change, tables = _change(outcome), ", ".join(outcome.tables)
    if dry_run:
        return f"An upgrade would bring {change}, and write anew: {tables}. Nothing was changed."
    kept = f"The backup is {backup}.\n" if backup else ""
    return (
        f"{kept}Upgraded {change}: {outcome.rows} rows in {outcome.seconds:.2f} s.\n"
        "The tables from before are kept: onedb upgrade --rollback puts them back, --confirm removes them."
    )


def _say(arguments: argparse.Namespace, document: dict[str, object], text: str) -> None:
    sys.stdout.write((json.dumps(document) if arguments.json else text) + "\n")
