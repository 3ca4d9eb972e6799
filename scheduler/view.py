"""Hosts, datastores, networks and virtual machines as the API shows them, with what a round has given away already.

Processors count in hundredths, memory in KiB, disks in MiB, as in the host shares of 6.0.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from onelib.template_xml import Element, text_of
from scheduler.access import DATASTORE, HOST, NET, Thing

PENDING, ACTIVE, STOPPED, POWEROFF, UNDEPLOYED = 1, 3, 4, 8, 9
_BITS = tuple(f"{who}_{what}" for who in ("OWNER", "GROUP", "OTHER") for what in "UMA")


def integer(element: Element, path: str, default: int = 0) -> int:
    """The integer at ``path``; numbers with a fraction are cut."""
    try:
        return int(float(text_of(element.find(path)) or default))
    except (ValueError, OverflowError):
        return default


def thing(element: Element, kind: int) -> Thing:
    """What an access question needs of an object."""
    clusters = frozenset(int(text_of(one, "-1")) for one in element.findall("CLUSTERS/ID"))
    return Thing(
        kind,
        integer(element, "ID", -1),
        integer(element, "UID"),
        integer(element, "GID"),
        tuple(integer(element, f"PERMISSIONS/{name}") for name in _BITS),
        clusters or frozenset({integer(element, "CLUSTER_ID", -1)}),
    )


class Searched:
    """An object whose attributes expressions ask for, looked up in ``places`` one after the other."""

    places: tuple[str, ...] = ("TEMPLATE", ".")

    def __init__(self, element: Element, kind: int) -> None:
        self.element = element
        self.thing = thing(element, kind)

    @property
    def oid(self) -> int:
        """Its id."""
        return self.thing.oid

    def attributes(self, name: str) -> Sequence[str]:
        """The values of an attribute, or of a path such as ``CLUSTERS/ID``."""
        if "//" in name or name.startswith(("/", ".")):
            return []
        for place in self.places:
            found = self.element.findall(f"{place}/{name}" if place != "." else name)
            if found:
                return [text_of(one) for one in found]
        return []


class Host(Searched):
    """A host, and what this round has put on it."""

    places = ("TEMPLATE", "HOST_SHARE", ".", "CLUSTER_TEMPLATE", "MONITORING/CAPACITY")

    def __init__(self, element: Element) -> None:
        super().__init__(element, HOST)
        self.cluster = integer(element, "CLUSTER_ID", -1)
        self.state = integer(element, "STATE")
        self.cpu = integer(element, "HOST_SHARE/MAX_CPU") - integer(element, "HOST_SHARE/CPU_USAGE")
        self.memory = integer(element, "HOST_SHARE/MAX_MEM") - integer(element, "HOST_SHARE/MEM_USAGE")
        self.disks = {
            integer(one, "ID"): integer(one, "FREE_MB") for one in element.findall("HOST_SHARE/DATASTORES/DS")
        }
        self.free_disk = integer(element, "HOST_SHARE/DATASTORES/FREE_DISK")
        self.current = {int(text_of(one, "-1")) for one in element.findall("VMS/ID")}
        self.given = 0

    def attributes(self, name: str) -> Sequence[str]:
        """As of any object; ``CURRENT_VMS`` are the machines on it, ``FREE_CPU`` and the like what is left."""
        match name:
            case "CURRENT_VMS":
                return [str(oid) for oid in sorted(self.current)]
            case "FREE_CPU" | "FREE_MEM" | "FREE_MEMORY":
                return [str(self.cpu if name == "FREE_CPU" else self.memory)]
            case "RUNNING_VMS":
                return [str(integer(self.element, "HOST_SHARE/RUNNING_VMS") + self.given)]
        return super().attributes(name)

    def fits(self, vm: "Machine") -> bool:
        """Whether it has the processors and the memory."""
        return vm.cpu <= self.cpu and vm.memory <= self.memory

    def disk_fits(self, datastore: int, size: int) -> bool:
        """Whether its own part of a datastore that hosts do not share has room."""
        return size <= self.disks.get(datastore, self.free_disk)

    def take(self, vm: "Machine") -> None:
        """Count ``vm``."""
        self.cpu -= vm.cpu
        self.memory -= vm.memory
        self.current.add(vm.oid)
        self.given += 1


class Datastore(Searched):
    """A datastore; ``free`` is what it has left."""

    def __init__(self, element: Element) -> None:
        super().__init__(element, DATASTORE)
        self.is_system = integer(element, "TYPE") == 1
        self.enabled = integer(element, "STATE") == 0
        self.shared = text_of(element.find("TEMPLATE/SHARED")).upper() == "YES"
        self.free = integer(element, "FREE_MB")
        self.clusters = self.thing.clusters


class Network(Searched):
    """A network; ``free`` are the addresses that it has left."""

    def __init__(self, element: Element) -> None:
        super().__init__(element, NET)
        size = sum(integer(one, "SIZE") for one in element.findall("AR_POOL/AR"))
        self.free = size - integer(element, "USED_LEASES")
        self.clusters = self.thing.clusters

    def attributes(self, name: str) -> Sequence[str]:
        """As of any object; ``FREE_LEASES`` counts what this round gave away."""
        return [str(self.free)] if name == "FREE_LEASES" else super().attributes(name)


@dataclass
class Interface:
    """A network interface that wants any network that fits."""

    nic_id: int
    requirements: str
    rank: str


@dataclass
class Machine:
    """A virtual machine that waits for a place, or for another one."""

    element: Element = field(repr=False)

    def __post_init__(self) -> None:
        one = self.element
        self.oid = integer(one, "ID", -1)
        self.uid, self.gid = integer(one, "UID"), integer(one, "GID")
        self.state = integer(one, "STATE")
        self.resched = integer(one, "RESCHED") == 1 and self.state in {ACTIVE, POWEROFF}
        last = one.findall("HISTORY_RECORDS/HISTORY")
        self.last_host = integer(last[-1], "HID", -1) if last else -1
        self.last_datastore = integer(last[-1], "DS_ID", -1) if last else -1
        self.resume = self.last_host >= 0 and self.state == PENDING
        self.cpu = round(100 * float(text_of(one.find("TEMPLATE/CPU")) or 0))
        self.memory = integer(one, "TEMPLATE/MEMORY") * 1024
        self.requirements = self._both("SCHED_REQUIREMENTS", "AUTOMATIC_REQUIREMENTS")
        self.datastore_requirements = self._both("SCHED_DS_REQUIREMENTS", "AUTOMATIC_DS_REQUIREMENTS")
        self.rank = self.text("USER_TEMPLATE/SCHED_RANK") or self.text("USER_TEMPLATE/RANK")
        self.datastore_rank = self.text("USER_TEMPLATE/SCHED_DS_RANK")
        self.message = self.text("USER_TEMPLATE/SCHED_MESSAGE")
        try:
            self.priority = float(self.text("USER_TEMPLATE/USER_PRIORITY") or 0)
        except ValueError:
            self.priority = 0.0
        self.disk, self.images = self._disks()
        self.interfaces = self._interfaces()

    def text(self, path: str) -> str:
        """The text at ``path``."""
        return text_of(self.element.find(path)).strip()

    def _both(self, user: str, automatic: str) -> str:
        parts = [self.text(f"TEMPLATE/{automatic}"), self.text(f"USER_TEMPLATE/{user}")]
        return " & ".join(f"({part})" for part in parts if part)

    def _disks(self) -> tuple[int, dict[int, int]]:
        """MiB that the disks take in the system datastore, and in the datastores of their images."""
        system = 0
        images: dict[int, int] = {}
        for disk in self.element.findall("TEMPLATE/DISK"):
            size = integer(disk, "SIZE")
            target = text_of(disk.find("CLONE_TARGET")).upper()
            if disk.find("IMAGE_ID") is None or (
                text_of(disk.find("CLONE")).upper() == "YES" and target == "SYSTEM"
            ):
                system += size
            elif text_of(disk.find("CLONE")).upper() == "YES" and target == "SELF":
                number = integer(disk, "DATASTORE_ID", -1)
                images[number] = images.get(number, 0) + size
        return system, images

    def _interfaces(self) -> list[Interface]:
        automatic = self.text("TEMPLATE/AUTOMATIC_NIC_REQUIREMENTS")
        found = []
        for nic in self.element.findall("TEMPLATE/NIC"):
            if text_of(nic.find("NETWORK_MODE")).upper() != "AUTO" or nic.find("NETWORK_ID") is not None:
                continue
            own = text_of(nic.find("SCHED_REQUIREMENTS"))
            wanted = " & ".join(f"({part})" for part in (automatic, own) if part)
            found.append(Interface(integer(nic, "NIC_ID", -1), wanted, text_of(nic.find("SCHED_RANK"))))
        return found
