"""Dummy drivers that write down what they have done, and what a test reads from it."""

import os
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from edge.dummy import tm, vmm
from onelib.driver import DriverSettings


class Vmm(vmm.Vmm):
    """The dummy hypervisor, with ``-j FILE`` for its journal."""

    async def call(self, action: str, oid: int, message: str, task: str) -> str:
        answer = await super().call(action, oid, message, task)
        write(self.settings, action, oid, task)
        return answer


class Tm(tm.Tm):
    """The dummy of disks, with a journal."""

    async def call(self, action: str, oid: int, message: str, task: str) -> str:
        answer = await super().call(action, oid, message, task)
        if action != "MONITOR":
            write(self.settings, action, oid, task)
        return answer


def write(settings: DriverSettings, action: str, oid: int, task: str) -> None:
    """One line for what is done; several processes may write to one file."""
    path = settings.option("-j")
    assert path
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, f"{os.getpid()} {time.time()} {action} {oid} {task}\n".encode())
    finally:
        os.close(descriptor)


def drivers(path: Path) -> str:
    """The sections of oned.conf for these drivers."""
    options = f"-t 50 -j {path}"
    return f"""
VM_MAD = [ NAME = "able", EXECUTABLE = "python:{__name__}:Vmm", ARGUMENTS = "-p {options}", KEEP_SNAPSHOTS = "yes",
           LIVE_RESIZE = "yes", COLD_NIC_ATTACH = "yes", DS_LIVE_MIGRATION = "yes", SUPPORT_SHAREABLE = "yes" ]
TM_MAD = [ EXECUTABLE = "python:{__name__}:Tm", ARGUMENTS = "{options} -d dummy" ]
DATASTORE_MAD = [ EXECUTABLE = "python:edge.dummy.datastore:Datastore", ARGUMENTS = "-d dummy" ]
IM_MAD = [ NAME = "dummy", EXECUTABLE = "python:edge.dummy.im:Im" ]
"""


@dataclass(frozen=True)
class Done:
    """A request that a driver in the process ``pid`` has carried out, by the clock of the machine."""

    pid: int
    when: float
    action: str
    oid: int
    task: str


class Journal:
    """What was done so far."""

    def __init__(self, path: Path) -> None:
        self.done: list[Done] = []
        for line in path.read_text().splitlines():
            pid, when, action, oid, task = line.split()
            self.done.append(Done(int(pid), float(when), action, int(oid), task))

    def of(self, oid: int) -> Counter[str]:
        """How many requests of each kind were made for a machine, each once however often it was carried out."""
        return Counter(action for action, _ in {(done.action, done.task) for done in self.done if done.oid == oid})

    def repeated(self) -> list[Done]:
        """All but the last of those that were carried out for one request."""
        last = {done.task: done for done in self.done}
        return [done for done in self.done if last[done.task] is not done]
