"""The one-shot service ``mysqld-upgrade``: MariaDB's own tables after a change of its version, and a backup before."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import ClassVar

from bootstrap.mysql_client import SOCKET
from bootstrap.prepare.mysql import series, server_version, written_by
from onelib import services
from onelib.errors import OneError, report
from onelib.locations import Locations

NAME = "mysqld-upgrade"
LOGIN = (f"--socket={SOCKET}", "--user=root")


class BackupError(OneError):
    """The backup before the upgrade failed; nothing was upgraded, and a restart does not help."""

    exit_code: ClassVar[int] = 78


def _tell(run: str, detail: str) -> None:
    """Say that this service upgrades. The runner became this process, so that its process id is ours."""
    state = services.read_state(run, NAME) or {}
    services.write_state(run, NAME, services.UPGRADING, detail, pid=os.getpid(), starts=state.get("starts", 1))


def back_up(database: str, folder: Path) -> Path | None:
    """Dump ``database`` into ``folder`` and return the file, None where there is no such database yet.

    The file has its name only once it is whole and on the disk. Raises BackupError.
    """
    listed = subprocess.run(
        ["mariadb", *LOGIN, "-BNe", "SHOW DATABASES"], capture_output=True, text=True, check=False
    )
    if listed.returncode == 0 and database not in listed.stdout.splitlines():
        return None
    target = folder / f"opennebula-{time.strftime('%Y-%m-%d')}-{int(time.time())}.sql"
    draft = target.with_suffix(".part")
    try:
        with open(draft, "wb", opener=lambda path, flags: os.open(path, flags, 0o600)) as stream:
            dump = ["mariadb-dump", *LOGIN, "--single-transaction", "--databases", database]
            status = subprocess.run(dump, stdout=stream, check=False).returncode
            os.fsync(stream.fileno())
        if status != 0:
            raise BackupError(
                f"The backup before the upgrade failed: mariadb-dump ended with status {status}.",
                todo="Its own words stand above. With a backup of your own, set ONED_DB_BACKUP_ENABLED=no.",
            )
        found = folder.stat()
        os.chown(draft, found.st_uid, found.st_gid)
        draft.rename(target)
    except OSError as error:
        raise BackupError(
            f"The backup before the upgrade cannot be written to {folder}: {error.strerror}.",
            todo="Free space there, or set ONED_DB_BACKUP_ENABLED=no with a backup of your own.",
        ) from error
    finally:
        draft.unlink(missing_ok=True)
    return target


def upgrade(locations: Locations) -> int:
    """Back up and run mariadb-upgrade when the tables are older than the server; its exit code."""
    found, ours = written_by(locations.mysql), server_version()
    if series(found) == series(ours):
        return 0
    _tell(str(locations.run), f"MariaDB {found} to {ours}")
    wanted = json.loads((locations.run / "database.json").read_text())
    if wanted["backup"]:
        backup = back_up(wanted["database"], locations.backups / "db")
        print(f"backup before the upgrade: {backup or 'nothing to back up'}", flush=True)
    print(f"upgrading MariaDB's tables from {found or 'an unknown version'} to {ours}", flush=True)
    return subprocess.run(["mariadb-upgrade", *LOGIN, "--silent"], check=False).returncode


def main() -> int:
    """Upgrade where needed, and return an exit code."""
    try:
        return upgrade(Locations.from_environment())
    except OneError as error:
        return report(error)


if __name__ == "__main__":
    sys.exit(main())
