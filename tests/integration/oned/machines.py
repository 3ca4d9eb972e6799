"""Virtual machines on a server with the dummy drivers: making them, and waiting for what becomes of them."""

import time
from dataclasses import dataclass

from lxml import etree

from oned.model.vm_states import LcmState, VmState, state_name
from tests.integration.oned.daemon import Daemon, Param

DRIVERS = """
VM_MAD = [ NAME = "dummy", EXECUTABLE = "python:edge.dummy.vmm:Vmm", ARGUMENTS = "-p", LIVE_RESIZE = "yes",
           KEEP_SNAPSHOTS = "no" ]
VM_MAD = [ NAME = "keeper", EXECUTABLE = "python:edge.dummy.vmm:Vmm", ARGUMENTS = "-p", KEEP_SNAPSHOTS = "yes",
           DS_LIVE_MIGRATION = "yes", COLD_NIC_ATTACH = "yes", SUPPORT_SHAREABLE = "yes" ]
TM_MAD = [ EXECUTABLE = "python:edge.dummy.tm:Tm", ARGUMENTS = "-d dummy" ]
DATASTORE_MAD = [ EXECUTABLE = "python:edge.dummy.datastore:Datastore", ARGUMENTS = "-d dummy" ]
IM_MAD = [ NAME = "dummy", EXECUTABLE = "python:edge.dummy.im:Im" ]
"""
SECONDS = 20


@dataclass(frozen=True)
class Ground:
    """What machines stand on: two hosts, a system datastore, an image, a network."""

    hosts: tuple[int, int]
    system: int
    images: int
    network: int


def number(value: str | int) -> int:
    return int(value)


def lay(oned: Daemon, name: str, driver: str = "dummy", cpus: int = 4000) -> Ground:
    """Make what machines need, under names of its own."""
    hosts = [number(oned.ok("one.host.allocate", f"{name}-{n}", "dummy", driver, -1)) for n in (1, 2)]
    ds = f'NAME="{name}-sys"\nTYPE="SYSTEM_DS"\nTM_MAD="dummy"'
    system = number(oned.ok("one.datastore.allocate", ds, -1))
    ds = f'NAME="{name}-img"\nTYPE="IMAGE_DS"\nDS_MAD="dummy"\nTM_MAD="dummy"'
    images = number(oned.ok("one.datastore.allocate", ds, -1))
    net = f'NAME="{name}-net"\nVN_MAD="dummy"\nBRIDGE="br0"\nAR=[TYPE="IP4", IP="10.0.0.1", SIZE="200"]'
    network = number(oned.ok("one.vn.allocate", net, -1))
    ground = Ground((hosts[0], hosts[1]), system, images, network)
    for host in hosts:
        until(lambda host=host: "<MAX_CPU>0<" not in str(oned.ok("one.host.info", host)), f"host {host} is monitored")
    until(lambda: "<FREE_MB>0<" not in str(oned.ok("one.datastore.info", images)), "the datastore is looked at")
    return ground


def until(condition: object, what: str, seconds: float = SECONDS) -> None:
    """Wait until ``condition()`` holds."""
    assert callable(condition)
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"never: {what}"
        time.sleep(0.01)


@dataclass(frozen=True)
class Machine:
    """One virtual machine of a server."""

    oned: Daemon
    oid: int

    @property
    def body(self) -> etree._Element:
        return etree.fromstring(str(self.oned.ok("one.vm.info", self.oid)).encode())

    def text(self, path: str) -> str:
        found = self.body.findtext(path)
        assert found is not None, path
        return found

    @property
    def state(self) -> str:
        body = self.body
        return state_name(
            VmState(int(body.findtext("STATE") or 0)), LcmState(int(body.findtext("LCM_STATE") or 0))
        )

    def reaches(self, state: str) -> "Machine":
        until(lambda: self.state == state, f"VM {self.oid} in {self.state} reaches {state}")
        return self

    def act(self, verb: str) -> "Machine":
        self.oned.ok("one.vm.action", verb, self.oid)
        return self

    def call(self, method: str, *params: Param) -> str | int:
        return self.oned.ok(f"one.vm.{method}", self.oid, *params)

    def refuses(self, method: str, *params: Param, code: int = 0x800) -> str:
        return self.oned.fails(code, f"one.vm.{method}", self.oid, *params)

    def deploy(self, host: int, ds: int = -1) -> "Machine":
        self.call("deploy", host, False, ds)
        return self


def wish(**wishes: str) -> str:
    """What the dummy drivers are to do with a machine: ``FAIL="deploy"``."""
    return f"DUMMY=[{', '.join(f'{key}={chr(34)}{value}{chr(34)}' for key, value in wishes.items())}]"


def new(oned: Daemon, template: str = "", **wishes: str) -> Machine:
    """A machine that waits for a host."""
    asked = f"{wish(**wishes)}\n" if wishes else ""
    return Machine(oned, number(oned.ok("one.vm.allocate", f'CPU="1"\nMEMORY="128"\n{asked}{template}')))


def change(machine: Machine, **wishes: str) -> None:
    """Let the dummy drivers do other things from now on."""
    machine.call("update", wish(**wishes), 1)


def running(oned: Daemon, ground: Ground, template: str = "", **wishes: str) -> Machine:
    """A machine that runs on the first host."""
    return new(oned, template, **wishes).deploy(ground.hosts[0], ground.system).reaches("RUNNING")
