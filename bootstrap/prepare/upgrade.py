"""The upgrade of the database before oned starts (SR1.2): ``onedb version`` decides, then ``onedb upgrade`` works.

Killed at any point, the next start finishes or undoes by itself, because an upgrade is entirely done or not at all. One
that fails is not tried again before the container is started again: its reason is in the health text and in the record.
"""

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from bootstrap import upgraded
from bootstrap.service import ServiceContext
from onelib.errors import OneError

if TYPE_CHECKING:
    from oned.config import DatabaseSettings
    from onedb.link import Link
    from onedb.upgrade.progress import Event
    from onedb.version import Versions

KEPT_BACKUPS = 5
"""How many backups of upgrades stay; older ones are removed."""
OTHERS_SECONDS, PAUSE = 120.0, 1.0
"""How long others may have the database open, and the seconds between two looks."""
BACKUP_SHARE = 40
"""The percentage at which the backup is done and the copying begins; 95 is where that ends."""


class UpgradeError(OneError):
    """The database is not of this release and cannot be upgraded; a restart of the service does not help."""

    exit_code: ClassVar[int] = 78
    permanent = True


class LostError(OneError):
    """The database went away during the upgrade, or others do not let go of it: worth another try."""

    exit_code: ClassVar[int] = 75


def database(context: ServiceContext) -> None:
    """Have a database of this release, or an empty one. Raises UpgradeError or LostError."""
    from onedb.errors import BusyError, OnedbError, UnreachableError
    from onedb.version import CURRENT, NEWER

    settings = upgraded.settings_of(context.locations)
    if settings.backend == "sqlite" and not settings.path.exists():
        return
    try:
        versions = _look(settings)
        if versions is None or versions.state == CURRENT:
            return
        if versions.state == NEWER:
            raise _newer(versions)
    except (BusyError, UnreachableError) as error:
        raise LostError(error.message, todo=error.todo) from None
    except OnedbError as error:
        raise UpgradeError(error.message, todo=error.todo) from None
    _Upgrade(context, settings, versions).run()


def _newer(versions: "Versions") -> UpgradeError:
    from onedb.version import REQUIRED

    return UpgradeError(
        f"The database has the version {versions.shared.version} (local {versions.local.version}), newer than "
        f"{REQUIRED} of this image. It was not touched.",
        todo="Start the image that wrote it, or put the old database back: docs/upgrade.md.",
    )


def _look(settings: "DatabaseSettings") -> "Versions | None":
    """The versions, None for an empty database; and what a killed run has left of a current one is dropped."""
    from onedb.link import open_link
    from onedb.upgrade.names import leftovers
    from onedb.version import CURRENT, read_versions

    with open_link(settings) as link:
        versions = read_versions(link)
        if versions is None or (versions.state == CURRENT and not leftovers(link.tables())):
            return versions
        _tidy(link, settings, versions)
    return versions


def _tidy(link: "Link", settings: "DatabaseSettings", versions: "Versions") -> None:
    """Drop what a killed run has left of a current database.

    Of an older one, let go of the tables from before its last upgrade, if an oned has worked since: a new one is due.
    """
    from onedb.upgrade import guard, swap
    from onedb.version import CURRENT, OLDER

    if versions.state == CURRENT:
        with guard.only_one(link, settings):
            swap.drop_leftovers(link)
    elif versions.state == OLDER and swap.is_used(link):
        with guard.only_one(link, settings):
            swap.confirm(link)


