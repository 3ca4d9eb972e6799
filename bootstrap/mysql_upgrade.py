"""The one-shot service ``mysqld-upgrade``: MariaDB's own tables after a change of its version."""

import subprocess
import sys

from bootstrap.mysql_client import SOCKET
from bootstrap.prepare.mysql import series, server_version, written_by
from onelib import services
from onelib.locations import Locations


def main() -> int:
    """Run mariadb-upgrade when the tables are older than the server; its exit code."""
    locations = Locations.from_environment()
    found, ours = written_by(locations.mysql), server_version()
    if series(found) == series(ours):
        return 0
    services.write_state(str(locations.run), "mysqld-upgrade", services.UPGRADING, f"MariaDB {found} to {ours}")
    print(f"upgrading MariaDB's tables from {found or 'an unknown version'} to {ours}", flush=True)
    return subprocess.run(
        ["mariadb-upgrade", f"--socket={SOCKET}", "--user=root", "--silent"], check=False
    ).returncode


if __name__ == "__main__":
    sys.exit(main())
