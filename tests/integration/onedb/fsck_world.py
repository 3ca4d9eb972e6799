"""A database that a server has filled, with machines in many states; the server is stopped, so that fsck may run."""

import re
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from oned.config import read_settings
from oned.database.engine import make_engine
from onedb.fsck.run import Outcome, run
from onelib.locations import Locations
from tests.integration.oned import machines
from tests.integration.oned.conftest import end, new_daemon
from tests.integration.oned.daemon import Daemon
from tests.integration.oned.machines import Ground, until
from tests.integration.oned.test_machine_states import HOW, Yard

STATES = ("HOLD", "RUNNING", "MIGRATE", "SAVE_MIGRATE", "PROLOG_MIGRATE", "EPILOG_STOP", "STOPPED", "UNDEPLOYED",
          "DISK_RESIZE_UNDEPLOYED", "POWEROFF", "HOTPLUG_NIC", "CLEANUP_RESUBMIT", "DISK_SNAPSHOT", "DONE",
          "DISK_SNAPSHOT_POWEROFF", "BOOT_POWEROFF")  # fmt: skip


TABLES = ("vm_pool", "history", "host_pool", "image_pool", "network_pool", "user_pool", "group_pool", "acl",
          "cluster_pool", "datastore_pool", "vrouter_pool", "marketplace_pool", "marketplaceapp_pool",
          "template_pool", "user_quotas", "group_quotas", "pool_control", "cluster_vnc_bitmap",
          "cluster_datastore_relation", "cluster_network_relation")  # fmt: skip


@dataclass(frozen=True)
class World:
    """The database, and what the server has put there. ``vms`` has a machine by its state."""

    daemon: Daemon
    engine: Engine
    ground: Ground
    vms: dict[str, int]
    persistent: int
    router: int
    reservation: int
    group: int

    def sql(self, statement: str, **values: object) -> list[tuple[object, ...]]:
        """Run one statement; its rows."""
        with self.engine.begin() as connection:
            result = connection.execute(text(statement), values)
            return [tuple(row) for row in result] if result.returns_rows else []

    def body(self, table: str, oid: int, key: str = "oid") -> str:
        rows = self.sql(f"SELECT body FROM {table} WHERE {key} = :oid", oid=oid)
        assert rows, (table, oid)
        return str(rows[0][0])

    def edit(self, table: str, oid: int, *changes: tuple[str, str], key: str = "oid") -> None:
        """Replace texts in a body, each of which has to be there."""
        body = self.body(table, oid, key)
        for old, new in changes:
            assert old in body, (old, body)
            body = body.replace(old, new, 1)
        self.sql(f"UPDATE {table} SET body = :body WHERE {key} = :oid", body=body, oid=oid)

    def empty(self, table: str, oid: int, tag: str) -> None:
        """Empty the first element ``tag`` of a body."""
        body = self.body(table, oid)
        changed = re.sub(f"<{tag}>.+?</{tag}>", f"<{tag}></{tag}>", body, count=1)
        self.sql(f"UPDATE {table} SET body = :body WHERE oid = :oid", body=changed, oid=oid)

    def keep(self) -> dict[str, list[dict[str, object]]]:
        """All rows of the tables, to be put back with ``restore``."""
        with self.engine.begin() as connection:
            return {
                name: [dict(row._mapping) for row in connection.execute(text(f"SELECT * FROM {name}"))]
                for name in TABLES
            }

    def restore(self, kept: dict[str, list[dict[str, object]]]) -> None:
        """Put the rows back."""
        now = self.keep()
        with self.engine.begin() as connection:
            for name, rows in kept.items():
                if now[name] == rows:
                    continue
                connection.execute(text(f"DELETE FROM {name}"))
                if not rows:
                    continue
                columns = ", ".join(rows[0])
                values = ", ".join(f":{column}" for column in rows[0])
                connection.execute(text(f"INSERT INTO {name} ({columns}) VALUES ({values})"), rows)

    def fsck(self, *, dry: bool = False) -> list[str]:
        """The lines of a run."""
        return [finding.line for finding in self.outcome(dry=dry).findings]

    def outcome(self, *, dry: bool = False) -> Outcome:
        return run(self.engine, lambda name, finding: None, dry=dry)


def _fill(daemon: Daemon, ground: Ground) -> tuple[int, int, int, int]:
    """A persistent image in use, a router with a floating address, a reservation, a group with a user."""
    name = 'NAME="kept"\nTYPE="OS"\nSIZE="10"\nPERSISTENT="YES"'
    image = int(daemon.ok("one.image.allocate", name, ground.images))
    until(lambda: "<STATE>1</STATE>" in str(daemon.ok("one.image.info", image)), "the image is there")
    disk = f'DISK=[IMAGE_ID="{image}"]\nCPU="0.29"\nMEMORY="64"\nVCPU="1"'
    daemon.ok("one.vm.allocate", disk, False)
    nic = f'NIC=[NETWORK_ID="{ground.network}", FLOATING_IP="YES"]'
    router = int(daemon.ok("one.vrouter.allocate", f'NAME="router"\n{nic}'))
    template = int(daemon.ok("one.template.allocate", 'NAME="router"\nCPU=1\nMEMORY=64\nVROUTER="YES"'))
    daemon.ok("one.vrouter.instantiate", router, 2, template, "", False, "")
    reservation = int(daemon.ok("one.vn.reserve", ground.network, 'SIZE="5"\nNAME="mine"'))
    group = int(daemon.ok("one.group.allocate", "team"))
    daemon.ok("one.user.addgroup", ground.uid, group)
    daemon.ok("one.vn.chown", reservation, ground.uid, group)
    daemon.ok("one.image.chown", image, ground.uid, group)
    return image, router, reservation, group


@contextmanager
def world(backend: str, request: pytest.FixtureRequest, root: Path, states: tuple[str, ...]) -> Iterator[World]:
    """Make it: machines in ``states``, those of a user as well, on ``backend``."""
    daemon = new_daemon(root, backend, request, machines.DRIVERS)
    try:
        daemon.start()
        ground = machines.lay(daemon, "fsck")
        parts = _fill(daemon, ground)
        with machines.side_door(daemon) as report, ThreadPoolExecutor(8) as threads:
            yard = Yard(ground, report)
            brought = threads.map(lambda state: yard.bring(state).oid, states)
            vms = dict(zip(states, brought, strict=True))
        for oid in list(vms.values())[::2]:
            daemon.call("one.vm.chown", oid, ground.uid, parts[3])  # one that is being worked on keeps its owner
        daemon.stop(signal.SIGTERM)
        engine = make_engine(read_settings(daemon.conf, Locations(daemon.root)).database, 2, autocommit=False)
        try:
            yield World(daemon, engine, ground, vms, *parts)
        finally:
            engine.dispose()
    finally:
        end(daemon)


ALL_STATES = tuple(HOW)
