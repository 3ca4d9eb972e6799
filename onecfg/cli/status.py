"""``onecfg status``: exit code 0 without an update, 1 with one, 255 when a version is unknown or not supported."""

from dataclasses import dataclass, field

import click

from onecfg.cli.output import FAILURE, Log, logging
from onecfg.disk import transaction
from onecfg.upgrades import migrations, state, versions
from onecfg.upgrades.migrations import Migration
from onecfg.upgrades.state import State
from onecfg.upgrades.versions import Version, VersionError
from onelib.locations import Locations

_WIDTH = 43


@click.command()
@logging
def status(*, log: Log) -> int:
    """Show the versions of OpenNebula and of its configuration, and which updates there are."""
    locations = Locations.from_environment()
    transaction.recover(locations)
    current = state.load(locations)
    try:
        installed = versions.detect()
    except VersionError as error:
        log.print("WARN", error.message)
        installed = None
    found = _examine(installed, current)
    log.result(found.as_data(), found.as_text())
    return found.code


@dataclass
class _Status:
    installed: Version | None
    state: State
    problem: str = ""
    newest: Version | None = None
    updates: list[Migration] = field(default_factory=list)

    @property
    def code(self) -> int:
        if self.problem:
            return FAILURE
        return 1 if self.updates or self.state.backup else 0

    def as_data(self) -> dict[str, object]:
        return {
            "opennebula": self.installed and str(self.installed),
            "config": self.state.version and str(self.state.version),
            "backup": self.state.backup,
            "outdated": self.state.outdated,
            "new_config": self.newest and str(self.newest),
            "updates": [{"from": str(one.source), "to": str(one.target)} for one in self.updates],
            "problem": self.problem or None,
        }

    def as_text(self) -> str:
        lines = [
            _title("Versions"),
            _row("OpenNebula:", str(self.installed or "unknown")),
            _row("Config:", str(self.state.version or "unknown")),
        ]
        if self.problem:
            return "\n".join([*lines, f"ERROR: {self.problem}"])
        if self.state.backup:
            lines += ["", _title("Backup to Process"), _row("Snapshot:", self.state.backup)]
            lines.append("(the next update reads the configuration from there, once)")
        lines += ["", _title("Available Configuration Updates")]
        if self.updates:
            lines.append(_row("New config:", str(self.newest)))
            lines += [f"- from {one.source} to {one.target} (YAML,Python)" for one in self.updates]
        else:
            pending = self.state.backup is not None
            lines.append(
                "No updates available, but the backup must be cleared." if pending else "No updates available."
            )
        return "\n".join(lines)


def _examine(installed: Version | None, current: State) -> _Status:
    found = _Status(installed, current)
    if installed is None:
        found.problem = "Unknown OpenNebula version"
    elif not migrations.supported(installed):
        found.problem = f"Unsupported OpenNebula version {installed}"
    elif current.version is None:
        found.problem = "Unknown config version"
    elif not migrations.supported(current.version):
        found.problem = f"Unsupported config version {current.version}"
    elif current.outdated:
        found.problem = "Configurations metadata are outdated."
    else:
        found.updates = migrations.chain(current.version, installed)
        found.newest = found.updates[-1].target if found.updates else None
    return found


def _title(text: str) -> str:
    return f"--- {text} ".ljust(_WIDTH, "-")


def _row(name: str, value: str) -> str:
    return f"{name:<12} {value}"
