"""Virtual machines: what they use exists, and their last record names the host as it is called."""

from collections.abc import Iterator

from oned.database.schema import host_pool, image_pool, vrouter_pool
from oned.model.vm import Vm
from oned.model.vm_short import nics_of
from onedb.fsck.finding import Finding, unrepaired
from onedb.fsck.held import Held, Machine, machines, take
from onedb.fsck.ranges import known_ranges, missing
from onedb.fsck.records import Records


class _Known:
    """The ids of what machines may use, and the names of the hosts."""

    def __init__(self, records: Records) -> None:
        self.hosts = records.names(host_pool)
        self.images = {row.oid for row in records.pages(image_pool)}
        self.routers = {row.oid for row in records.pages(vrouter_pool)}
        self.ranges = known_ranges(records)


def check(records: Records, held: Held) -> Iterator[Finding]:
    """Every machine that is not done; ``held`` is filled with what they have."""
    known = _Known(records)
    for machine in machines(records):
        take(records, held, machine)
        yield from _uses(machine, known)
        yield from _host(records, machine, known)


def _uses(machine: Machine, known: _Known) -> Iterator[Finding]:
    """Images, networks and the router of a machine that do not exist: a person has to decide."""
    start = f"VM {machine.oid}"
    for disk in machine.template.vectors("DISK"):
        text = disk.get("IMAGE_ID", "")
        if text.isdecimal() and int(text) not in known.images:
            yield unrepaired(f"{start} is using Image {text}, but it does not exist")
    for nic in nics_of(machine.template):
        if gone := missing(nic, known.ranges):
            yield unrepaired(f"{start} is using {gone}")
    router = machine.template.get("VROUTER_ID")
    if router.isdecimal() and int(router) not in known.routers:
        yield unrepaired(f"{start} is part of VRouter {router}, but it does not exist")


def _host(records: Records, machine: Machine, known: _Known) -> Iterator[Finding]:
    """The host of a machine that is on one."""
    record = machine.record
    if not machine.needs_host:
        return
    name = None if record is None else known.hosts.get(record.hid)
    if record is None or name is None:
        hid = -1 if record is None else record.hid
        yield unrepaired(f"VM {machine.oid} is using Host {hid}, but it does not exist")
    elif name != record.hostname:
        yield Finding(
            f"VM {machine.oid} has a wrong hostname for Host {record.hid}, {record.hostname}. "
            f"It will be changed to {name}"
        )
        _rename(records, machine.oid, name)


def _rename(records: Records, oid: int, name: str) -> None:
    """Write the name of the host into the machine; what lists show and search follows."""
    row = next(records.pages(Vm.table, Vm.table.c.body, where=Vm.table.c.oid == oid))
    vm = Vm.from_xml(str(row.body))
    vm.history[-1].hostname = name
    records.save(vm)
