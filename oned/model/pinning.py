"""Virtual machines that are pinned to threads and memory of NUMA nodes: does one fit, and where.

A machine asks with vectors NUMA_NODE (TOTAL_CPUS, MEMORY in KB) and TOPOLOGY (PIN_POLICY, SOCKETS, CORES, THREADS,
HUGEPAGE_SIZE in MB). Threads of a virtual core always come from one core of the host. PIN_POLICY CORE gives each
virtual CPU a core of its own.
"""

from dataclasses import dataclass
from functools import partial

from oned.model.numa import Node, numbers, parse, render, whole
from onelib.template import Template


@dataclass
class Request:
    """What a machine asks for. ``near``: nodes that its PCI devices are on."""

    vm_id: int
    vcpu: int
    nodes: list[dict[str, str]]
    topology: dict[str, str]
    near: set[int]

    @property
    def pinned(self) -> bool:
        """Whether it asks for anything."""
        return bool(self.nodes and self.topology)

    @property
    def dedicated(self) -> bool:
        """Whether each of its CPUs is a core of its own."""
        return self.topology.get("PIN_POLICY", "").upper() == "CORE"

    @property
    def page_size(self) -> int:
        """KB of its huge pages, 0 for ordinary ones."""
        return whole(self.topology.get("HUGEPAGE_SIZE", "")) * 1024


@dataclass
class _Place:
    """Where one virtual node goes, or while planning what earlier ones have taken of a host's node."""

    cpu_node: int
    memory_node: int


