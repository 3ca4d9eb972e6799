"""What the container knows of the upgrade of its database: where that is, and the record of the last upgrade.

The record is a JSON file beside the backups, on their volume, so that an image that takes over knows it too::

    {"state": "done", "from": ["5.12.0", "5.12.0"], "to": "6.0.0", "backup": "/var/lib/one/...", "begun": 1.0,
     "ended": 2.0, "reason": ""}

``state`` is ``running`` (or killed), ``done``, ``failed`` or ``put back``; times are seconds of the epoch.
"""

import contextlib
import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bootstrap.actions import File, Owner
from onelib.locations import Locations

if TYPE_CHECKING:
    from oned.config import DatabaseSettings

RUNNING, DONE, FAILED, PUT_BACK = "running", "done", "failed", "put back"
CONNECTIONS = 2
KEEP_SECONDS = 86400.0
"""How long the tables from before an upgrade are kept at least, unless somebody confirms it."""


def boot_target(at: Locations) -> dict[str, Any]:
    """What the boot says of the database: ``backup``, and for MariaDB ``host``, ``port``, ``user``, ``database``."""
    found: dict[str, Any] = json.loads((at.run / "database.json").read_text())
    return found


def settings_of(at: Locations) -> "DatabaseSettings":
    """The database as this boot's ``oned`` will use it."""
    from oned.config import DatabaseSettings

    target, default = boot_target(at), at.var / "one.db"
    if "host" not in target:
        return DatabaseSettings("sqlite", "", 0, "", "", "", default, CONNECTIONS)
    return DatabaseSettings(
        backend="mysql",
        server=target["host"],
        port=target["port"],
        user=target["user"],
        password=(at.run / "secrets/mysql-password").read_text(),
        name=target["database"],
        path=default,
        connections=CONNECTIONS,
    )


def backup_folder(at: Locations) -> Path:
    """Where backups of an upgrade go."""
    return at.backups / "db"


def owner_of(folder: Path) -> Owner | None:
    """Who owns ``folder``, and so what root puts into it; None for a plain user, whose own everything is."""
    found = folder.stat()
    return Owner(found.st_uid, found.st_gid) if os.geteuid() == 0 else None


def record_path(at: Locations) -> Path:
    """The record's file."""
    return backup_folder(at) / "last-upgrade.json"


def read_record(at: Locations) -> dict[str, Any] | None:
    """The record, None without one that can be read."""
    with contextlib.suppress(OSError, ValueError):
        found = json.loads(record_path(at).read_text())
        if isinstance(found, dict) and isinstance(found.get("begun"), int | float):
            return found
    return None


def write_record(at: Locations, record: dict[str, Any], state: str, reason: str = "") -> None:
    """Keep the record, in ``state``, durably. Raises :class:`onelib.errors.OneError`."""
    ended = {} if state == RUNNING else {"ended": round(time.time(), 3)}
    content = json.dumps(record | {"state": state, "reason": reason} | ended, indent=1).encode() + b"\n"
    folder = backup_folder(at)
    File(record_path(at), content, 0o640, owner_of(folder), durable=True).apply()


def confirm_old(at: Locations, now: float) -> list[str]:
    """Drop the tables from before an upgrade that is a day old and on which a healthy ``oned`` has worked.

    Returns their names. Raises :class:`onedb.errors.OnedbError`.
    """
    from healthcheck import probe, verdict
    from onedb.link import open_link
    from onedb.upgrade import swap
    from onedb.upgrade.run import confirm
    from onedb.version import read_versions
    from onelib import services

    run = str(at.run)
    if "opennebula" not in services.read_table(run)["services"]:
        return []
    if probe.ask(run, "ready")[0].status != verdict.OK:
        return []
    settings = settings_of(at)
    with open_link(settings) as link:
        versions = read_versions(link) if swap.is_used(link) else None
    if versions is None or now - max(versions.shared.timestamp, versions.local.timestamp) < KEEP_SECONDS:
        return []
    return confirm(settings)
