"""``onecfg patch``: exit code 0 when all changes were applied, 1 when some were, 255 otherwise (SR1.3, Table 1.9)."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from onecfg.cli.output import FAILURE, Log, logging
from onecfg.disk import backup
from onecfg.disk.files import BASES
from onecfg.model import PatchError
from onecfg.patch import FORMATS, MAX_BYTES, Outcome, Report, Status, apply, parse
from onelib.locations import Locations


@click.command()
@click.argument("file", required=False)
@click.option(
    "--format",
    "patch_format",
    help="Format of the patch: line or yaml (default: yaml when its first line is ---).",
)
@click.option("-a", "--all", "require_all", is_flag=True, help="Change nothing unless every change applies.")
@click.option("-n", "--noop", is_flag=True, help="Tell what would be done, change nothing.")
@click.option("--idempotent", is_flag=True, help="A change that is already in place counts as applied.")
@click.option("--prefix", metavar="DIR", help="Root of the tree to patch (default: /).")
@click.option("--unprivileged", is_flag=True, help="Leave the owner of new files alone.")
@logging
def patch(
    file: str | None,
    *,
    patch_format: str | None,
    require_all: bool,
    noop: bool,
    idempotent: bool,
    prefix: str | None,
    unprivileged: bool,
    log: Log,
) -> int:
    """Apply the changes of FILE, or of standard input.

    In the line format, one change per line: FILENAME ins|set|rm PATH [JSON VALUE]. The exit code is 0 when all
    changes were applied, 1 when some were, 255 when none was or something failed.
    """
    if patch_format is not None and patch_format not in FORMATS:
        click.echo(f"Unsupported format '{patch_format}'. Available formats - {', '.join(FORMATS)}", err=True)
        return FAILURE
    if file is None and sys.stdin.isatty():
        click.echo("No patch file or data on standard input found.", err=True)
        return FAILURE
    here = Locations.from_environment()
    locations = Locations(Path(prefix)) if prefix else here
    changes = parse(_read(file), file or "standard input", patch_format)
    if not changes:
        log.print("ERROR", "No changes to apply")
        return FAILURE
    _refuse_links(locations)
    names = list(dict.fromkeys(change.file for change in changes))
    log.info(f"Applying patch to {len(names)} files")
    stored: list[Path] = []

    def keep() -> None:
        # Only now, so that a patch that is refused again and again does not fill the disk.
        stored.append(backup.store(names, locations, backup.base(here)))
        log.print("ANY", f"Backup stored in '{stored[0]}'")

    report = apply(
        changes,
        locations,
        require_all=require_all,
        idempotent=idempotent,
        dry_run=noop,
        unprivileged=unprivileged,
        before_saving=keep,
    )
    log.result(_as_data(report, stored))
    return _tell(report, names, log, require_all=require_all, noop=noop, idempotent=idempotent)


def _as_data(report: Report, stored: list[Path]) -> dict[str, object]:
    """The report for machines. Values stay out: they may be passwords."""
    return {
        "saved": report.saved,
        "backup": str(stored[0]) if stored else None,
        "changed": list(report.changed),
        "changes": [
            {
                "file": one.change.file,
                "command": one.change.command,
                "path": one.change.where,
                "origin": one.change.origin,
                "status": one.status,
                "counts": one.result.counts,
                "reason": one.result.reason,
            }
            for one in report.outcomes
        ],
        "warnings": list(report.warnings),
    }


def _tell(
    report: Report, names: Sequence[str], log: Log, *, require_all: bool, noop: bool, idempotent: bool
) -> int:
    """Say what became of the patch and return the exit code."""
    for warning in report.warnings:
        log.print("WARN", warning)
    for name in names:
        _report_file(name, report, log, idempotent=idempotent)
    good, total = report.count(idempotent=idempotent)
    if not good:
        log.print("ERROR", "No changes applied")
        return FAILURE
    if require_all and good < total:
        log.print("ERROR", f"Modifications not saved due to {total - good} unapplied changes!")
        return FAILURE
    log.info(f"Applied {good}/{total} changes")
    if noop:
        log.info("Changes ARE NOT saved in no-op mode!")
    return 0 if good == total else 1


def _report_file(name: str, report: Report, log: Log, *, idempotent: bool) -> None:
    good, total = report.count(name, idempotent=idempotent)
    log.info(f"Patched '{name}' with {good}/{total} changes")
    log.debug(f"--- PATCH REPORT '{name}' --- ")
    for outcome in report.outcomes:
        if outcome.change.file == name:
            log.debug(_line(outcome, idempotent=idempotent))


def _line(outcome: Outcome, *, idempotent: bool) -> str:
    """One change in the report. Its value stays out: it may be a password."""
    good = outcome.result.counts or (idempotent and outcome.status is Status.IN_PLACE)
    change = outcome.change
    words = [
        "Patch [OK]" if good else "Patch [--]",
        "replace" if outcome.result.replaced else "",
        change.command.value,
        change.where,
        f"({outcome.result.reason})" if outcome.result.reason else "",
    ]
    return " ".join(word for word in words if word)


def _read(file: str | None) -> bytes:
    """The patch, at most a byte more than it may have. Raises ``PatchError``."""
    if file is None:
        return sys.stdin.buffer.read(MAX_BYTES + 1)
    try:
        with Path(file).open("rb") as stream:
            return stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise PatchError(f"'{file}' cannot be read: {error.strerror}.", todo="Name a patch file.") from None


def _refuse_links(locations: Locations) -> None:
    """Raise ``PatchError`` for a symbolic link below the folders of configuration, as upstream does."""
    bases = [path.parent.resolve() / path.name for path in map(locations.under, BASES)]
    for base in bases:
        for folder, folders, files in os.walk(base.resolve()):
            folders[:] = [name for name in folders if not name.startswith(".")]
            for name in [*folders, *files]:
                path = Path(folder, name)
                if not name.startswith(".") and path.is_symlink() and path not in bases:
                    raise PatchError(f"'{path}' is a symbolic link.", todo="Put the file itself there.")
