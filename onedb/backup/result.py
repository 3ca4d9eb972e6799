"""What a backup file holds, and what came of writing, reading or restoring one."""

import time
from dataclasses import dataclass, field
from pathlib import Path

from oned.config import DatabaseSettings
from onedb.backup.values import Tally
from onelib.locations import Locations


@dataclass
class Contents:
    """What a file turned out to hold: ``versions`` are of the shared and the local part, where it has them."""

    program: str = "onedb"
    mysql: bool = False
    whole: bool = True
    tables: dict[str, Tally] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Result:
    """A file that was written and proven, read, or restored; its bytes, and the seconds that it took."""

    path: Path
    contents: Contents
    size: int
    seconds: float

    @property
    def tables(self) -> dict[str, Tally]:
        """What each table has."""
        return self.contents.tables

    @property
    def rows(self) -> int:
        """Of all tables."""
        return sum(tally.rows for tally in self.tables.values())


def default_name(settings: DatabaseSettings, *, federated: bool = False) -> Path:
    """Where a backup goes when nobody says: below ``/var/lib/one``, with the names of OpenNebula's."""
    now = time.localtime()
    moment = f"{now.tm_year}-{now.tm_mon}-{now.tm_mday}_{now.tm_hour}:{now.tm_min}:{now.tm_sec}"
    part = "federated_" if federated else ""
    folder = Locations.from_environment().var
    if settings.backend == "sqlite":
        return folder / f"one.db_{part}{moment}.bck"
    return folder / f"mysql_{settings.server.replace('/', '_')}_{settings.name}_{part}{moment}.sql"
