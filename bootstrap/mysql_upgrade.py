"""The one-shot service ``mysqld-upgrade``: MariaDB's own tables after a change of its version."""

import os
import subprocess
import sys

from bootstrap.mysql_client import SOCKET
from bootstrap.prepare.mysql import series, server_version, written_by
from onelib import services
from onelib.locations import Locations

NAME = "mysqld-upgrade"


def _tell(run: str, detail: str) -> None:
    """Say that this service upgrades. The runner became this process, so that its process id is ours."""
    state = services.read_state(run, NAME) or {}
    services.write_state(run, NAME, services.UPGRADING, detail, pid=os.getpid(), starts=state.get("starts", 1))


def main() -> int:
    """Run mariadb-upgrade when the tables are older than the server; its exit code."""
    locations = Locations.from_environment()
    found, ours = written_by(locations.mysql), server_version()
    if series(found) == series(ours):
        return 0
    _tell(str(locations.run), f"MariaDB {found} to {ours}")
    print(f"upgrading MariaDB's tables from {found or 'an unknown version'} to {ours}", flush=True)
    return subprocess.run(
        ["mariadb-upgrade", f"--socket={SOCKET}", "--user=root", "--silent"], check=False
    ).returncode


if __name__ == "__main__":
    sys.exit(main())
