"""An upgrade in order: check, back up, copy, verify, swap; and the way back.

Killed at any point before the swap, the database is the old one and the next run drops what this one left. After the
swap it is the new one. Nothing is in between, with a backup or without.
"""

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from onedb.errors import UNREADABLE, OnedbError, UnreadableError
from onedb.link import Link, open_link
from onedb.upgrade import guard, swap
from onedb.upgrade.copying import Copy, create, index
from onedb.upgrade.names import NEW
from onedb.upgrade.plan import TablePlan, make_plans
from onedb.upgrade.progress import Event, Listener, silent
from onedb.upgrade.weight import verify
from onedb.version import CURRENT, NEWER, NOT_BOOTSTRAPPED, Versions, read_versions

if TYPE_CHECKING:
    from oned.config import DatabaseSettings
    from onedb.migrations.step import Step

Chain = Callable[[str, str], "Sequence[Step]"]


@dataclass(frozen=True)
class Options:
    """How to upgrade. ``backup`` is the file to make, None for none; ``force`` overwrites it
    and goes on beside other sessions.
    """

    backup: Path | None = None
    force: bool = False
    dry_run: bool = False
    chain: Chain | None = None


@dataclass(frozen=True)
class Outcome:
    """What was done: versions as (shared, local) before and after, the tables that changed, rows read, seconds."""

    before: tuple[str, str]
    after: tuple[str, str]
    tables: tuple[str, ...] = ()
    rows: int = 0
    seconds: float = 0.0

    @property
    def changed(self) -> bool:
        """Whether there was anything to do."""
        return self.before != self.after


def _known_versions(link: Link) -> Versions:
    try:
        versions = read_versions(link)
        state = CURRENT if versions is None else versions.state
    except UnreadableError as error:
        raise UnreadableError(error.message, todo=error.todo) from None
    if versions is None:
        todo = "There was a failure retrieving the DB version. Start oned: it fills an empty database."
        raise UnreadableError(NOT_BOOTSTRAPPED, todo=todo, code=UNREADABLE)
    if state == NEWER:
        raise OnedbError(
            f"The database has the version {versions.shared.version} (local {versions.local.version}), "
            "newer than this release.",
            todo="Use the release that wrote it; nothing was changed.",
        )
    return versions


def upgrade(settings: "DatabaseSettings", options: Options, listener: Listener = silent) -> Outcome:
    """Bring the database to this release.

    The old tables stay until :func:`confirm`. Raises :class:`OnedbError`; the database is then what it was.
    """
    begin = time.monotonic()
    with open_link(settings) as link:
        _known_versions(link)  # refused before anything is touched
        with guard.only_one(link, settings):
            versions = _known_versions(link)  # another may have been at work until now
            before = (versions.shared.version, versions.local.version)
            if versions.state == CURRENT:
                swap.drop_leftovers(link)
                return Outcome(before, before)
            steps = _steps(options, versions)
            after = (_target(steps, "shared") or before[0], _target(steps, "local") or before[1])
            _check(link, settings, options, steps, listener)
            if options.dry_run:
                plans = make_plans(link, versions, steps)
                return Outcome(before, after, tuple(plan.name for plan in plans), 0, time.monotonic() - begin)
            _back_up(settings, options, listener)
            rows, plans = _migrate(link, settings, versions, steps, listener)
    listener(Event("done", rows=rows, total=rows, seconds=time.monotonic() - begin))
    return Outcome(before, after, tuple(plan.name for plan in plans), rows, time.monotonic() - begin)


def _target(steps: "Sequence[Step]", part: str) -> str:
    return next((step.target for step in reversed(steps) if step.part == part), "")


def _steps(options: Options, versions: Versions) -> "Sequence[Step]":
    from onedb.migrations.chain import steps_from

    if versions.is_slave:
        raise OnedbError(
            "The database is a federation slave: its shared tables are the master's.",
            todo="Upgrade it with the release that made it; this one runs alone. Nothing was changed.",
        )
    return (options.chain or steps_from)(versions.shared.version, versions.local.version)


