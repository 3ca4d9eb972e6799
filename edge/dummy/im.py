"""The dummy of monitoring: hosts with 8 processors and 16 GiB, on which all is well."""

import base64
import time
from functools import partial

from edge.dummy.behaviour import TOTAL_MB, USED_MB, Dummy, find, unknown
from edge.dummy.probes import Probes, Report, Target
from edge.dummy.world import WORLD
from onelib.driver import DriverSettings
from onelib.template_xml import Element, text_of

TOTAL_CPU = 800
"""Hundredths of a processor."""
TOTAL_MEMORY = 16 * 2**20
"""KiB."""


class Im(Dummy):
    """Reports at once, and then as often as the probes of the monitoring daemon's configuration do.

    A host's ``DUMMY = [ VM_STATE = "7:POWEROFF, 8:UNKNOWN" ]`` lets it report what has become of its machines,
    ``SILENT = "YES"`` only when it is asked. Both are read when the probes are started.
    """

    def __init__(self, settings: DriverSettings) -> None:
        super().__init__(settings)
        self._probes = Probes()

    def answer(self, action: str, oid: int, root: Element | None, task: str) -> str:
        """START_MONITOR: the first reports, ``<MONITOR_MESSAGES>``."""
        _ = task
        if action in {"START_MONITOR", "STOP_MONITOR"}:
            self._probes.stop(oid)
        if action == "STOP_MONITOR":
            return ""
        if action != "START_MONITOR":
            raise unknown(action)
        host = root if root is None or root.tag == "HOST" else root.find("HOST")
        WORLD.learn(find(host, "NAME"), _belonging(host))
        reports: dict[str, Report] = {
            "SYSTEM_HOST": partial(_system, host),
            "MONITOR_HOST": partial(_load, host),
            "MONITOR_VM": partial(_machines, host),
            "STATE_VM": partial(_states, host),
        }
        target = Target.of(None if root is None else root.find("MONITOR_CONFIGURATION"))
        if target is not None and not _is_silent(host):
            self._probes.start(oid, target, {"BEACON_HOST": str, **reports})
        sections = {name: report() for name, report in reports.items()}
        coded = ((name, base64.b64encode(text.encode()).decode()) for name, text in sections.items())
        inner = "".join(f"<{name}>{text}</{name}>" for name, text in coded)
        return f"<MONITOR_MESSAGES>{inner}<TIMESTAMP>{int(time.time())}</TIMESTAMP></MONITOR_MESSAGES>"


def _system(host: Element | None) -> str:
    return (
        'ARCH="x86_64"\nHYPERVISOR="dummy"\nMODELNAME="Dummy(R) Core @ 3.2GHz"\nCPUSPEED="3200"\n'
        f'HOSTNAME="{find(host, "NAME")}"\nTOTALCPU="{TOTAL_CPU}"\nTOTALMEMORY="{TOTAL_MEMORY}"\n'
        f'DS_LOCATION_USED_MB="{USED_MB}"\nDS_LOCATION_TOTAL_MB="{TOTAL_MB}"\n'
        f'DS_LOCATION_FREE_MB="{TOTAL_MB - USED_MB}"\n'
    )


def _amount(host: Element | None, path: str, most: int) -> int:
    """What is given to machines, of which half is in use."""
    text = find(host, path, "0")
    return min(int(text) // 2 if text.isdigit() else 0, most)


def _load(host: Element | None) -> str:
    cpu = _amount(host, "HOST_SHARE/CPU_USAGE", TOTAL_CPU)
    memory = _amount(host, "HOST_SHARE/MEM_USAGE", TOTAL_MEMORY)
    return (
        f'USEDCPU="{cpu}"\nFREECPU="{TOTAL_CPU - cpu}"\nUSEDMEMORY="{memory}"\n'
        f'FREEMEMORY="{TOTAL_MEMORY - memory}"\nNETTX="0"\nNETRX="0"\n'
    )


def _belonging(host: Element | None) -> set[int]:
    """The machines of the host, as the server knows them."""
    texts = [] if host is None else [text_of(element) for element in host.findall("VMS/ID")]
    return {int(text) for text in texts if text.isdecimal()}


def _is_silent(host: Element | None) -> bool:
    return host is not None and any(find(vector, "SILENT").upper() == "YES" for vector in host.iter("DUMMY"))


def _machines(host: Element | None) -> str:
    """A load for each machine that runs on the host; its counters grow with time."""
    counter = int(time.time()) % 10**6
    load = (
        f'CPU="5.0"\nMEMORY="131072"\nNETTX="{counter}"\nNETRX="{2 * counter}"\nDISKRDBYTES="{counter}"\n'
        f'DISKWRBYTES="{counter}"\nDISKRDIOPS="{counter}"\nDISKWRIOPS="{counter}"\n'
    )
    coded = base64.b64encode(load.encode()).decode()
    return "".join(
        f'VM=[ ID="{oid}", DEPLOY_ID="one-{oid}", MONITOR="{coded}" ]\n'
        for oid in WORLD.machines(find(host, "NAME"))
    )


def _states(host: Element | None) -> str:
    """What DUMMY asks to be reported."""
    vectors = [] if host is None else list(host.iter("DUMMY"))
    pairs = [pair.strip().partition(":") for vector in vectors for pair in find(vector, "VM_STATE").split(",")]
    return "".join(
        f'VM=[ ID="{oid}", DEPLOY_ID="one-{oid}", STATE="{state.strip().upper()}" ]\n'
        for oid, _, state in pairs
        if oid.isdigit() and state.strip().isalpha()
    )
