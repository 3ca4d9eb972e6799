"""What each release changed in the configuration of the one before it.

A migration is a patch of the yaml format beside this file, with the values that the release was delivered with before
and after; new files, which come from the defaults of this front-end; and where values of the user's own have to move,
two functions: ``before`` and ``after`` give changes around those of the patch, from the files as they were.

>>> chain(Version.parse("5.10.3"), Version.parse("6.0.0.3"))  # both migrations
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from onecfg import defaults
from onecfg.catalogue import find
from onecfg.model import Change, Command, NewFile, PatchError
from onecfg.notation import descriptor
from onecfg.upgrades.migrations import from_5_10, from_5_12
from onecfg.upgrades.migrations.before import Before
from onecfg.upgrades.versions import Version, VersionError

Part: TypeAlias = Callable[[Before, list[str]], Iterable[Change]]
"""Gives changes, and appends sentences for the user to its list."""

_FOLDER = Path(__file__).parent


class NoDefaultError(PatchError):
    """A file cannot be created, because the front-end ships none of its name."""


@dataclass(frozen=True)
class Migration:
    """The step from one version of the configuration to the next."""

    source: Version
    target: Version
    new_files: tuple[str, ...]
    before: Part
    after: Part | None = None

    @property
    def name(self) -> str:
        """Its name in messages, and that of its patch."""
        return f"{self.source}_to_{self.target}"

    def changes(self, files: Before, notes: list[str]) -> list[Change]:
        """All changes in the order of their making. Raises ``PatchError``."""
        patch = descriptor.parse((_FOLDER / f"{self.name}.yaml").read_bytes(), self.name)
        return [
            *self.before(files, notes),
            *(creation(file, self.name) for file in self.new_files),
            *patch,
            *(self.after(files, notes) if self.after else ()),
        ]


def creation(file: str, origin: str) -> Change:
    """The change that creates ``file`` as the front-end ships it. Raises ``NoDefaultError`` when it ships none."""
    entry, path = find(file), defaults.TREE / file.lstrip("/")
    if entry is None or not path.is_file():
        raise NoDefaultError(f"The front-end ships no file '{file}'.", todo="Take it from a stock installation.")
    content = NewFile(path.read_bytes(), entry.owner, entry.group, entry.mode)
    return Change(file, Command.CREATE, (), origin=origin, native=True, content=content)


MIGRATIONS = (
    Migration(
        Version.parse("5.10.0"), Version.parse("5.12.0"), from_5_10.NEW_FILES, from_5_10.before, from_5_10.after
    ),
    Migration(Version.parse("5.12.0"), Version.parse("6.0.0"), from_5_12.NEW_FILES, from_5_12.before),
)
"""From the oldest to the newest; each begins where the one before it ends."""

FIRST, LAST = MIGRATIONS[0].source, MIGRATIONS[-1].target
_END = LAST.bumped()


def supported(version: Version) -> bool:
    """Whether ``version`` is one that an upgrade can begin or end with."""
    return FIRST <= version < _END


def require(version: Version) -> Version:
    """``version`` itself. Raises ``VersionError`` unless it is supported."""
    if supported(version):
        return version
    if version < FIRST:
        todo = f"Upgrade OpenNebula and its configuration to {FIRST} first, with that release's own tools."
    else:
        todo = f"This release knows the configuration up to {LAST}."
    raise VersionError(f"Unsupported version {version}.", todo=todo)


def chain(source: Version, target: Version) -> list[Migration]:
    """The migrations that lead from ``source`` to ``target``; empty when the configuration is the same.

    A version between two others has the configuration of the lower one: 5.12.7 that of 5.12.0.
    """
    return [one for one in MIGRATIONS if one.target > source and one.target <= target]


def latest(version: Version) -> Version:
    """The version of the configuration that OpenNebula ``version`` wants."""
    return max((one.target for one in MIGRATIONS if one.target <= version), default=FIRST)
