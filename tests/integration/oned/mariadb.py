"""A MariaDB server that lives as long as a test: from the core package, without privileges, in a folder of its own."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pymysql

SMALL = (
    "--no-defaults",
    "--innodb-log-file-size=4M",
    "--innodb-flush-log-at-trx-commit=1",
    "--performance-schema=OFF",
    "--skip-log-bin",
)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _program(name: str) -> str:
    found = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")
    assert found, f"{name} is missing: install mariadb-server-core"
    return found


@dataclass
class MariaDb:
    """One server. ``start`` and ``stop`` may be called in turn; the data stay. ``pool`` is InnoDB's buffer."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None
    pool: str = "32M"

    @property
    def socket(self) -> Path:
        return self.folder / "s"

    def _account(self) -> list[str]:
        return [f"--user={pwd.getpwuid(os.getuid()).pw_name}"]

    def _scratch(self) -> Path:
        """Temporary files of its own: a server that starts removes those that it finds, of others too."""
        scratch = self.folder / "t"
        scratch.mkdir(exist_ok=True)
        return scratch

    def install(self) -> None:
        data = self.folder / "data"
        command = [
            _program("mariadb-install-db"),
            *SMALL,
            f"--datadir={data}",
            f"--tmpdir={self._scratch()}",
            "--auth-root-authentication-method=normal",
        ]
        done = subprocess.run([*command, *self._account()], capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{done.stdout}{done.stderr}"

    def start(self) -> None:
        command = [
            _program("mariadbd"),
            *SMALL,
            f"--innodb-buffer-pool-size={self.pool}",
            *self._account(),
            f"--datadir={self.folder / 'data'}",
            f"--tmpdir={self._scratch()}",
            f"--socket={self.socket}",
            f"--port={self.port}",
            "--bind-address=127.0.0.1",
            f"--pid-file={self.folder / 'pid'}",
        ]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        deadline = time.monotonic() + 60
        while not self._listens():
            assert self.process.poll() is None, (self.folder / "log").read_text()
            assert time.monotonic() < deadline, "MariaDB did not start"
            time.sleep(0.05)
        self.query("SELECT 1")

    def _listens(self) -> bool:
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(str(self.socket)) == 0

    def stop(self, *, kill: bool = False) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL if kill else signal.SIGTERM)
            self.process.wait(60)
            self.process = None

    def query(self, *statements: str, database: str | None = None) -> list[tuple[object, ...]]:
        connection = pymysql.connect(unix_socket=str(self.socket), user="root", database=database, autocommit=True)
        try:
            with connection.cursor() as cursor:
                for statement in statements:
                    cursor.execute(statement)
                return list(cursor.fetchall())
        finally:
            connection.close()

    def create(self, database: str) -> None:
        self.query(
            f"CREATE DATABASE {database}",
            f"GRANT ALL ON {database}.* TO 'oneadmin'@'%' IDENTIFIED BY 'db-secret-word'",
            f"GRANT ALL ON {database}.* TO 'oneadmin'@'localhost' IDENTIFIED BY 'db-secret-word'",
        )
