"""What virtual machines cost in each month, from their history: the table ``vm_showback``.

Source: OpenNebula 6.0, "Showback"; hours are counted in the months of the server's time zone.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from lxml import etree
from sqlalchemy import bindparam, delete, func, insert, or_, select

from oned.config import Settings
from oned.database.db import Transaction
from oned.database.schema import history, vm_showback
from oned.model.base import escape, number, parse_body
from oned.vm.usage import decimal
from onelib.template_xml import Element, text_of

_OWNER = (("VMNAME", "NAME"), ("UID", "UID"), ("GID", "GID"), ("UNAME", "UNAME"), ("GNAME", "GNAME"))
CHUNK = 2000
"""Records that are in memory at the same time."""


@dataclass
class Slot:
    """A month, or its part up to now: from ``start`` to ``end``, in epoch seconds."""

    year: int
    month: int
    start: float
    end: float


@dataclass
class Cost:
    """What one machine costs in one month. ``owner`` are the elements that name it and its owner."""

    owner: str = ""
    cpu: float = 0.0
    memory: float = 0.0
    disk: float = 0.0
    hours: float = 0.0

    def to_xml(self, vm_id: int, slot: Slot) -> str:
        """The element SHOWBACK."""
        total = self.cpu + self.memory + self.disk
        return (
            f"<SHOWBACK><VMID>{vm_id}</VMID>{self.owner}<YEAR>{slot.year}</YEAR><MONTH>{slot.month}</MONTH>"
            f"<CPU_COST>{_shown(self.cpu)}</CPU_COST><MEMORY_COST>{_shown(self.memory)}</MEMORY_COST>"
            f"<DISK_COST>{_shown(self.disk)}</DISK_COST><TOTAL_COST>{_shown(total)}</TOTAL_COST>"
            f"<HOURS>{_shown(self.hours)}</HOURS></SHOWBACK>"
        )


def _shown(value: float) -> str:
    """A whole number without, any other with two decimals."""
    return f"{value:.0f}" if value == int(value) else f"{value:.2f}"


@dataclass
class Prices:
    """DEFAULT_COST and SHOWBACK_ONLY_RUNNING of ``oned.conf``: per hour, for machines that have none of their own."""

    cpu: float = 0.0
    memory: float = 0.0
    disk: float = 0.0
    only_running: bool = False

    @classmethod
    def of(cls, settings: Settings) -> "Prices":
        """Those of the configuration."""
        costs = settings.raw.vector("DEFAULT_COST")
        running = settings.raw.get("SHOWBACK_ONLY_RUNNING").upper() == "YES"
        return cls(
            decimal(costs.get("CPU_COST")),
            decimal(costs.get("MEMORY_COST")),
            decimal(costs.get("DISK_COST")),
            running,
        )


def _month_start(year: int, month: int) -> float:
    """The beginning of a month; ``month`` may be 13."""
    return time.mktime((year + (month - 1) // 12, (month - 1) % 12 + 1, 1, 0, 0, 0, 0, 0, -1))


def months(start: float, end: float) -> list[Slot]:
    """The months from the one that ``start`` is in up to ``end``."""
    local = time.localtime(start)
    year, month = local.tm_year, local.tm_mon
    slots: list[Slot] = []
    while (begin := _month_start(year, month)) < end:
        slots.append(Slot(year, month, begin, min(_month_start(year, month + 1), end)))
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)
    return slots


def _hours(slot: Slot, start: float, end: float) -> float:
    """Hours of a stay in ``slot``; ``end`` 0: it goes on."""
    if not start or start > slot.end or (end and end <= slot.start):
        return 0.0
    return (min(slot.end, end or slot.end) - max(slot.start, start)) / 3600


def _price(vm: Element, name: str, default: float) -> float:
    text = text_of(vm.find(f"TEMPLATE/{name}"))
    return decimal(text) if text else default


def _disk_size(vm: Element) -> float:
    sizes = [*vm.findall("TEMPLATE/DISK/SIZE"), *vm.findall("TEMPLATE/DISK/DISK_SNAPSHOT_TOTAL_SIZE")]
    return sum(decimal(text_of(size)) for size in sizes)


@dataclass
class Bill:
    """The costs of all machines: by id and month."""

    slots: list[Slot]
    prices: Prices
    costs: dict[tuple[int, int], Cost] = field(default_factory=dict)

    def add(self, record: Element) -> None:
        """Count one record of the history."""
        vm = record.find("VM")
        if vm is None:
            vm = etree.Element("VM")
        oid = number(record, "OID")
        owner = "".join(
            f"<{tag}>{escape(text_of(vm.find(name)))}</{tag}>"
            for tag, name in (
                ("VMNAME", "NAME"),
                ("UID", "UID"),
                ("GID", "GID"),
                ("UNAME", "UNAME"),
                ("GNAME", "GNAME"),
            )
        )
        cpu = decimal(text_of(vm.find("TEMPLATE/CPU"))) * _price(vm, "CPU_COST", self.prices.cpu)
        memory = decimal(text_of(vm.find("TEMPLATE/MEMORY"))) * _price(vm, "MEMORY_COST", self.prices.memory)
        disk = _disk_size(vm) * _price(vm, "DISK_COST", self.prices.disk)
        stay = number(record, "STIME", 0), number(record, "ETIME", 0)
        running = (number(record, "RSTIME", 0), number(record, "RETIME", 0)) if self.prices.only_running else stay
        for index, slot in enumerate(self.slots):
            hours, used = _hours(slot, *stay), _hours(slot, *running)
            if hours or used:
                cost = self.costs.setdefault((oid, index), Cost())
                cost.owner = owner
                cost.hours += hours
                cost.disk += disk * hours
                cost.cpu += cpu * used
                cost.memory += memory * used

    def rows(self) -> Iterator[dict[str, int | str]]:
        """The rows of the table."""
        for (oid, index), cost in sorted(self.costs.items()):
            slot = self.slots[index]
            yield {"vmid": oid, "year": slot.year, "month": slot.month, "body": cost.to_xml(oid, slot)}


def window(transaction: Transaction, first: tuple[int, int], last: tuple[int, int], now: float) -> list[Slot]:
    """The months of a question in (month, year); -1 is from the first record, or up to ``now``."""
    if -1 in first:
        rows = transaction.rows(select(func.min(history.c.stime)))
        start = float(rows[0][0] or now)
    else:
        start = _month_start(first[1], first[0])
    end = now if -1 in last else min(now, _month_start(last[1], last[0] + 1))
    return months(start, end)


def _records(transaction: Transaction, start: float, end: float) -> Iterator[Element]:
    """The records that touch the time from ``start`` to ``end``, in bounded memory."""
    vid, seq = -1, -1
    while True:
        after = or_(history.c.vid > vid, (history.c.vid == vid) & (history.c.seq > seq))
        touching = or_(history.c.etime > start, history.c.etime == 0) & (history.c.stime < end)
        query = select(history.c.vid, history.c.seq, history.c.body).where(after, touching)
        rows = transaction.rows(query.order_by(history.c.vid, history.c.seq).limit(CHUNK))
        for row in rows:
            yield parse_body(str(row[2]), "HISTORY")
        if len(rows) < CHUNK:
            return
        vid, seq = int(rows[-1][0]), int(rows[-1][1])


def calculate(transaction: Transaction, slots: list[Slot], prices: Prices) -> None:
    """Write the costs in ``slots``, in place of what was calculated before."""
    if not slots:
        return
    bill = Bill(slots, prices)
    for record in _records(transaction, slots[0].start, slots[-1].end):
        bill.add(record)
    rows = list(bill.rows())
    columns = vm_showback.c
    key = [columns[name] == bindparam(f"key_{name}") for name in ("vmid", "year", "month")]
    if rows:
        old = [{f"key_{name}": row[name] for name in ("vmid", "year", "month")} for row in rows]
        transaction.write(delete(vm_showback).where(*key), old)
        transaction.write(insert(vm_showback), rows)
