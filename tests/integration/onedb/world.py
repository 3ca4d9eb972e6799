"""One database of an old release, what is in it, and the tool as a process."""

import hashlib
import itertools
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from oned.config import DatabaseSettings
from onedb.link import open_link
from onedb.version import read_versions
from tests.integration.oned.mariadb import MariaDb
from tests.support.old_database import make_old_database

ROOT = Path(__file__).resolve().parents[3]
PASSWORD = "db-secret-word"
_numbers = itertools.count()


@dataclass
class World:
    """A database, a tree of its own, and ``onedb`` on them."""

    settings: DatabaseSettings
    root: Path
    server: MariaDb | None = None

    def fill(self, version: str = "5.12", vms: int = 30) -> None:
        make_old_database(self.settings, version, vms)

    @property
    def options(self) -> list[str]:
        if self.server is None:
            return ["-s", str(self.settings.path)]
        return [
            "-S",
            "127.0.0.1",
            "-P",
            str(self.settings.port),
            "-u",
            self.settings.user,
            "-d",
            self.settings.name,
        ]

    @property
    def environment(self) -> dict[str, str]:
        own = {"ONEEDGE_ROOT": str(self.root), "PYTHONPATH": str(ROOT), "ONE_DB_PASSWORD": PASSWORD}
        return {"PATH": os.environ["PATH"], **own}

    def start(self, *command: str, **more: str) -> subprocess.Popen[str]:
        pipe = subprocess.PIPE
        return subprocess.Popen(command, env=self.environment | more, stdout=pipe, stderr=pipe, text=True)

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "onedb.cli", *words, *self.options]

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        process = self.start(*self.command(*words))
        out, err = process.communicate(timeout=120)
        return subprocess.CompletedProcess(words, process.returncode, out, err)

    def sql(self, statement: str) -> None:
        with open_link(self.settings) as link:
            link.fetch(statement)

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        with open_link(self.settings) as link:
            return link.fetch(statement)

    def versions(self) -> tuple[str, str]:
        with open_link(self.settings) as link:
            found = read_versions(link)
        assert found is not None
        return found.shared.version, found.local.version

    def tables(self) -> list[str]:
        with open_link(self.settings) as link:
            return [name for name in link.tables() if not name.startswith("sqlite_")]

    def contents(self) -> dict[str, str]:
        """A digest of every table but the passing ones and the versions, whose rows hold the time."""
        found = {}
        with open_link(self.settings) as link:
            for name in self.tables():
                if not name.startswith("oneedge_"):
                    columns = [each for each in link.columns(name) if each != "timestamp"]
                    names = ", ".join(map(link.quoted, columns))
                    rows = sorted(map(repr, link.fetch(f"SELECT {names} FROM {link.quoted(name)}")))
                    found[name] = hashlib.sha256("\n".join([names, *rows]).encode()).hexdigest()
        return found


def sqlite_world(root: Path) -> World:
    path = root / "one.db"
    return World(DatabaseSettings("sqlite", "", 0, "", "", "", path, 2), root)


def mysql_world(root: Path, server: MariaDb) -> World:
    name = f"onedb{next(_numbers)}"
    server.create(name)
    settings = DatabaseSettings("mysql", "127.0.0.1", server.port, "oneadmin", PASSWORD, name, root / "none", 2)
    return World(settings, root, server)
