"""``oneedge put-back``: the database as it was before an upgrade, on its volumes, while no other container uses them.

It is the way back of an image that did not work: run from that image, with the parameters and volumes of its container
and with that container stopped. In the all-in-one front-end it starts MariaDB for itself, on the loopback address, and
stops it in order. It may be killed and run again: either way back is entirely done or not at all.
"""

import contextlib
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bootstrap import upgraded
from bootstrap.context import Context
from bootstrap.errors import DatabaseAwayError, PutBackError
from bootstrap.steps import credentials, daemons, folders, preflight
from onedb.errors import OnedbError, UnreachableError
from onedb.link import open_link
from onedb.version import CURRENT, Versions, read_versions

if TYPE_CHECKING:
    from oned.config import DatabaseSettings

STEPS = (preflight.check, folders.clean, folders.prepare, credentials.prepare, daemons.configure)
"""What of a boot is needed to reach the database: no hooks, no patch, no services."""
SERVER = "/usr/sbin/mariadbd"
START_SECONDS, STOP_SECONDS, PAUSE = 60.0, 60.0, 0.05
NOTHING, EXCHANGED, RESTORED = "nothing", "exchanged", "restored"


@dataclass(frozen=True)
class Outcome:
    """What was done: ``result`` is :data:`NOTHING`, :data:`EXCHANGED` or :data:`RESTORED`, that from ``backup``.

    ``seconds`` are those of the way back itself, without MariaDB's start and stop.
    """

    result: str
    backup: str | None = None
    seconds: float = 0.0

    @property
    def text(self) -> str:
        """One sentence for people."""
        if self.result == NOTHING:
            return "There is no upgrade to take back: the database is the one from before."
        how = f"restored from {self.backup}" if self.result == RESTORED else "its tables were put back"
        return f"The database from before the upgrade is back in {self.seconds:.2f} s ({how})."


def run(context: Context, since: int, *, force: bool = False) -> Outcome:
    """Take back an upgrade that was done at ``since`` (epoch, seconds) or later.

    Raises :class:`PutBackError`, :class:`DatabaseAwayError`, or the errors of a boot.
    """
    for step in STEPS:
        for action in step(context):
            if action.needed():
                action.apply()
    if context.own_database and not (context.at.mysql / "mysql").is_dir():
        return Outcome(NOTHING)  # no database was ever made
    settings = upgraded.settings_of(context.at)
    if settings.backend == "sqlite" and not settings.path.exists():
        return Outcome(NOTHING)
    with _server(context) if context.own_database else contextlib.nullcontext() as server:
        _await(settings, server)
        try:
            return put_back(context, settings, since, force=force)
        except UnreachableError as error:
            raise DatabaseAwayError(error.message, todo=error.todo) from None
        except OnedbError as error:
            raise PutBackError(f"The database cannot be put back: {error.message}", todo=error.todo) from None


def put_back(context: Context, settings: "DatabaseSettings", since: int, *, force: bool) -> Outcome:
    """The way back on a database that answers. Raises :class:`OnedbError` or :class:`PutBackError`."""
    from onedb.backup.restore import restore
    from onedb.upgrade import swap
    from onedb.upgrade.run import rollback

    begin = time.monotonic()
    with open_link(settings) as link:
        versions = read_versions(link)
        if versions is None or versions.state != CURRENT or _changed(versions) < since:
            return Outcome(NOTHING)
        can, used = swap.can_go_back(link), swap.is_used(link)
    record = upgraded.read_record(context.at) or {}
    backup = _backup(record, since)
    if can and (force or not used):
        rollback(settings, force=force)
        outcome = Outcome(EXCHANGED, None, time.monotonic() - begin)
    elif backup is not None:
        restore(settings, backup, overwrite=True)
        outcome = Outcome(RESTORED, str(backup), time.monotonic() - begin)
    else:
        raise _no_way(can=can)
    if record:
        upgraded.write_record(context.at, record, upgraded.PUT_BACK)
    return outcome


def _changed(versions: Versions) -> int:
    """When the newer of the two halves got its version."""
    return max(versions.shared.timestamp, versions.local.timestamp)


def _backup(record: dict[str, Any], since: int) -> Path | None:
    """The backup of that upgrade, where it made one and it is still there."""
    name = record.get("backup")
    if not name or record["begun"] < since or not Path(name).is_file():
        return None
    return Path(name)


def _no_way(*, can: bool) -> PutBackError:
    if can:
        return PutBackError(
            "The database cannot be put back: an oned has worked on it since its upgrade, which made no backup.",
            todo="--force puts the tables back that the upgrade changed; what that oned wrote to them is lost.",
        )
    return PutBackError(
        "The database cannot be put back: its upgrade was confirmed, and the backup it made is not there.",
        todo="Restore a backup of your own with 'onedb restore'.",
    )


@contextlib.contextmanager
def _server(context: Context) -> Iterator["subprocess.Popen[bytes]"]:
    """MariaDB on the data directory, for this process alone."""
    options = [f"--defaults-file={context.at.run / 'my.cnf'}", "--bind-address=127.0.0.1"]
    log = context.at.run / "mariadb.log"
    with log.open("wb") as stream:
        process = subprocess.Popen([SERVER, *options], stdin=subprocess.DEVNULL, stdout=stream, stderr=stream)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()  # it recovers at its next start
            process.wait()


def _await(settings: "DatabaseSettings", server: "subprocess.Popen[bytes] | None") -> None:
    """Wait until the database lets us in. Raises :class:`DatabaseAwayError`."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            open_link(settings).close()
        except UnreachableError as error:
            if server is not None and server.poll() is not None:
                raise DatabaseAwayError(
                    f"MariaDB ended with status {server.returncode} instead of starting.",
                    todo="Stop every container that uses its volume, then try again.",
                ) from None
            if time.monotonic() > deadline:
                raise DatabaseAwayError(error.message, todo=error.todo) from None
            time.sleep(PAUSE)
        else:
            return
