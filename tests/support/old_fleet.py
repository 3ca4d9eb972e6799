"""The machines of an old database, and what they have of everything else, counted as a server counts it.

Of ten numbers the last one is of a machine that is gone. A machine runs on the host 1 + number % 10, with a copy of
the image number % 10, an address of the network number % 5 and, as long as there are any, a console port of its own.
"""

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import islice

USERS, HOSTS, IMAGES, NETWORKS = 20, 10, 10, 5
FIRST_USER = 2
CORES, MEGABYTES, DISK_MEGABYTES = 1, 1024, 2048
"""Of each machine."""
_FIRST_PORT, _PORTS = 5900, 65536
_MACHINE = 0x0000001000000000
"""The kind of an owner in ALLOCATED, beside its number."""


def host_of(vm: int) -> int:
    return 1 + vm % HOSTS


def image_of(vm: int) -> int:
    return vm % IMAGES


def network_of(vm: int) -> int:
    return vm % NETWORKS


def index_of(vm: int) -> int:
    """The place of a machine's address in the range of its network."""
    return vm // NETWORKS


def port_of(vm: int) -> int | None:
    """The console port, None where the cluster has no more."""
    port = _FIRST_PORT + vm
    return port if port < _PORTS else None


def address(network: int, index: int) -> tuple[str, str]:
    """IP and MAC address of that place in the range of a network."""
    number = (network << 20) + 1 + index
    parts = (10, number >> 16, number >> 8 & 255, number & 255)
    return ".".join(map(str, parts)), ":".join(["02", "00", *(f"{part:02x}" for part in parts)])


def allocated(vms: Sequence[int]) -> str:
    """ALLOCATED of a range whose addresses these machines have."""
    return "".join(f" {index_of(vm)} {_MACHINE | vm}" for vm in vms)


class Fleet:
    """``count`` machines; the same ``chance`` gives them the same owners."""

    def __init__(self, count: int, chance: random.Random) -> None:
        people = [0, *range(FIRST_USER, FIRST_USER + USERS)]
        self.owners = [chance.choice(people) for _ in range(count + count // 9 + 1)]
        self.alive = list(islice((vm for vm in range(len(self.owners)) if vm % 10 != 9), count))

    def on_host(self, host: int) -> list[int]:
        return [vm for vm in self.alive if host_of(vm) == host]

    def with_image(self, image: int) -> list[int]:
        return [vm for vm in self.alive if image_of(vm) == image]

    def in_network(self, network: int) -> list[int]:
        return [vm for vm in self.alive if network_of(vm) == network]

    def ports(self) -> bytearray:
        """A byte for each port of the cluster, 1 for one that is taken."""
        used = bytearray(_PORTS)
        for vm in self.alive:
            if (port := port_of(vm)) is not None:
                used[port] = 1
        return used

    @cached_property
    def _used(self) -> Mapping[int, Counter[tuple[str, int]]]:
        """What the machines of each user count in quotas, by section and id."""
        found: dict[int, Counter[tuple[str, int]]] = {}
        for vm in self.alive:
            keys = (("VM", 0), ("IMAGE", image_of(vm)), ("NETWORK", network_of(vm)))
            found.setdefault(self.owners[vm], Counter()).update(keys)
        return found

    def quotas(self, oid: int, users: list[int], images: Mapping[int, int]) -> str:
        """The body of quotas of ``users``; ``images`` has the megabytes of their images by the number of each."""
        used: Counter[tuple[str, int]] = Counter()
        for uid in users:
            used.update(self._used.get(uid, {}))
        found = dict.fromkeys(("DATASTORE", "NETWORK", "VM", "IMAGE"), "")
        if images:
            found["DATASTORE"] = _quota("DATASTORE", {"IMAGES": len(images), "SIZE": sum(images.values())}, 1)
        for (section, number), count in sorted(used.items()):
            found[section] += _quota(section, _amounts(section, count), None if section == "VM" else number)
        inner = "".join(f"<{section}_QUOTA>{text}</{section}_QUOTA>" for section, text in found.items())
        return f"<QUOTAS><ID>{oid}</ID>{inner}</QUOTAS>"


def _amounts(section: str, count: int) -> dict[str, int]:
    if section == "IMAGE":
        return {"RVMS": count}
    if section == "NETWORK":
        return {"LEASES": count}
    each = {"CPU": CORES, "MEMORY": MEGABYTES, "VMS": 1}
    amounts = {f"{state}{name}": count * amount for state in ("", "RUNNING_") for name, amount in each.items()}
    return amounts | {"SYSTEM_DISK_SIZE": count * DISK_MEGABYTES}


def _quota(section: str, amounts: Mapping[str, int], number: int | None) -> str:
    """One entry without a limit."""
    values = dict.fromkeys(amounts, -1) | {f"{name}_USED": amount for name, amount in amounts.items()}
    if number is not None:
        values["ID"] = number
    inner = "".join(f"<{name}><![CDATA[{values[name]}]]></{name}>" for name in sorted(values))
    return f"<{section}>{inner}</{section}>"
