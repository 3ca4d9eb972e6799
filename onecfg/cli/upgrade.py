"""``onecfg upgrade``: exit code 0, or 255 when something failed and nothing was changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from onecfg.cli.output import FAILURE, Log, logging
from onecfg.disk import backup, transaction
from onecfg.model import PatchError, Status
from onecfg.patch import Report, apply
from onecfg.upgrades import migrations, state, versions
from onecfg.upgrades.migrations import Migration
from onecfg.upgrades.modes import Modes
from onecfg.upgrades.state import State
from onecfg.upgrades.upgrade import SNAPSHOT, Plan, UpgradeError, prepare
from onecfg.upgrades.versions import Version, VersionError
from onelib.locations import Locations


@dataclass(frozen=True)
class _Options:
    """What the command line says besides the versions."""

    noop: bool
    unprivileged: bool
    recreate: bool
    modes: Modes
    snapshot: Path | None
    backups: Path


@click.command()
@click.option(
    "--from", "from_version", metavar="VERSION", help="Version of the configuration (default: recorded)."
)
@click.option("--to", "to_version", metavar="VERSION", help="Version to upgrade to (default: OpenNebula's).")
@click.option("-n", "--noop", is_flag=True, help="Tell what would be done, change nothing.")
@click.option("--unprivileged", is_flag=True, help="Leave the owner of new files alone.")
@click.option(
    "--patch-modes",
    multiple=True,
    metavar="MODES[:FILE[:VERSION]]",
    help="skip, force or replace, for all files or for one; may be given several times.",
)
@click.option("--patch-strict", is_flag=True, help="Fail where a place to change is gone.")
@click.option("--patch-safe", is_flag=True, help="Leave such a change out (default).")
@click.option("--recreate", is_flag=True, help="Bring back files that were deleted, as they are shipped.")
@click.option("--prefix", metavar="DIR", help="Root of the tree to upgrade (default: /).")
@click.option("--read-from", metavar="DIR", help="Take the configuration to upgrade from this snapshot.")
@logging
def upgrade(
    from_version: str | None,
    to_version: str | None,
    *,
    noop: bool,
    unprivileged: bool,
    patch_modes: tuple[str, ...],
    patch_strict: bool,
    patch_safe: bool,  # noqa: ARG001 - the default
    recreate: bool,
    prefix: str | None,
    read_from: str | None,
    log: Log,
) -> int:
    """Bring the configuration to the version of the OpenNebula that is installed.

    Values that differ from those of the old release stay as they are. All files change together, or none does.
    """
    here = Locations.from_environment()
    locations = Locations(Path(prefix)) if prefix else here
    modes = Modes.parse(patch_modes, strict=patch_strict)
    if settled := transaction.recover(locations):
        log.print("WARN", settled)
    current = state.load(locations)
    source, target = _source(from_version, current), _target(to_version)
    log.info(f"Checking updates from {source} to {target}")
    if current.backup:
        log.print("ANY", "Found backed up configuration to process!")
    chain = migrations.chain(source, target)
    if not chain:
        return _nothing(current, locations, log, noop=noop)
    if current.outdated:
        raise UpgradeError(
            "The configuration is outdated: the snapshot of an earlier upgrade was never processed.",
            todo="Upgrade to that release first, or record the version: onecfg init --force --to VERSION.",
        )
    snapshot = read_from or current.backup
    if snapshot:
        log.print("ANY", f"Snapshot to update from '{snapshot}'")
    options = _Options(
        noop, unprivileged, recreate, modes, Path(snapshot) if snapshot else None, backup.base(here)
    )
    log.info(f"Updating from {source} to {target}")
    try:
        return _upgrade(chain, current, locations, options, log)
    except PatchError as error:
        log.fail("FATAL", f"** TERMINATING UPDATE WITHOUT CHANGING SYSTEM ** {error}", error)
        return FAILURE


def _source(text: str | None, current: State) -> Version:
    version = Version.parse(text) if text else current.version
    if version is None:
        raise VersionError(
            "Unknown version of the configuration.", todo="Name it with --from, or record it: onecfg init."
        )
    return migrations.require(version)


def _target(text: str | None) -> Version:
    return migrations.require(Version.parse(text) if text else versions.detect())


def _nothing(current: State, locations: Locations, log: Log, *, noop: bool) -> int:
    """No migration leads on; a snapshot that waits for one has been dealt with by that."""
    if current.backup and not noop:
        state.save(current.updated(None), locations)
        log.print("ANY", "No updates for the backed up configuration. It counts as processed.")
    else:
        log.print("ANY", "No updates available")
    log.result({"updated": False, "version": current.version and str(current.version), "changed": [], "kept": []})
    return 0


def _upgrade(chain: Sequence[Migration], current: State, locations: Locations, options: _Options, log: Log) -> int:
    plan = prepare(chain, locations, options.modes, snapshot=options.snapshot, recreate=options.recreate)
    for severity, text in plan.messages:
        if severity == "INFO":
            log.info(text)
        else:
            log.print(severity, text)
    stored: list[Path] = []

    def keep() -> None:
        names = list(dict.fromkeys(change.file for change in plan.changes))
        if current.path == locations.under(state.FILE):
            names.append(state.FILE)
        stored.append(backup.store(names, locations, options.backups, command="upgrade"))
        log.print("ANY", f"Backup stored in '{stored[0]}'")

    report = apply(
        plan.changes,
        locations,
        dry_run=options.noop,
        unprivileged=options.unprivileged,
        policy=plan.policy,
        also=[current.updated(plan.version)],
        before_saving=keep,
    )
    _tell(report, log)
    if options.noop:
        log.info("Changes ARE NOT saved in no-op mode!")
    else:
        log.print("ANY", f"Configuration updated to {plan.version}")
    log.result(_as_data(plan, report, str(stored[0])))
    return 0


def _tell(report: Report, log: Log) -> None:
    for warning in report.warnings:
        log.print("WARN", warning)
    for one in report.outcomes:
        if one.change.origin != SNAPSHOT:
            mark = "[OK]" if one.status is Status.APPLIED else "[--]"
            log.debug(f"Patch {mark} {one}")
    for one in report.not_applicable:
        log.info(f"Kept {one.change.file} {one.change.where}: {one.result.reason}")


def _as_data(plan: Plan, report: Report, stored: str) -> dict[str, object]:
    """The result for machines. Values stay out: they may be passwords."""
    return {
        "updated": report.saved,
        "version": str(plan.version),
        "backup": stored,
        "changed": list(report.changed),
        "kept": [
            {"file": one.change.file, "path": one.change.where, "reason": one.result.reason}
            for one in report.not_applicable
        ],
        "messages": [text for severity, text in plan.messages if severity != "INFO"],
    }
