"""A server with one object of each kind, which hostile calls are about, and what is in its database."""

import re
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from typing import Self

import pymysql
import pytest

from oned.database.schema import metadata
from oned.methods.call import Method
from tests.integration.oned.daemon import Daemon
from tests.integration.oned.machines import until
from tests.integration.oned.mariadb import MariaDb

CONFIGURATION = """
VM_MAD = [ NAME = "plain", EXECUTABLE = "python:edge.dummy.vmm:Vmm", ARGUMENTS = "-p -t 50" ]
TM_MAD = [ EXECUTABLE = "python:edge.dummy.tm:Tm", ARGUMENTS = "-t 50 -d dummy" ]
DATASTORE_MAD = [ EXECUTABLE = "python:edge.dummy.datastore:Datastore", ARGUMENTS = "-d dummy" ]
IM_MAD = [ NAME = "dummy", EXECUTABLE = "python:edge.dummy.im:Im" ]
VM_RESTRICTED_ATTR = "NIC/MAC"
DATASTORE_CAPACITY_CHECK = "no"
MARKET_MAD = [ EXECUTABLE = "python:edge.dummy.market:Market" ]
MARKET_MAD_CONF = [ NAME = "dummy", APP_ACTIONS = "create, delete, monitor", REQUIRED_ATTRS = "" ]
VM_RESTRICTED_ATTR = "RAW"
VM_ENCRYPTED_ATTR = "CONTEXT/PASSWORD"
INHERIT_VNET_ATTR = "GATEWAY"
DEFAULT_COST = [ CPU_COST = 1, MEMORY_COST = 0, DISK_COST = 0 ]
"""
_TEMPLATE = "CPU = 1\nMEMORY = 64\n"
_OBJECTS: dict[str, tuple[str | int | bool, ...]] = {
    "cluster": ("victim",),
    "datastore": ("NAME = for-all\nDS_MAD = dummy\nTM_MAD = dummy", -1),
    "document": ("NAME = victim\nSECRET = kept", 100),
    "group": ("victim",),
    "hook": ("NAME = victim\nTYPE = api\nCALL = one.vm.rename\nCOMMAND = /bin/true",),
    "host": ("victim", "dummy", "dummy", -1),
    "market": ("NAME = for-all\nMARKET_MAD = dummy",),
    "secgroup": ("NAME = victim",),
    "template": (f"NAME = victim\n{_TEMPLATE}",),
    "user": ("victim", "victims-word", "core"),
    "vdc": ("NAME = victim",),
    "vm": (f"NAME = victim\n{_TEMPLATE}", True),
    "vmgroup": ("NAME = victim\nROLE = [ NAME = a ]",),
    "vn": ("NAME = for-all\nVN_MAD = dummy\nBRIDGE = b\nAR = [ TYPE = IP4, IP = 10.0.0.1, SIZE = 10 ]", -1),
    "vntemplate": ("NAME = victim\nVN_MAD = bridge",),
    "vrouter": ("NAME = victim",),
}
"""The parameters of each kind's ``allocate``; a victim is what no user but its owner may see."""
STRANGER = "stranger:word"
_BUSY = frozenset({"oneedge_task", "oneedge_event", "oneedge_lease", "host_monitoring", "vm_monitoring"})
_TABLES = sorted(set(metadata.tables) - _BUSY)
"""All but those that the server writes on its own."""


@dataclass(frozen=True)
class World:
    """``ids`` by kind; ``link`` to the database, which :meth:`close` ends."""

    daemon: Daemon
    ids: dict[str, int]
    link: "sqlite3.Connection | pymysql.Connection[pymysql.cursors.Cursor]"

    @classmethod
    def make(cls, daemon: Daemon, request: pytest.FixtureRequest) -> Self:
        """Create the objects, as oneadmin, and the user ``stranger`` of the group users."""
        ids = {kind: int(daemon.ok(f"one.{kind}.allocate", *given)) for kind, given in _OBJECTS.items()}
        text = "NAME = victim\nTYPE = DATABLOCK\nSIZE = 1"
        ids["image"] = int(daemon.ok("one.image.allocate", text, ids["datastore"], True))
        until(lambda: "<STATE>1<" in str(daemon.ok("one.image.info", ids["image"])), "the image is ready")
        app = f"NAME = for-all\nORIGIN_ID = {ids['image']}\nTYPE = image"
        ids["marketapp"] = int(daemon.ok("one.marketapp.allocate", app, ids["market"]))
        daemon.ok("one.user.allocate", "stranger", "word", "core")
        until(lambda: "<STATE>1<" in str(daemon.ok("one.marketapp.info", ids["marketapp"])), "the app is ready")
        until(lambda: "<STATE>1<" in str(daemon.ok("one.image.info", ids["image"])), "the image is free")
        name = re.search(r'DB_NAME = "(\w+)"', daemon.db)
        if name is None:
            path = daemon.root / "var/lib/one/one.db"
            return cls(daemon, ids, sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10))
        server: MariaDb = request.getfixturevalue("mariadb")
        socket = str(server.socket)
        return cls(
            daemon, ids, pymysql.connect(unix_socket=socket, user="root", database=name[1], autocommit=True)
        )

    def close(self) -> None:
        self.link.close()

    @property
    def backend(self) -> str:
        return "sqlite" if isinstance(self.link, sqlite3.Connection) else "mysql"

    def target(self, method: Method) -> int:
        """The id of the object that calls of ``method`` are about."""
        return self.ids.get(method.name.split(".")[1], 0)

    def rows(self, statement: str) -> list[tuple[object, ...]]:
        """The rows that ``statement`` reads from the database itself."""
        with closing(self.link.cursor()) as cursor:
            cursor.execute(statement)
            return list(cursor.fetchall())

    def counts(self) -> dict[str, int]:
        """The number of rows of each table."""
        parts = (f"SELECT '{name}', COUNT(*) FROM {name}" for name in _TABLES)
        return {str(name): int(str(count)) for name, count in self.rows(" UNION ALL ".join(parts))}

    def contents(self) -> dict[str, list[str]]:
        """All rows of each table, as text."""
        return {name: sorted(map(repr, self.rows(f"SELECT * FROM {name}"))) for name in _TABLES}
