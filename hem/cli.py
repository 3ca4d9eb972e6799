"""The command ``onehem-server``."""

import asyncio
import contextlib
import logging
import os
import signal
import sqlite3
import sys
from pathlib import Path

from hem.journal import Journal, JournalError
from hem.manager import Manager
from hem.settings import Settings, read
from onelib.api import DEFAULT_ENDPOINT, Api
from onelib.auth import read_auth
from onelib.errors import OneError, report
from onelib.locations import Locations

_LEVELS = (logging.ERROR, logging.WARNING, logging.INFO, logging.DEBUG)


class _Formatter(logging.Formatter):
    """6.0's line form, in which a text cannot forge a line."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        return super().format(record).replace("\n", "\\n").replace("\r", "\\r")


def _start_log(folder: Path, level: int) -> None:
    """Log to ``onehem.log``. Raises :class:`JournalError`."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handler = logging.FileHandler(folder / "onehem.log", encoding="utf-8")
    except OSError as error:
        raise JournalError(
            f"The log in {folder} cannot be opened: {error.strerror}.", todo="Make the folder writable."
        ) from None
    handler.setFormatter(_Formatter("%(asctime)s [%(levelname).1s]: %(message)s", "%a %b %d %H:%M:%S %Y"))
    log = logging.getLogger("hem")
    log.addHandler(handler)
    log.setLevel(_LEVELS[level])
    log.propagate = False


async def _serve(settings: Settings, api: Api, journal: Journal) -> None:
    """Until SIGTERM or SIGINT; then what runs is ended, and the next process reports it."""
    manager = asyncio.create_task(Manager(settings, api, journal).run())
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, manager.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await manager


def main() -> int:
    """Run the command; returns its exit code."""
    locations = Locations.from_environment()
    try:
        settings = read(locations.etc / "onehem-server.conf", locations)
        credentials = read_auth(locations.auth / "one_auth")
        _start_log(locations.log, settings.level)
        journal = Journal(locations.auth / "onehem.db")
    except OneError as error:
        return report(error)
    log = logging.getLogger("hem")
    log.info("Starting")
    api = Api(os.environ.get("ONE_XMLRPC") or DEFAULT_ENDPOINT, credentials, seconds=30)
    code = 0
    try:
        asyncio.run(_serve(settings, api, journal))
    except* sqlite3.Error as group:
        reason = str(group.exceptions[0])
        todo = "Make room on its disk."
        code = report(JournalError(f"The journal of the hook manager cannot be written: {reason}.", todo=todo))
    finally:
        journal.close()
    log.info("Stopped")
    return code


if __name__ == "__main__":
    sys.exit(main())