class _Plan:
    """Virtual nodes placed one after the other with ``threads`` threads of each core."""

    def __init__(self, nodes: dict[int, Node], request: Request, threads: int) -> None:
        self.nodes = nodes
        self.request = request
        self.threads = threads
        self._cpus = dict.fromkeys(nodes, 0)
        self._memory = dict.fromkeys(nodes, 0)

    def _free_cores(self, node: Node) -> int:
        """How many virtual cores the node can still have."""
        if self.request.dedicated:
            cores = sum(not core.used and len(core.isolated) < len(core.cpus) for core in node.cores.values())
        else:
            cores = sum(core.free // self.threads for core in node.cores.values())
        return cores - self._cpus[node.oid] // self.threads

    def _slack(self, oid: int, cpus: int) -> float:
        """How much of the node would stay free; more counts when a PCI device is there. Negative: too small."""
        free = self._free_cores(self.nodes[oid]) * self.threads
        if free < cpus or free <= 0:
            return -1
        return 1 - cpus / free + (oid in self.request.near)

    def _has_memory(self, oid: int, memory: int) -> bool:
        node, taken = self.nodes[oid], self._memory[oid]
        if node.memory_left - taken < memory:
            return False
        size = self.request.page_size
        if not size:
            return True
        page = node.pages.get(size)
        left = page.pages - page.usage - taken // size if page is not None else 0
        return left > 0 and left >= memory // size

    def place(self, wanted: dict[str, str]) -> _Place | None:
        """The nodes for CPUs and memory of one virtual node: the nearest memory, then the most room for CPUs."""
        cpus, memory = whole(wanted.get("TOTAL_CPUS", "")), whole(wanted.get("MEMORY", ""))
        slack = {oid: self._slack(oid, cpus) for oid in self.nodes}
        fitting = sorted((oid for oid in self.nodes if slack[oid] >= 0), key=lambda oid: (slack[oid], oid))
        with_memory = {oid for oid in self.nodes if self._has_memory(oid, memory)}
        for hop in range(len(self.nodes)):
            for oid in reversed(fitting):
                nearest = self.nodes[oid].nearest
                if hop < len(nearest) and nearest[hop] in with_memory:
                    self._cpus[oid] += cpus
                    self._memory[nearest[hop]] += memory
                    return _Place(oid, nearest[hop])
        return None


def _threads(nodes: dict[int, Node], request: Request) -> list[int]:
    """How many threads of a core may be used together, the preferred number first; empty when none will do."""
    if request.dedicated:
        return [1]
    first = next((core for node in nodes.values() for _, core in sorted(node.cores.items())), None)
    of_host = max(len(first.cpus), 1) if first is not None else 1
    wanted = whole(request.topology.get("THREADS", ""))
    most = wanted if 0 < wanted <= of_host else of_host
    power = 1 << (most.bit_length() - 1)
    counts = [whole(node.get("TOTAL_CPUS", "")) for node in request.nodes]
    valid = [1 << n for n in range(power.bit_length()) if all(count % (1 << n) == 0 for count in counts)]
    return [number for number in reversed(valid) if wanted in {0, number}]


def _plan(nodes: dict[int, Node], request: Request) -> tuple[int, list[_Place]] | None:
    """Threads of a core, and a place for each virtual node."""
    for threads in _threads(nodes, request):
        plan = _Plan(nodes, request, threads)
        places = []
        for wanted in request.nodes:
            place = plan.place(wanted)
            if place is None:
                break
            places.append(place)
        else:
            return threads, places
    return None


def fits(nodes: list[Template], vms_thread: int, request: Request) -> bool:
    """Whether the machine can be pinned; one that does not ask for it always can."""
    return not request.pinned or _plan(parse(nodes, vms_thread), request) is not None


def add(nodes: list[Template], vms_thread: int, request: Request) -> list[Template]:
    """The nodes with the machine on them, whose vectors learn where it is; without it when it does not fit."""
    if not request.pinned:
        return nodes
    parsed = parse(nodes, vms_thread)
    planned = _plan(parsed, request)
    if planned is None:
        return nodes
    threads, places = planned
    for wanted, place in zip(request.nodes, places, strict=True):
        node, memory = parsed[place.cpu_node], whole(wanted.get("MEMORY", ""))
        take = _take_cores if request.dedicated else partial(_take_threads, threads=threads)
        cpus = take(node, request.vm_id, whole(wanted.get("TOTAL_CPUS", "")))
        _take_memory(parsed[place.memory_node], memory, request.page_size)
        wanted |= {
            "NODE_ID": str(place.cpu_node),
            "CPUS": ",".join(str(cpu) for cpu in cpus),
            "MEMORY_NODE_ID": str(place.memory_node),
        }
    sockets = max(whole(request.topology.get("SOCKETS", "")), 1)
    request.topology |= {"THREADS": str(threads), "CORES": str(request.vcpu // (threads * sockets))}
    return render(parsed)


def _take_cores(node: Node, vm_id: int, count: int) -> list[int]:
    """Whole cores for ``count`` CPUs; returns the first thread of each."""
    taken: list[int] = []
    for _, core in sorted(node.cores.items()):
        if len(taken) == count:
            break
        if core.used or len(core.isolated) >= len(core.cpus):
            continue
        thread = min(core.cpus)
        core.cpus[thread].append(vm_id)
        core.dedicated = True
        taken.append(thread)
    return taken


def _take_threads(node: Node, vm_id: int, count: int, threads: int) -> list[int]:
    """Threads for ``count`` CPUs, in groups of ``threads`` of a core; returns them."""
    taken: list[int] = []
    for _, core in sorted(node.cores.items()):
        left = core.free // threads * threads
        for cpu, holders in sorted(core.cpus.items()):
            if not left or len(taken) == count:
                break
            if len(holders) < core.vms_thread and cpu not in core.isolated:
                holders.append(vm_id)
                taken.append(cpu)
                left -= 1
    return taken


def _take_memory(node: Node, memory: int, page_size: int) -> None:
    """Count memory as used, negative as free again."""
    node.take_memory(memory)
    page = node.pages.get(page_size)
    if page is not None:
        pages = abs(memory) // page_size
        page.usage = max(page.usage + (pages if memory > 0 else -pages), 0)


def remove(nodes: list[Template], vms_thread: int, request: Request) -> list[Template]:
    """The nodes without the machine."""
    placed = [wanted for wanted in request.nodes if wanted.get("NODE_ID") and wanted.get("MEMORY_NODE_ID")]
    if not placed:
        return nodes
    parsed = parse(nodes, vms_thread)
    for wanted in placed:
        node = parsed.get(whole(wanted["NODE_ID"], -1))
        memory_node = parsed.get(whole(wanted["MEMORY_NODE_ID"], -1))
        if node is not None:
            _free_cpus(node, request.vm_id, set(numbers(wanted.get("CPUS", ""))))
        if memory_node is not None:
            _take_memory(memory_node, -whole(wanted.get("MEMORY", "")), request.page_size)
    return render(parsed)


def _free_cpus(node: Node, vm_id: int, cpus: set[int]) -> None:
    for core in node.cores.values():
        mine = cpus & core.cpus.keys()
        for cpu in mine:
            core.cpus[cpu] = [holder for holder in core.cpus[cpu] if holder != vm_id]
        if mine:
            core.dedicated = False
