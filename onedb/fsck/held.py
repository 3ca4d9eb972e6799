"""What the virtual machines have: collected in one pass over them, for the checks of all that they use."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import Row, select

from oned.access.acl import Kind
from oned.access.quota import Usage
from oned.database.schema import history, vm_pool
from oned.errors import InternalError
from oned.infrastructure.capacity import KB_OF_MB, cpu_units
from oned.life.ends import image_owner_pays
from oned.life.places import Place
from oned.model.base import number, parse_body
from oned.model.vm_short import nics_of
from oned.model.vm_states import LcmState, VmState
from oned.network.leases import owner
from oned.vm import usage
from onedb.fsck.records import Records
from onelib.template import Template
from onelib.template_xml import Element, attributes_of, text_of

_AWAY = frozenset(
    {
        LcmState.CLEANUP_DELETE,
        LcmState.CLEANUP_RESUBMIT,
        LcmState.HOTPLUG_SAVEAS_STOPPED,
        LcmState.HOTPLUG_SAVEAS_UNDEPLOYED,
        LcmState.DISK_RESIZE_UNDEPLOYED,
    }
)
"""States within ACTIVE of machines that no host counts."""
MOVING = frozenset({LcmState.MIGRATE, LcmState.SAVE_MIGRATE})
"""States in which both hosts count a machine, and the record before the last is still open."""
_WITHOUT_PORT = frozenset({VmState.INIT, VmState.PENDING, VmState.HOLD, VmState.CLONING, VmState.CLONING_FAILURE})


class Lease(NamedTuple):
    """An address that an object says it has. ``number`` is the owner in ``ALLOCATED``, ``ar_id`` None if not told."""

    number: int
    label: str
    ar_id: int | None
    nic: dict[str, str]
    mac: str


class Stay(NamedTuple):
    """What the checks need of a record of the history; reading no more of it saves a third of the time."""

    seq: int
    hid: int
    cid: int
    hostname: str

    @classmethod
    def of(cls, element: Element) -> "Stay":
        """The record in an element HISTORY."""
        seq, hid, cid = (number(element, name) for name in ("SEQ", "HID", "CID"))
        return cls(seq, hid, cid, text_of(element.find("HOSTNAME")))


@dataclass(frozen=True)
class Machine:
    """What the checks need of a virtual machine that is not done; ``record`` is the last one of its history."""

    oid: int
    uid: int
    gid: int
    state: VmState
    lcm_state: LcmState
    template: Template
    record: Stay | None

    @property
    def place(self) -> Place:
        """Where it is in its life."""
        return Place(self.state, self.lcm_state)

    @property
    def needs_host(self) -> bool:
        """Whether the host of its last record counts it; it has to have one."""
        if self.state is VmState.ACTIVE:
            return self.lcm_state not in _AWAY
        return self.state in {VmState.SUSPENDED, VmState.POWEROFF}

    @property
    def usage(self) -> Usage:
        """What it takes of quotas."""
        return usage.total_usage(self)  # type: ignore[arg-type]  # has what that reads of a Vm


Totals = dict[tuple[str, str], dict[str, float]]
"""Amounts by section and id of quotas."""


def new_totals() -> Totals:
    """Nothing, of everything."""
    return defaultdict(lambda: defaultdict(float))


@dataclass
class Held:
    """Ids of machines by what they use; ``hosts`` has CPU units and KB, ``grown`` (size, snapshots) of disks in MB."""

    images: dict[int, set[int]] = field(default_factory=lambda: defaultdict(set))
    routers: dict[int, set[int]] = field(default_factory=lambda: defaultdict(set))
    hosts: dict[int, dict[int, tuple[int, int]]] = field(default_factory=lambda: defaultdict(dict))
    leases: dict[int, list[Lease]] = field(default_factory=lambda: defaultdict(list))
    ports: dict[int, dict[int, list[int]]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(list)))
    quotas: dict[tuple[str, int], Totals] = field(default_factory=lambda: defaultdict(new_totals))
    grown: dict[int, list[tuple[int, int]]] = field(default_factory=lambda: defaultdict(list))
    moving: set[int] = field(default_factory=set)

    def count(self, uid: int, gid: int, used: Usage) -> None:
        """Count ``used`` for a user and a group; those of the administrators have no quotas."""
        wholes = [self.quotas[kind, oid] for kind, oid in (("user", uid), ("group", gid)) if oid > 0]
        if wholes:
            for section, oid, amounts in used.requests():
                for whole in wholes:
                    add_up(whole[section, oid], amounts)


def add_up(entry: dict[str, float], amounts: Mapping[str, float]) -> None:
    """Add ``amounts`` with two digits, as the server counts them."""
    for metric, amount in amounts.items():
        if amount:
            entry[metric] = round(entry[metric] + amount, 2)


def machines(records: Records) -> Iterator[Machine]:
    """The machines that are not done; those with a body that cannot be read are noted as damaged."""
    table = vm_pool.c
    for row in records.pages(vm_pool, table.body, table.uid, table.gid, where=table.state != int(VmState.DONE)):
        try:
            yield _machine(row)
        except (InternalError, ValueError):
            records.note_damaged(vm_pool, row.oid, "VM")


def _machine(row: Row[Any]) -> Machine:
    root = parse_body(str(row.body), "VM")
    if number(root, "ID") != row.oid:
        raise ValueError("the body of another machine")
    content, record = root.find("TEMPLATE"), root.find("HISTORY_RECORDS/HISTORY[last()]")
    return Machine(
        row.oid,
        row.uid,
        row.gid,
        VmState(number(root, "STATE", 0)),
        LcmState(number(root, "LCM_STATE", 0)),
        Template(() if content is None else attributes_of(content)),
        None if record is None else Stay.of(record),
    )


def take(records: Records, held: Held, machine: Machine) -> None:
    """Add what one machine has."""
    template = machine.template
    for disk in template.vectors("DISK"):
        if disk.get("IMAGE_ID", "").isdecimal():
            image = int(disk["IMAGE_ID"])
            held.images[image].add(machine.oid)
            if image_owner_pays(disk):
                sizes = (usage.number(disk.get("SIZE")), usage.number(disk.get("DISK_SNAPSHOT_TOTAL_SIZE")))
                held.grown[image].append(sizes)
    for nic in nics_of(template):
        if nic.get("NETWORK_ID", "").isdecimal():
            label = f"VM {machine.oid}"
            held.leases[int(nic["NETWORK_ID"])].append(lease(owner(Kind.VM, machine.oid), label, nic, "MAC"))
    if template.get("VROUTER_ID").isdecimal():
        held.routers[int(template.get("VROUTER_ID"))].add(machine.oid)
    held.count(machine.uid, machine.gid, machine.usage)
    _take_places(records, held, machine)


def lease(owner_number: int, label: str, nic: dict[str, str], key: str) -> Lease:
    """The address of an interface, whose MAC is in ``key``."""
    ar_id = int(nic["AR_ID"]) if nic.get("AR_ID", "").isdecimal() else None
    kept = {name: nic[name] for name in ("IP", "IP6_GLOBAL", "IP6_LINK", "IP6_ULA") if nic.get(name)}
    return Lease(owner_number, label, ar_id, kept if key == "MAC" else {}, nic.get(key) or nic.get("MAC", ""))


def _take_places(records: Records, held: Held, machine: Machine) -> None:
    """Its hosts and console ports, of the stay before too while it moves."""
    record = machine.record
    if record is None:
        return
    template = machine.template
    cpu, memory = cpu_units(usage.decimal(template.get("CPU"))), usage.number(template.get("MEMORY")) * KB_OF_MB
    if machine.needs_host:
        held.hosts[record.hid][machine.oid] = (cpu, memory)
    graphics = template.vector("GRAPHICS")
    port, previous = graphics.get("PORT", ""), graphics.get("PREVIOUS_PORT", "")
    if port.isdecimal() and machine.state not in _WITHOUT_PORT:
        held.ports[record.cid][int(port)].append(machine.oid)
    if machine.state is not VmState.ACTIVE or machine.lcm_state not in MOVING:
        return
    held.moving.add(machine.oid)
    before = _before(records, machine.oid, record.seq)
    if before is not None:
        held.hosts[before.hid][machine.oid] = (cpu, memory)
        if previous.isdecimal():
            held.ports[before.cid][int(previous)].append(machine.oid)


def _before(records: Records, vm_id: int, seq: int) -> Stay | None:
    """The record before ``seq``."""
    query = select(history.c.body).where(history.c.vid == vm_id, history.c.seq == seq - 1)
    row = records.connection.execute(query).first()
    try:
        return None if row is None else Stay.of(parse_body(str(row[0]), "HISTORY"))
    except InternalError:
        return None
