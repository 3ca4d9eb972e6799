"""The capacity of a host: what it has, what is reserved, what virtual machines use.

CPU in hundredths of a core, memory in KB, disk in MB (OpenNebula 6.0, schema ``host.xsd``).
"""

import re
from dataclasses import dataclass, field
from typing import Self

from oned.model import numa, pci
from oned.model.base import number
from onelib.template import Template, cdata
from onelib.template_xml import Element, attributes_of

_COUNTERS = (
    ("MEM_USAGE", "mem_usage"),
    ("CPU_USAGE", "cpu_usage"),
    ("TOTAL_MEM", "total_mem"),
    ("TOTAL_CPU", "total_cpu"),
    ("MAX_MEM", "max_mem"),
    ("MAX_CPU", "max_cpu"),
    ("RUNNING_VMS", "running_vms"),
    ("VMS_THREAD", "vms_thread"),
)
_DISK = ("DISK_USAGE", "FREE_DISK", "MAX_DISK", "USED_DISK")
_REPORTED_DISK = (
    ("DS_LOCATION_TOTAL_MB", "MAX_DISK"),
    ("DS_LOCATION_FREE_MB", "FREE_DISK"),
    ("DS_LOCATION_USED_MB", "USED_DISK"),
)
_WHOLE = re.compile(r"\s*[+-]?\d+")


def integer(text: str, default: int = 0) -> int:
    """``text`` as a number, ``default`` when it is none."""
    try:
        return int(text)
    except ValueError:
        return default


def after_reservation(total: int, reserved: str) -> int:
    """What of ``total`` remains; ``reserved`` is an amount or a percentage, anything else reserves nothing.

    A negative reservation adds: that is how capacity is overcommitted.
    """
    text = reserved.rstrip()
    percent = text.endswith("%")
    text = text.removesuffix("%")
    if not _WHOLE.fullmatch(text):
        return total
    return int(total * (1 - int(text) / 100.0)) if percent else total - int(text)


def _new_disks() -> Template:
    return Template((name, "0") for name in _DISK)


@dataclass
class HostShare:
    """HOST_SHARE of a host. ``max_*`` is ``total_*`` without what is reserved."""

    mem_usage: int = 0
    cpu_usage: int = 0
    total_mem: int = 0
    total_cpu: int = 0
    max_mem: int = 0
    max_cpu: int = 0
    running_vms: int = 0
    vms_thread: int = 1
    datastores: Template = field(default_factory=_new_disks)
    devices: list[pci.Device] = field(default_factory=list)
    nodes: list[Template] = field(default_factory=list)

    @classmethod
    def of(cls, root: Element) -> Self:
        """The share in a body of a host."""
        share = cls()
        for tag, name in _COUNTERS:
            setattr(share, name, number(root, f"HOST_SHARE/{tag}", 0))
        share.vms_thread = max(share.vms_thread, 1)
        disks = root.find("HOST_SHARE/DATASTORES")
        if disks is not None:
            share.datastores = Template(attributes_of(disks))
        for name in _DISK:
            if name not in share.datastores:
                share.datastores.set(name, "0")
        devices = root.find("HOST_SHARE/PCI_DEVICES")
        if devices is not None:
            share.devices = Template(attributes_of(devices)).vectors("PCI")
        share.nodes = [Template(attributes_of(node)) for node in root.findall("HOST_SHARE/NUMA_NODES/NODE")]
        return share

    def to_xml(self) -> str:
        """The element HOST_SHARE."""
        counters = "".join(f"<{tag}>{getattr(self, name)}</{tag}>" for tag, name in _COUNTERS)
        devices = "".join(_vector_xml("PCI", device) for device in self.devices)
        nodes = "".join(node.to_xml("NODE") for node in self.nodes)
        return (
            f"<HOST_SHARE>{counters}{self.datastores.to_xml('DATASTORES')}<PCI_DEVICES>{devices}</PCI_DEVICES>"
            f"<NUMA_NODES>{nodes}</NUMA_NODES></HOST_SHARE>"
        )

    def reserve(self, cpu: str, memory: str) -> None:
        """Take what is reserved from the totals."""
        self.max_cpu = after_reservation(self.total_cpu, cpu)
        self.max_mem = after_reservation(self.total_mem, memory)

    def configure(self, template: Template, cpu: str, memory: str) -> None:
        """Follow the host's template: reservations, VMS_THREAD (machines on one thread), ISOLCPUS."""
        self.reserve(cpu, memory)
        if template.get("VMS_THREAD"):
            self.vms_thread = integer(template.get("VMS_THREAD"))
            if self.vms_thread < 1:
                self.vms_thread = 1
                template.set("VMS_THREAD", "1")
            self.nodes = numa.recount(self.nodes, self.vms_thread)
        if "ISOLCPUS" in template:
            self.nodes = numa.isolate(self.nodes, template.get("ISOLCPUS"), self.vms_thread)

    def forget(self) -> None:
        """The host is offline: it has nothing to give."""
        self.total_cpu = self.total_mem = self.max_cpu = self.max_mem = 0

    def monitored(self, report: Template) -> None:
        """Take disks, PCI devices and NUMA nodes from what the probes say, out of ``report``."""
        for name, disk in _REPORTED_DISK:
            self.datastores.set(disk, str(integer(report.get(name))))
            report.erase(name)
        self.datastores.erase("DS")
        for datastore in report.vectors("DS"):
            self.datastores.add("DS", datastore)
        report.erase("DS")
        self.devices = pci.monitored(self.devices, report.vectors("PCI"))
        report.erase("PCI")
        self.nodes = numa.monitored(self.nodes, report, self.vms_thread)
        for name in numa.REPORTED:
            report.erase(name)


def _vector_xml(tag: str, vector: dict[str, str]) -> str:
    inner = "".join(f"<{key}>{cdata(vector[key])}</{key}>" for key in sorted(vector))
    return f"<{tag}>{inner}</{tag}>"
