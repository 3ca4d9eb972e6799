"""MariaDB's data directory: made once, in one piece, whatever kills us on the way."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import ClassVar

from bootstrap.service import ServiceContext
from onelib.errors import OneError

SERVER = "/usr/sbin/mariadbd"
DRAFT = ".oneedge-init"
COMPLETE = "complete"
UPGRADE_INFO = "mysql_upgrade_info"
IGNORED = {"lost+found", DRAFT}


class DataDirectoryError(OneError):
    """MariaDB's data directory cannot be used as it is; a restart does not help."""

    exit_code: ClassVar[int] = 73
    permanent = True


class InitialisationError(OneError):
    """MariaDB's data directory could not be made this time."""

    exit_code: ClassVar[int] = 73


def server_version() -> str:
    """The installed server's version, such as ``10.11.14-MariaDB``."""
    text = subprocess.run([SERVER, "--version"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"Ver (\d+\.\d+\.\d+-MariaDB)", text)
    return found.group(1) if found else ""


def series(version: str) -> tuple[int, int]:
    """Major and minor number; data of a series is readable by the same and newer ones."""
    found = re.match(r"(\d+)\.(\d+)", version)
    return (int(found.group(1)), int(found.group(2))) if found else (0, 0)


def written_by(data: Path) -> str:
    """The version that last wrote the system tables, '' if unknown (MariaDB manual, mariadb-upgrade)."""
    for name in ("mariadb_upgrade_info", UPGRADE_INFO):
        path = data / name
        if path.is_file():
            return path.read_text(errors="replace").split("\n")[0].strip()[:40]
    return ""


def _initialise(context: ServiceContext, data: Path) -> None:
    """Fill a draft folder on the same volume and mark it complete, so that half of it is never taken for whole."""
    draft = data / DRAFT
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    user = str(context.service["user"])
    shutil.chown(draft, user, user)
    context.log("initialising the data directory")
    done = subprocess.run(
        ["mariadb-install-db", "--no-defaults", f"--user={user}", f"--datadir={draft}", "--skip-test-db",
         "--auth-root-authentication-method=socket", "--skip-name-resolve", "--innodb-log-file-size=16M",
         "--rpm"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        tail = " ".join((done.stderr or done.stdout).split())[-300:]
        raise InitialisationError(
            f"mariadb-install-db ended with status {done.returncode}: {tail}",
            todo="Look at the space and the permissions of the volume.",
        )
    info = draft / UPGRADE_INFO
    info.write_text(server_version())
    shutil.chown(info, user, user)
    _flush(draft)
    (draft / COMPLETE).touch()


def _flush(folder: Path) -> None:
    """Have all files below ``folder`` on the disk: the mark that follows must not get there before them."""
    for path in folder.rglob("*"):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _move_into_place(data: Path) -> None:
    """Take the finished draft over, entry by entry; killed between, the next start goes on here."""
    draft = data / DRAFT
    for entry in sorted(draft.iterdir()):
        if entry.name != COMPLETE:
            entry.rename(data / entry.name)
    (draft / COMPLETE).unlink()
    draft.rmdir()


def data_directory(context: ServiceContext) -> None:
    """Have a data directory that this server can read.

    Raises DataDirectoryError for foreign files or data of a newer MariaDB, InitialisationError when making one fails.
    """
    data = context.locations.mysql
    if not (data / DRAFT / COMPLETE).exists():
        if (data / "mysql").is_dir():
            _refuse_newer(data)
            return
        foreign = sorted(entry.name for entry in data.iterdir() if entry.name not in IGNORED)
        if foreign:
            raise DataDirectoryError(
                f"{data} holds files ({', '.join(foreign[:3])}) but no database.",
                todo="Mount the right volume, or empty this one.",
            )
        _initialise(context, data)
    _move_into_place(data)


def _refuse_newer(data: Path) -> None:
    found, ours = written_by(data), server_version()
    if series(found) > series(ours):
        raise DataDirectoryError(
            f"The database was written by MariaDB {found}; this image has {ours}, which cannot read it.",
            todo="Start the newer image again, or restore a backup.",
        )
