"""NUMA nodes of a host: cores with their threads, huge pages, memory, and who has which of them.

A node is the element NODE of a host's body as a template::

    NODE_ID = 0
    CORE = [ ID = 3, CPUS = "3:-1,7:12", FREE = 1, DEDICATED = NO ]
    HUGEPAGE = [ SIZE = 2048, PAGES = 100, FREE = 100, USAGE = 0 ]
    MEMORY = [ TOTAL = 66806708, FREE = 390568, USED = 66416140, DISTANCE = "0 1", USAGE = 0 ]

In CPUS each thread of a core is followed by the virtual machine on it, -1 for none, -2 for a thread that is kept free
(ISOLCPUS of the host). Memory in KB.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Self

from onelib.template import Template

REPORTED = ("CORE", "HUGEPAGE", "MEMORY_NODE")
"""What of a report of the probes belongs here."""

_NOBODY, _ISOLATED = -1, -2


def whole(text: str, default: int = 0) -> int:
    """``text`` as a number."""
    try:
        return int(text)
    except ValueError:
        return default


def numbers(text: str) -> list[int]:
    """The numbers of a list with commas."""
    return [int(part) for part in text.split(",") if part.strip().isdigit()]


@dataclass
class Core:
    """A core. ``cpus``: for each thread the machines on it, several with overcommitment (``vms_thread``)."""

    oid: int
    cpus: dict[int, list[int]]
    isolated: set[int]
    dedicated: bool
    vms_thread: int

    @classmethod
    def of(cls, vector: dict[str, str], vms_thread: int) -> Self:
        """The core of a vector CORE."""
        cpus: dict[int, list[int]] = {}
        isolated = set()
        for part in vector.get("CPUS", "").split(","):
            thread, _, machine = part.partition(":")
            if not thread.strip().isdigit():
                continue
            holders = cpus.setdefault(int(thread), [])
            holder = whole(machine, _NOBODY)
            if holder >= 0:
                holders.append(holder)
            elif holder == _ISOLATED:
                isolated.add(int(thread))
        dedicated = vector.get("DEDICATED", "").upper() == "YES"
        return cls(whole(vector.get("ID", "")), cpus, isolated, dedicated, vms_thread)

    @property
    def used(self) -> int:
        """Threads that machines have."""
        return 1 if self.dedicated else sum(len(holders) for holders in self.cpus.values())

    @property
    def free(self) -> int:
        """Threads that machines can still have."""
        if self.dedicated:
            return 0
        return max((len(self.cpus) - len(self.isolated)) * self.vms_thread - self.used, 0)

    def to_vector(self) -> dict[str, str]:
        """The vector CORE."""
        threads = []
        for cpu, holders in sorted(self.cpus.items()):
            shown = [_ISOLATED] if cpu in self.isolated else sorted(holders) or [_NOBODY]
            threads += [f"{cpu}:{holder}" for holder in shown]
        return {
            "ID": str(self.oid),
            "CPUS": ",".join(threads),
            "FREE": str(self.free),
            "DEDICATED": "YES" if self.dedicated else "NO",
        }


@dataclass
class Page:
    """Huge pages of one size in KB."""

    size: int
    pages: int
    free: int
    usage: int

    def to_vector(self) -> dict[str, str]:
        """The vector HUGEPAGE."""
        named = {"SIZE": self.size, "PAGES": self.pages, "FREE": self.free, "USAGE": self.usage}
        return {key: str(value) for key, value in named.items()}


@dataclass
class Node:
    """A node. ``memory`` is its vector MEMORY, empty before the first report."""

    oid: int
    cores: dict[int, Core] = field(default_factory=dict)
    pages: dict[int, Page] = field(default_factory=dict)
    memory: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, template: Template, vms_thread: int) -> Self:
        """The node of an element NODE."""
        node = cls(whole(template.get("NODE_ID")), memory=dict(template.vector("MEMORY")))
        for vector in template.vectors("CORE"):
            core = Core.of(vector, vms_thread)
            node.cores.setdefault(core.oid, core)
        for vector in template.vectors("HUGEPAGE"):
            values = (whole(vector.get(key, "")) for key in ("SIZE", "PAGES", "FREE", "USAGE"))
            page = Page(*values)
            node.pages.setdefault(page.size, page)
        return node

    def to_template(self) -> Template:
        """The element NODE."""
        template = Template([("NODE_ID", str(self.oid))])
        for _, core in sorted(self.cores.items()):
            template.add("CORE", core.to_vector())
        for _, page in sorted(self.pages.items()):
            template.add("HUGEPAGE", page.to_vector())
        if self.memory:
            template.set("MEMORY", self.memory)
        return template

    @property
    def memory_left(self) -> int:
        """KB that no machine has."""
        return whole(self.memory.get("TOTAL", "")) - whole(self.memory.get("USAGE", ""))

    @property
    def nearest(self) -> list[int]:
        """Nodes in the order of distance, this one first."""
        return [int(part) for part in self.memory.get("DISTANCE", "").split() if part.isdigit()]

    def take_memory(self, amount: int) -> None:
        """Count ``amount`` KB as used; negative gives back."""
        if self.memory:
            self.memory["USAGE"] = str(whole(self.memory.get("USAGE", "")) + amount)


def parse(nodes: Iterable[Template], vms_thread: int) -> dict[int, Node]:
    """The nodes of a host by number."""
    parsed = (Node.of(template, vms_thread) for template in nodes)
    return {node.oid: node for node in sorted(parsed, key=lambda node: node.oid)}


def render(nodes: dict[int, Node]) -> list[Template]:
    """The nodes as they are stored."""
    return [node.to_template() for _, node in sorted(nodes.items())]


def recount(nodes: list[Template], vms_thread: int) -> list[Template]:
    """The nodes with another number of machines on a thread."""
    return render(parse(nodes, vms_thread))


def isolate(nodes: list[Template], cpus: str, vms_thread: int) -> list[Template]:
    """Keep free the threads ``cpus`` that nobody has, and no others."""
    wanted = set(numbers(cpus))
    parsed = parse(nodes, vms_thread)
    for node in parsed.values():
        for core in node.cores.values():
            core.isolated = {
                cpu
                for cpu, holders in core.cpus.items()
                if cpu in wanted and (cpu in core.isolated or not holders)
            }
    return render(parsed)


def monitored(nodes: list[Template], report: Template, vms_thread: int) -> list[Template]:
    """The nodes after a report of the probes: cores stay as they are once known, pages and memory follow."""
    if not any(name in report for name in REPORTED):
        return nodes
    parsed = parse(nodes, vms_thread)
    for vector in _of_nodes(report, "CORE"):
        core = Core.of(vector, vms_thread)
        _node(parsed, vector).cores.setdefault(core.oid, core)
    for vector in _of_nodes(report, "HUGEPAGE"):
        size, pages, free = (whole(vector.get(key, "")) for key in ("SIZE", "PAGES", "FREE"))
        page = _node(parsed, vector).pages.setdefault(size, Page(size, pages, free, 0))
        page.pages, page.free = pages, free
    for vector in _of_nodes(report, "MEMORY_NODE"):
        node = _node(parsed, vector)
        values = {key: vector.get(key, "0") for key in ("TOTAL", "FREE", "USED")}
        node.memory = values | {"DISTANCE": vector.get("DISTANCE", ""), "USAGE": node.memory.get("USAGE", "0")}
    return render(parsed)


def _of_nodes(report: Template, name: str) -> list[dict[str, str]]:
    return [vector for vector in report.vectors(name) if vector.get("NODE_ID", "").isdigit()]


def _node(nodes: dict[int, Node], vector: dict[str, str]) -> Node:
    oid = int(vector["NODE_ID"])
    return nodes.setdefault(oid, Node(oid))
