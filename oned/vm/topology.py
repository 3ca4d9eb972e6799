"""The virtual topology: sockets, cores, threads, and the NUMA nodes that pinned machines have.

Source: OpenNebula 6.0, "Virtual Topology and CPU Pinning".
"""

from oned.errors import InternalError
from oned.vm.numbers import integer
from onelib.template import Template

_PINNED = frozenset({"CORE", "THREAD", "SHARED"})


def is_pinned(template: Template) -> bool:
    """Whether the processors of the machine are pinned to those of its host."""
    return template.vector("TOPOLOGY").get("PIN_POLICY", "").upper() in _PINNED


def complete(template: Template) -> None:
    """Check TOPOLOGY and NUMA_NODE of a new machine's template, and fill in what follows from them.

    Raises :class:`InternalError` with upstream's text.
    """
    topology = template.vector("TOPOLOGY")
    nodes = template.vectors("NUMA_NODE")
    template.erase("TOPOLOGY")
    if not topology and not nodes:
        return
    template.set("TOPOLOGY", topology)
    topology = template.vector("TOPOLOGY")
    memory = integer(template.get("MEMORY"))
    if memory is None:
        raise InternalError("VM has not MEMORY set")
    vcpu = integer(template.get("VCPU"))
    if vcpu is None:
        vcpu = 1
        template.set("VCPU", "1")
    pinned = is_pinned(template)
    if pinned:
        template.set("CPU", str(vcpu))
    if integer(template.get("VCPU_MAX")) is not None:
        raise InternalError("VM with TOPOLOGY does not support CPU hotplug (VCPU_MAX)")
    if pinned:
        sockets = _check_pinned(topology, vcpu, len(nodes))
        _set_nodes(template, nodes, vcpu, memory, sockets)
    else:
        _check_free(template, topology, vcpu)


def _counts(topology: dict[str, str]) -> tuple[int, int, int]:
    sockets, cores, threads = (max(integer(topology.get(key)) or 0, 0) for key in ("SOCKETS", "CORES", "THREADS"))
    return sockets, cores, threads


def _check_free(template: Template, topology: dict[str, str], vcpu: int) -> None:
    """A machine that is not pinned says all three numbers."""
    sockets, cores, threads = _counts(topology)
    if 0 in {sockets, cores, threads}:
        raise InternalError(
            "Non-pinned VMs with a virtual topology needs to set  SOCKETS, CORES and THREADS numbers."
        )
    if sockets * cores * threads != vcpu:
        raise InternalError("Total threads per core and socket needs to match VCPU")
    topology["PIN_POLICY"] = "NONE"
    template.erase("NUMA_NODE")


def _check_pinned(topology: dict[str, str], vcpu: int, nodes: int) -> int:
    """The number of sockets of a pinned machine; its threads are computed when only its cores are given."""
    sockets, cores, threads = _counts(topology)
    if not sockets:
        sockets = nodes or 1
        topology["SOCKETS"] = str(sockets)
    if cores and threads and sockets * cores * threads != vcpu:
        raise InternalError("Total threads per core and socket needs to match VCPU")
    if cores and not threads:
        if vcpu % (cores * sockets):
            raise InternalError("VCPU is not multiple of the total number of cores")
        threads = vcpu // (cores * sockets)
        if threads & (threads - 1):
            raise InternalError("Computed number of threads is not power of 2")
        topology["THREADS"] = str(threads)
    return sockets


def _set_nodes(template: Template, given: list[dict[str, str]], vcpu: int, memory: int, sockets: int) -> None:
    """NUMA_NODE with memory in KB: equal ones, or those of the template."""
    if given:
        nodes = _given_nodes(given, vcpu, memory)
    else:
        if vcpu % sockets:
            raise InternalError("VCPU is not multiple of the number of NUMA nodes")
        if memory % sockets:
            raise InternalError("MEMORY is not multiple of the number of NUMA nodes")
        if sockets > vcpu:
            raise InternalError("A NUMA_NODE must have TOTAL_CPUS greater than 0")
        nodes = [(vcpu // sockets, memory // sockets)] * sockets
    template.erase("NUMA_NODE")
    for cpus, megabytes in nodes:
        template.add("NUMA_NODE", {"TOTAL_CPUS": str(cpus), "MEMORY": str(megabytes * 1024)})


def _given_nodes(given: list[dict[str, str]], vcpu: int, memory: int) -> list[tuple[int, int]]:
    nodes = [(integer(node.get("TOTAL_CPUS")) or 0, integer(node.get("MEMORY")) or 0) for node in given]
    if any(cpus <= 0 for cpus, _ in nodes):
        raise InternalError("A NUMA_NODE must have TOTAL_CPUS greater than 0")
    if any(megabytes <= 0 for _, megabytes in nodes):
        raise InternalError(" A NUMA_NODE must have MEMORY greater than 0")
    if sum(cpus for cpus, _ in nodes) != vcpu:
        raise InternalError("Total CPUS of NUMA nodes is different from VM VCPU")
    if sum(megabytes for _, megabytes in nodes) != memory:
        raise InternalError("Total MEMORY of NUMA nodes is different from VM MEMORY")
    return nodes
