"""Bring the configuration of one release to that of another, in one transaction.

>>> plan = prepare(chain(source, target), Locations(), Modes())
>>> report = apply(plan.changes, Locations(), policy=plan.policy, also=[state.updated(plan.version)])
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from onecfg.catalogue import existing
from onecfg.disk import files
from onecfg.model import Change, Command, NewFile, PatchError, Policy
from onecfg.upgrades.migrations import Migration, NoDefaultError, creation
from onecfg.upgrades.migrations.before import Before
from onecfg.upgrades.modes import Modes
from onecfg.upgrades.versions import Version
from onelib.locations import Locations

SNAPSHOT = "snapshot"
"""The origin of changes that bring a file of a snapshot."""


class UpgradeError(PatchError):
    """An upgrade cannot be prepared."""


@dataclass
class Plan:
    """All that an upgrade does.

    ``version`` is that of the configuration afterwards, ``messages`` are severities and texts for the log.
    """

    version: Version
    changes: list[Change] = field(default_factory=list)
    messages: list[tuple[str, str]] = field(default_factory=list)
    _policies: dict[int, Policy] = field(default_factory=dict)

    def add(self, change: Change, policy: Policy) -> None:
        """Append ``change``."""
        self.changes.append(change)
        self._policies[id(change)] = policy

    def policy(self, change: Change) -> Policy:
        """What becomes of a change of this plan that does not fit."""
        return self._policies[id(change)]


def prepare(
    migrations: Sequence[Migration],
    locations: Locations,
    modes: Modes,
    *,
    snapshot: Path | None = None,
    recreate: bool = False,
) -> Plan:
    """Find out what the migrations do to the tree at ``locations``.

    With ``snapshot``, a folder that holds ``etc/one``, its configuration files take the place of those in the tree
    first. ``recreate`` brings back files that are missing, as the front-end ships them. Raises ``PatchError``.
    """
    plan = Plan(migrations[-1].target)
    source = locations
    if snapshot is not None:
        source = Locations(snapshot)
        if not source.etc.is_dir():
            raise UpgradeError(
                f"There is no '{source.etc}' to read from.", todo="Name the folder that holds etc/one."
            )
        for change in _brought(source, locations):
            plan.add(change, Policy())
    step = _Steps(plan, Before(source), locations, modes, recreate=recreate)
    for migration in migrations:
        step.take(migration)
    return plan


def _brought(source: Locations, target: Locations) -> Iterator[Change]:
    """The changes that put each configuration file of ``source`` in the place of the one in ``target``."""
    for name, entry in existing(source).items():
        if files.locate(name, target).is_file():
            yield Change(name, Command.DELETE, (), origin=SNAPSHOT)
        content = NewFile(files.read(name, source).data, entry.owner, entry.group, entry.mode)
        yield Change(name, Command.CREATE, (), origin=SNAPSHOT, content=content)


class _Steps:
    """Goes through the migrations, and keeps account of which files there are by then."""

    def __init__(self, plan: Plan, before: Before, target: Locations, modes: Modes, *, recreate: bool) -> None:
        self._plan = plan
        self._before = before
        self._target = target
        self._modes = modes
        self._recreate = recreate
        self._present: dict[str, bool] = {}
        self._recreated: set[str] = set()

    def take(self, migration: Migration) -> None:
        """Add what one migration does. Raises ``PatchError``."""
        notes: list[str] = []
        self._say("INFO", f"Incremental update from {migration.source} to {migration.target}")
        told: set[str] = set()
        for change in migration.changes(self._before, notes):
            severity, text = self._one(change, migration)
            if text and text not in told:
                self._say(severity, text)
                told.add(text)
        for note in notes:
            self._say("WARN", note)

    def _say(self, severity: str, text: str) -> None:
        self._plan.messages.append((severity, text))

    def _exists(self, file: str) -> bool:
        if file not in self._present:
            self._present[file] = self._before.exists(file)
        return self._present[file]

    def _one(self, change: Change, migration: Migration) -> tuple[str, str]:
        """Add a change, or leave it out; what to say about its file."""
        file, exists = change.file, self._exists(change.file)
        if change.command is Command.CREATE:
            if exists or self._target.under(file).exists():
                return "INFO", f"Skip file '{file}' - already exists"
            if not self._has_base(file):
                return "WARN", f"Skip file '{file}' - missing parent dir"
            said = f"Create file '{file}'"
        elif change.command is Command.DELETE:
            if not exists:
                return "INFO", ""
            said = f"Delete file '{file}'"
        elif not exists:
            return self._missing(file, migration)
        elif file in self._recreated:
            return "INFO", ""
        else:
            said = f"Update file '{file}'"
        self._present[file] = change.command is not Command.DELETE
        self._plan.add(change, self._modes.policy(file, migration.target))
        return "INFO", said

    def _missing(self, file: str, migration: Migration) -> tuple[str, str]:
        """A file that is to be changed and is not there."""
        if not self._recreate:
            return "INFO", f"Skip file '{file}' - missing"
        try:
            change = creation(file, migration.name)
        except NoDefaultError as error:
            return "WARN", f"Skip file '{file}' - missing. {error}"
        self._plan.add(change, Policy())
        self._present[file] = True
        self._recreated.add(file)
        return "INFO", f"Recreating missing file '{file}'"

    def _has_base(self, file: str) -> bool:
        """Whether the tree has the folder of configuration that ``file`` is to be in."""
        return any(self._target.under(base).is_dir() for base in files.BASES if file.startswith(f"{base}/"))