def _check(
    link: Link, settings: "DatabaseSettings", options: Options, steps: "Sequence[Step]", listener: Listener
) -> None:
    """Everything that can be known before the first change."""
    listener(Event("check"))
    if not options.force:
        guard.no_oned(link, settings)
    swap.check_server(link)
    tables = {change.table.name for step in steps for change in step.tables}
    if swap.can_go_back(link):
        raise OnedbError(
            "The database is old, but holds the old tables of an upgrade that was done: it was put back by hand.",
            todo="Look whether all is there, then remove them with onedb upgrade --confirm and upgrade again.",
        )
    guard.check_room(guard.data_folder(link, settings), guard.size(link, sorted(tables)), "the new tables")
    if not options.dry_run:
        listener(Event("leftovers"))
        swap.drop_leftovers(link)


def _back_up(settings: "DatabaseSettings", options: Options, listener: Listener) -> None:
    if options.backup is None:
        return
    from onedb.backup.writer import backup

    listener(Event("backup"))
    backup(settings, options.backup, listener, overwrite=options.force)


@contextlib.contextmanager
def _transaction(link: Link) -> Iterator[None]:
    """On SQLite one transaction; on MariaDB what fails is cleared away, and what cannot be, by the next run."""
    if not link.mysql:
        link.fetch("BEGIN IMMEDIATE")
    try:
        yield
        if not link.mysql:
            link.fetch("COMMIT")
    except BaseException:
        with contextlib.suppress(OnedbError):  # the first error counts
            if link.mysql:
                swap.drop_leftovers(link)
            else:
                link.fetch("ROLLBACK")
        raise


def _migrate(
    link: Link,
    settings: "DatabaseSettings",
    versions: Versions,
    steps: "Sequence[Step]",
    listener: Listener,
) -> tuple[int, list[TablePlan]]:
    """The new tables and their swap; returns the rows that were read, and the plans."""
    with contextlib.ExitStack() as stack:
        reader = stack.enter_context(open_link(settings)) if link.mysql else link
        stack.enter_context(_transaction(link))
        listener(Event("plan"))
        plans = make_plans(link, versions, steps)
        counts = _counts(link, plans)
        copy = Copy(reader, link, sum(counts.values()), listener)
        for plan in plans:
            listener(Event("copy", plan.name))
            create(link, plan)
            weight = copy.fill(plan)
            if link.mysql:
                listener(Event("index", plan.name))
                index(link, plan.target, NEW + plan.name)
            listener(Event("verify", plan.name))
            verify(link, plan, weight)
        swap.write_journal(link, plans)
        if _counts(link, plans) != counts:
            raise OnedbError(
                "Somebody changed the database during the upgrade.", todo="Stop every oned, then upgrade again."
            )
        listener(Event("swap"))
        swap.swap_in(link, plans)
        if not link.mysql:
            for plan in plans:
                index(link, plan.target, plan.name)
    return copy.rows, plans


def _counts(link: Link, plans: Sequence[TablePlan]) -> dict[str, int]:
    """How many rows the old tables have."""
    names = [plan.name for plan in plans if plan.exists]
    return {name: int(link.fetch(f"SELECT COUNT(*) FROM {link.quoted(name)}")[0][0]) for name in names}  # noqa: S608 (quoted)


def rollback(settings: "DatabaseSettings", *, force: bool = False) -> list[str]:
    """Put back the tables from before the upgrade, with one exchange; returns their names.

    Refused when an ``oned`` has worked on the new ones (``force`` overrules): what it wrote would be lost in some
    tables and stay in others. Raises :class:`OnedbError`.
    """
    with open_link(settings) as link, guard.only_one(link, settings):
        if not force:
            guard.no_oned(link, settings)
            if swap.is_used(link):
                raise OnedbError(
                    "An oned has worked on the database since its upgrade.",
                    todo="Use onedb restore with the backup; --force goes back all the same and loses its changes.",
                )
        with _transaction(link):
            names = swap.swap_back(link)
        swap.drop_leftovers(link)
    return names


def confirm(settings: "DatabaseSettings") -> list[str]:
    """Let go of the tables from before the upgrade; returns their names. Raises :class:`OnedbError`."""
    with open_link(settings) as link, guard.only_one(link, settings):
        return swap.confirm(link)
