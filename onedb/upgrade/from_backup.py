"""An upgrade of what a backup holds: restored, upgraded, and only then put in the place of the database, at once.

MariaDB: the upgrade works on the tables that the restore has filled beside those in place. SQLite: on a file in a
hidden folder beside the database, from which one transaction takes everything over.
"""

import fcntl
import os
import secrets
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from oned.config import DatabaseSettings
from onedb.backup.meter import Meter
from onedb.backup.mysql_target import MysqlTarget
from onedb.backup.reader import BackupFile, count, verify
from onedb.backup.restore import compare, exists_already, load, open_target, pour, restore
from onedb.backup.snapshot import Snapshot
from onedb.backup.sql import Event, Index, Rows, Table
from onedb.backup.sqlite import SEQUENCE, SqliteSnapshot
from onedb.backup.values import Row, Tally
from onedb.backup.writer import backup
from onedb.errors import OnedbError
from onedb.link import Link, open_link
from onedb.migrations.chain import steps_from
from onedb.migrations.step import Step
from onedb.staged import StagedLink, StagedSettings
from onedb.upgrade.guard import no_oned, only_one
from onedb.upgrade.progress import Event as Progress
from onedb.upgrade.progress import Listener, silent
from onedb.upgrade.run import Options, Outcome, confirm, upgrade

_SCRATCH = ".onedb-scratch"
_BATCH_ROWS, _BATCH_BYTES = 500, 1 << 20


@dataclass(frozen=True)
class Arrived:
    """What was done, and the backup of the database that was there before, if there was one and it was wanted."""

    outcome: Outcome
    backup: Path | None


def look(path: Path, listener: Listener = silent) -> Outcome:
    """What an upgrade from the backup ``path`` would do; reads all of it. Raises :class:`OnedbError`."""
    versions = verify(path, listener).contents.versions
    before = versions.get("db_versioning", ""), versions.get("local_db_versioning", "")
    steps = steps_from(*before)
    after = _target(steps, "shared") or before[0], _target(steps, "local") or before[1]
    return Outcome(before, after, tuple(sorted({change.table.name for step in steps for change in step.tables})))


def _target(steps: Sequence[Step], part: str) -> str:
    return next((step.target for step in reversed(steps) if step.part == part), "")


def upgrade_from_backup(
    settings: DatabaseSettings, path: Path, options: Options, listener: Listener = silent
) -> Arrived:
    """Put what ``path`` holds, upgraded, in the place of the database.

    One that exists is refused without ``options.force``, and first backed up to ``options.backup``. Raises
    :class:`OnedbError`; the database is then as it was, as it is after a kill at any instant.
    """
    begin = time.monotonic()
    with ExitStack() as stack:
        made = None
        if settings.backend == "mysql" or settings.path.exists():
            link = stack.enter_context(open_link(settings))
            stack.enter_context(only_one(link, settings))
            made = _check(link, settings, options, listener)
        work = _on_mysql if settings.backend == "mysql" else _on_sqlite
        outcome = work(settings, path, listener)
    seconds = time.monotonic() - begin
    listener(Progress("done", rows=outcome.rows, total=outcome.rows, seconds=seconds))
    return Arrived(replace(outcome, seconds=seconds), made)


def _check(link: Link, settings: DatabaseSettings, options: Options, listener: Listener) -> Path | None:
    """Refuse to replace a database unasked or beside an ``oned``; back it up."""
    no_oned(link, settings)
    there = "user_pool" in link.tables()
    if there and not options.force:
        raise exists_already(settings)
    if not there or options.backup is None:
        return None
    return backup(settings, options.backup, listener, overwrite=options.force).path


def _unfinished(listener: Listener) -> Listener:
    """All that an upgrade tells but its end, which is not ours."""
    return lambda event: listener(event) if event.phase != "done" else None


def _on_mysql(settings: DatabaseSettings, path: Path, listener: Listener) -> Outcome:
    with BackupFile.open(path) as file, MysqlTarget.open(settings) as target:
        load(target, settings, file, listener)
        target.settle()
        staged = StagedSettings.of(settings)
        outcome = upgrade(staged, Options(force=True), _unfinished(listener))
        confirm(staged)
        with StagedLink(settings) as link:
            tables = link.tables()
        listener(Progress("swap"))
        target.finish(tables, whole=True)
    return outcome


def _on_sqlite(settings: DatabaseSettings, path: Path, listener: Listener) -> Outcome:
    with _scratch(settings.path) as folder:
        scratch = replace(settings, path=folder / "one.db")
        restore(scratch, path, listener)
        outcome = upgrade(scratch, Options(force=True), _unfinished(listener))
        confirm(scratch)
        with SqliteSnapshot.open(scratch) as snapshot, open_target(settings) as target:
            target.begin()
            tables: dict[str, Tally] = {}
            pour(target, _events(snapshot, tables, listener))
            compare(target, tables, listener)
            listener(Progress("swap"))
            target.finish(list(tables), whole=True)
    return outcome


def _events(snapshot: Snapshot, tables: dict[str, Tally], listener: Listener) -> Iterator[Event]:
    """Everything in ``snapshot`` as a backup of it would have it, counted in ``tables``."""
    names = snapshot.tables()
    meter = Meter(listener, "place", snapshot.expected(names))
    for name in names:
        statement, after = snapshot.statements(name)
        if name != SEQUENCE:
            yield Table(name, statement, 0, 0)
        tables.setdefault(name, Tally())
        columns = tuple(snapshot.columns(name))
        for rows in _batches(snapshot.rows(name)):
            event = Rows(name, columns, rows)
            count(tables, event)
            yield event
            meter.add(name, len(rows))
        yield from (Index(name, index) for index in after)
    meter.end()


def _batches(rows: Iterator[Row]) -> Iterator[list[Row]]:
    batch: list[Row] = []
    size = 0
    for row in rows:
        batch.append(row)
        size += sum(len(value) for value in row if value is not None)
        if len(batch) >= _BATCH_ROWS or size >= _BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


@contextmanager
def _scratch(path: Path) -> Iterator[Path]:
    """A hidden folder beside ``path``, locked as long as somebody works in it; those of killed runs are removed."""
    for left in path.parent.glob(f".{path.name}.*{_SCRATCH}"):
        with _locked(left) as free:
            if free:
                shutil.rmtree(left, ignore_errors=True)
    folder = path.parent / f".{path.name}.{secrets.token_hex(6)}{_SCRATCH}"
    try:
        folder.mkdir(mode=0o700)
    except OSError as error:
        raise OnedbError(
            f"The folder {folder} cannot be made: {error.strerror}.",
            todo="Let this user write beside the database.",
        ) from None
    with _locked(folder):
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _locked(folder: Path) -> Iterator[bool]:
    """Hold the lock of ``folder``; whether it was free."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield True
    except BlockingIOError:
        yield False
    finally:
        os.close(descriptor)
