"""Virtual machines on a server with the dummy drivers: making them, and waiting for what becomes of them."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from lxml import etree

from oned.config import read_settings
from oned.database.db import Database
from oned.life.monitor import vm_state
from oned.model.vm_states import LcmState, VmState, state_name
from onelib.locations import Locations
from tests.integration.oned.daemon import PASSWORD, Daemon, Param

ADMIN = f"oneadmin:{PASSWORD}"
DRIVERS = """
VM_MAD = [ NAME = "plain", EXECUTABLE = "python:edge.dummy.vmm:Vmm", ARGUMENTS = "-p -t 50" ]
VM_MAD = [ NAME = "able", EXECUTABLE = "python:edge.dummy.vmm:Vmm", ARGUMENTS = "-p -t 50", KEEP_SNAPSHOTS = "yes",
           LIVE_RESIZE = "yes", COLD_NIC_ATTACH = "yes", DS_LIVE_MIGRATION = "yes", SUPPORT_SHAREABLE = "yes" ]
TM_MAD = [ EXECUTABLE = "python:edge.dummy.tm:Tm", ARGUMENTS = "-t 50 -d dummy" ]
DATASTORE_MAD = [ EXECUTABLE = "python:edge.dummy.datastore:Datastore", ARGUMENTS = "-d dummy" ]
IM_MAD = [ NAME = "dummy", EXECUTABLE = "python:edge.dummy.im:Im" ]
VM_RESTRICTED_ATTR = "NIC/MAC"
VM_RESTRICTED_ATTR = "DISK/TOTAL_BYTES_SEC"
"""
SECONDS = 10


def until(condition: Callable[[], bool], what: str, seconds: float = SECONDS) -> None:
    """Wait until ``condition`` holds."""
    end = time.monotonic() + seconds
    pause = 0.005
    while not condition():
        assert time.monotonic() < end, f"never: {what}"
        time.sleep(pause)
        pause = min(2 * pause, 0.05)


def parsed(text: str | int) -> etree._Element:
    return etree.fromstring(str(text).encode())


@dataclass(frozen=True)
class Ground:
    """What machines stand on: two hosts, a system datastore, one of images, an image, a network; and their owner."""

    oned: Daemon
    hosts: tuple[int, int]
    system: int
    images: int
    image: int
    network: int
    owner: str
    uid: int

    def held(self) -> list[str]:
        """What is in use: capacity, images, addresses, quotas."""
        oned, found = self.oned, []
        for host in self.hosts:
            share = parsed(oned.ok("one.host.info", host))
            names = ("HOST_SHARE/MEM_USAGE", "HOST_SHARE/CPU_USAGE", "HOST_SHARE/RUNNING_VMS", "VMS/ID")
            found += [f"host {host} {name} {share.findtext(name)}" for name in names]
        image = parsed(oned.ok("one.image.info", self.image))
        found += [f"image {name} {image.findtext(name)}" for name in ("RUNNING_VMS", "VMS/ID")]
        found.append(f"leases {parsed(oned.ok('one.vn.info', self.network)).findtext('USED_LEASES')}")
        user = parsed(oned.ok("one.user.info", self.uid))
        found += [
            f"{tag} {element.text}" for element in user.iter() if (tag := str(element.tag)).endswith("_USED")
        ]
        return [line for line in found if line.split()[-1] not in {"0", "None"}]

    def is_given_back(self) -> None:
        """Wait until nothing is in use."""
        end = time.monotonic() + SECONDS
        while held := self.held():
            assert time.monotonic() < end, held
            time.sleep(0.05)


def lay(oned: Daemon, name: str, driver: str = "able") -> Ground:
    """Make what machines need, under names of its own."""
    hosts = [int(oned.ok("one.host.allocate", f"{name}-{n}", "dummy", driver, -1)) for n in (1, 2)]
    system = int(oned.ok("one.datastore.allocate", f'NAME="{name}-sys"\nTYPE="SYSTEM_DS"\nTM_MAD="dummy"', -1))
    oned.ok("one.datastore.chmod", system, 1, 1, 0, 1, 0, 0, 1, 0, 0)
    images = int(
        oned.ok(
            "one.datastore.allocate", f'NAME="{name}-img"\nTYPE="IMAGE_DS"\nDS_MAD="dummy"\nTM_MAD="dummy"', -1
        )
    )
    oned.ok("one.datastore.chmod", images, 1, 1, 0, 1, 0, 0, 1, 0, 0)
    net = f'NAME="{name}-net"\nVN_MAD="dummy"\nBRIDGE="br0"\nAR=[TYPE="IP4", IP="10.0.0.1", SIZE="200"]'
    network = int(oned.ok("one.vn.allocate", net, -1))
    oned.ok("one.vn.chmod", network, 1, 1, 0, 1, 0, 0, 1, 0, 0)
    for host in hosts:
        until(lambda: "<MAX_CPU>0<" not in str(oned.ok("one.host.info", host)), f"{host} is monitored")  # noqa: B023
    until(lambda: "<FREE_MB>0<" not in str(oned.ok("one.datastore.info", images)), "the datastore is looked at")
    image = int(oned.ok("one.image.allocate", f'NAME="{name}"\nTYPE="OS"\nSIZE="10"', images))
    oned.ok("one.image.chmod", image, 1, 1, 0, 1, 0, 0, 1, 0, 0)
    until(lambda: "<STATE>1</STATE>" in str(oned.ok("one.image.info", image)), "the image is there")
    uid = int(oned.ok("one.user.allocate", name, "pass-word", "core"))
    return Ground(oned, (hosts[0], hosts[1]), system, images, image, network, f"{name}:pass-word", uid)


@dataclass(frozen=True)
class Machine:
    """One virtual machine of a server. What is done with it, oneadmin does."""

    oned: Daemon
    oid: int

    @property
    def body(self) -> etree._Element:
        return parsed(self.oned.ok("one.vm.info", self.oid))

    def text(self, path: str) -> str:
        found = self.body.findtext(path)
        assert found is not None, path
        return found

    @property
    def state(self) -> str:
        body = self.body
        state, lcm = (int(body.findtext(name) or 0) for name in ("STATE", "LCM_STATE"))
        return state_name(VmState(state), LcmState(lcm))

    @property
    def error(self) -> str:
        return self.body.findtext("USER_TEMPLATE/ERROR") or ""

    def reaches(self, state: str) -> "Machine":
        until(lambda: self.state == state, f"VM {self.oid}, now in {self.state} ({self.error}), reaches {state}")
        return self

    def act(self, verb: str) -> "Machine":
        self.oned.ok("one.vm.action", verb, self.oid)
        return self

    def call(self, method: str, *params: Param) -> int:
        return int(self.oned.ok(f"one.vm.{method}", self.oid, *params))

    def refuses(self, method: str, *params: Param, code: int = 0x800, session: str = ADMIN) -> str:
        text = self.oned.fails(code, f"one.vm.{method}", self.oid, *params, session=session)
        return text.removeprefix(f"[one.vm.{method}] ")

    def deploy(self, host: int, ds: int = -1) -> "Machine":
        self.call("deploy", host, False, ds)
        return self

    def wish(self, **wishes: str) -> "Machine":
        """Let the dummy drivers do this from now on; nothing special without any."""
        self.call("update", wish(**wishes), 1)
        return self

    def disks(self) -> list[etree._Element]:
        return self.body.findall("TEMPLATE/DISK")

    def records(self) -> list[etree._Element]:
        return self.body.findall("HISTORY_RECORDS/HISTORY")


def wish(**wishes: str) -> str:
    """What the dummy drivers are to do with a machine: ``fail="deploy"``."""
    inner = ", ".join(f'{key.upper()}="{value}"' for key, value in wishes.items()) or 'DELAY="0"'
    return f"DUMMY=[{inner}]"


def new(ground: Ground, template: str = "", **wishes: str) -> Machine:
    """A machine of the ground's owner that waits for a host."""
    text = f'CPU="0.01"\nMEMORY="128"\n{wish(**wishes)}\n{template}'
    return Machine(ground.oned, int(ground.oned.ok("one.vm.allocate", text, session=ground.owner)))


def furnished(ground: Ground) -> str:
    """A disk of an image, a volatile one, an interface and a console."""
    return (
        f'DISK=[IMAGE_ID="{ground.image}", ALLOW_ORPHANS="YES"]\nDISK=[TYPE="fs", SIZE="5", FORMAT="raw"]\n'
        f'NIC=[NETWORK_ID="{ground.network}"]\nGRAPHICS=[TYPE="vnc", LISTEN="0.0.0.0"]\nCONTEXT=[NETWORK="YES"]'
    )


def running(ground: Ground, template: str = "", **wishes: str) -> Machine:
    """A machine that runs on the first host."""
    return new(ground, template, **wishes).deploy(ground.hosts[0], ground.system).reaches("RUNNING")


@contextmanager
def side_door(oned: Daemon) -> Iterator[Callable[[int, int, str], bool]]:
    """A second worker on the database: gives what hosts report of machines to the server's own code."""
    settings = read_settings(oned.conf, Locations(oned.root))
    database = Database(settings.database)
    database.start()

    def report(host: int, vm: int, state: str) -> bool:
        job = database.submit(lambda transaction: vm_state(transaction, host, vm, state, settings=settings))
        return job.result(SECONDS)

    try:
        yield report
    finally:
        database.close()
