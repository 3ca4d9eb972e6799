"""Calls a second of oned, and what each call takes, beside the figures of the incumbent."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

from bench.figures import Bench, Figure, Yardstick
from bench.load import NUMBER, Load, flushes_per_second, mariadb, put, sqlite
from edge.dummy.behaviour import Dummy
from onelib.template_xml import Element
from tests.integration.oned.daemon import Daemon
from tests.integration.oned.machines import DRIVERS

SECONDS = 3.0
BODY = '{"name": "service", "roles": [' + ", ".join(f'{{"name": "role{n}"}}' for n in range(20)) + "]}"
DOCUMENT = f"<TEMPLATE><BODY><![CDATA[{BODY}]]></BODY></TEMPLATE>"
MACHINE = """NAME = "vm"
CPU = 0.1
MEMORY = 64
CONTEXT = [ NETWORK = "YES", SET_HOSTNAME = "$NAME" ]
GRAPHICS = [ TYPE = "VNC", LISTEN = "0.0.0.0" ]
OS = [ ARCH = "x86_64" ]
DESCRIPTION = "made to be counted"
"""
INCUMBENT = {
    "system.version": 1041.0,
    "document.info": 1100.0,
    "vm.info": 1225.0,
    "document.allocate": 641.0,
    "template.allocate": 481.0,
    "vm.allocate": 528.0,
    "host.allocate": 116.0,
}
"""Calls a second of OpenNebula 6.0.0.3 for 8 clients on a machine like this, a connection for each, on MariaDB."""


def loads(daemon: Daemon) -> Iterator[Load]:
    """A load for each method."""
    document = int(daemon.ok("one.document.allocate", DOCUMENT, 100))
    machine = int(daemon.ok("one.vm.allocate", MACHINE, True))
    yield Load("system.version")
    yield Load("document.info", (document,))
    yield Load("vm.info", (machine,))
    yield Load("document.allocate", (DOCUMENT, 100))
    yield Load("template.allocate", (MACHINE.replace('"vm"', f'"t{NUMBER}"', 1),))
    yield Load("vm.allocate", (MACHINE, True))
    yield Load("host.allocate", (f"h{NUMBER}", "idle", "idle", -1))


class Idle(Dummy):
    """A driver of monitoring that reports nothing, as in the incumbent's measurement."""

    def answer(self, action: str, oid: int, root: Element | None, task: str) -> str:
        """Nothing."""
        _ = action, oid, root, task
        return ""


IDLE = f"""{DRIVERS}
IM_MAD = [ NAME = "idle", EXECUTABLE = "python:bench.throughput:Idle" ]
VM_MAD = [ NAME = "idle", EXECUTABLE = "python:edge.dummy.vmm:Vmm" ]
"""


def cells(where: str, make: Callable[[Path], AbstractContextManager[Daemon]], *, target: bool) -> Iterator[Figure]:
    """The figures of one database, with a connection for each call and with kept ones."""
    with tempfile.TemporaryDirectory() as name, make(Path(name)) as daemon:
        daemon.extra = IDLE
        daemon.write_conf()
        yardstick = Yardstick("one writer's flushes", flushes_per_second(Path(name)))
        daemon.start()
        for load in loads(daemon):
            known = INCUMBENT[load.name]
            for keep in (False, True):
                found = put(daemon, replace(load, seconds=SECONDS, keep=keep))
                label = f"{where}: {load.name}, connections {'kept' if keep else 'new'}"
                limit = known if target and not keep else None
                against = yardstick if "allocate" in load.name else None
                yield Figure(label, "calls/s", [found.rate], limit, yardstick=against, floor=True)
                yield Figure(label, "ms", found.milliseconds)


THROUGHPUT = Bench(
    "throughput",
    "8 clients on the same machine, each a process that sends prebuilt bodies over raw HTTP. MariaDB commits durably "
    "(`innodb_flush_log_at_trx_commit=1`), SQLite with `synchronous=FULL`. Targets are the incumbent's figures on a "
    "machine like this, where it opens a connection for each call (it knows no others) on MariaDB.",
    lambda: [*cells("MariaDB", mariadb, target=True), *cells("SQLite", sqlite, target=False)],
    image=False,
)