class _Upgrade:
    """One upgrade, told to the health probe and kept in the record."""

    def __init__(self, context: ServiceContext, settings: "DatabaseSettings", versions: "Versions") -> None:
        from onedb.version import REQUIRED

        self._context, self._settings = context, settings
        self._at = context.locations
        self._percent, self._noted, self._proving = 0, False, True
        folder = upgraded.backup_folder(self._at)
        self._backup: Path | None = None
        if upgraded.boot_target(self._at)["backup"]:
            self._backup = folder / f"opennebula-{time.strftime('%Y-%m-%d')}-{int(time.time())}.sql"
        self._record: dict[str, Any] = {
            "from": [versions.shared.version, versions.local.version],
            "to": REQUIRED,
            "backup": str(self._backup) if self._backup else None,
            "begun": round(time.time(), 3),
        }

    def run(self) -> None:
        """Upgrade. Raises UpgradeError or LostError."""
        from onedb.errors import BusyError, OnedbError

        shared, local = self._record["from"]
        self._context.log(
            f"upgrading the database from {shared} (local {local}) to {self._record['to']}, "
            + (f"backup {self._backup}" if self._backup else "without a backup")
        )
        begin = time.monotonic()
        while True:
            try:
                self._work()
            except BusyError as error:
                if time.monotonic() > begin + OTHERS_SECONDS:
                    raise LostError(error.message, todo=error.todo) from None
                self._context.phase("waiting", "others to leave the database")
                time.sleep(PAUSE)
            except OnedbError as error:
                raise self._failed(error, begin) from None
            else:
                return
            finally:
                self._settle_backups()

    def _work(self) -> None:
        from onedb.upgrade.run import Options, upgrade

        self._context.phase("upgrading", "check, 0%")
        outcome = upgrade(self._settings, Options(backup=self._backup), self._tell)
        if not outcome.changed:
            return  # another front-end on the same database was faster
        self._context.log(
            f"the database is upgraded: {outcome.rows} rows in {outcome.seconds:.2f} s; the tables from before are "
            "kept until 'onedb upgrade --confirm', for a day at least"
        )
        upgraded.write_record(self._at, self._record, upgraded.DONE)

    def _failed(self, error: OneError, begin: float) -> OneError:
        if _was_lost(self._settings, error, time.monotonic() - begin):
            return LostError(f"The database went away during its upgrade: {error.message}", todo=error.todo)
        upgraded.write_record(self._at, self._record, upgraded.FAILED, error.message)
        return UpgradeError(
            f"the database upgrade failed, it is as it was: {error.message}",
            todo=f"{error.todo} Then start this container again, or the old image.",
        )

    def _tell(self, event: "Event") -> None:
        """Tell the step and about how much of all is done; it never goes back. The first under the lock is noted."""
        if event.phase == "leftovers" and not self._noted:
            self._noted = True
            upgraded.write_record(self._at, self._record, upgraded.RUNNING)
        if event.phase == "plan":
            self._percent = BACKUP_SHARE if self._backup else 0
            self._proving = False
        begin, end = self._share(event.phase)
        done = min(event.rows / event.total, 1.0) if event.total else 0.0
        self._percent = max(self._percent, int(begin + (end - begin) * done))
        step = f"{event.phase} {event.table}".rstrip()
        self._context.phase("upgrading", f"{step}, {self._percent}%")

    def _share(self, phase: str) -> tuple[int, int]:
        """The percentages between which a phase runs. The first verification is that of the backup."""
        if phase in ("backup", "verify") and self._proving:
            return (0, BACKUP_SHARE * 3 // 4) if phase == "backup" else (BACKUP_SHARE * 3 // 4, BACKUP_SHARE)
        if phase == "copy":
            return (BACKUP_SHARE if self._backup else 0, 95)
        return {"swap": (96, 96), "done": (100, 100)}.get(phase, (0, 0))

    def _settle_backups(self) -> None:
        """Give the backup to the folder's owner, and remove the oldest ones."""
        from onedb.backup.retention import keep_newest

        if self._backup is None or not self._backup.exists():
            return
        owner = upgraded.owner_of(self._backup.parent)
        if owner is not None:
            os.chown(self._backup, owner.uid, owner.gid)
        for old in keep_newest(self._backup, KEPT_BACKUPS):
            self._context.log(f"removed the old backup {old}")


def _was_lost(settings: "DatabaseSettings", error: OneError, seconds: float) -> bool:
    """Whether the server was gone, or was started anew, since ``seconds`` ago: then it is no fault of the database."""
    from onedb.errors import OnedbError, UnreachableError
    from onedb.link import open_link

    if isinstance(error, UnreachableError):
        return True
    if settings.backend == "sqlite":
        return False
    try:
        with open_link(settings) as link:
            uptime = int(link.fetch("SHOW GLOBAL STATUS LIKE 'Uptime'")[0][1])
    except OnedbError:
        return True
    return uptime < int(seconds)
