"""What a host reports of the machines on it: their states, what they use, and which do not belong there.

Reports are templates (OpenNebula 6.0, STATE_VM and MONITOR_VM of the monitoring daemon).
"""

import base64
import binascii
import re
import time
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from sqlalchemy import bindparam, func, select

from oned.config import Settings
from oned.database.db import Transaction
from oned.database.pools import load
from oned.database.schema import vm_import, vm_monitoring
from oned.errors import NoExistsError
from oned.infrastructure.host_store import save_host
from oned.life.monitor import vm_state
from oned.model.host import Host, HostState
from oned.model.vm import Vm
from oned.model.vm_states import LcmState, VmState
from oned.vm import monitoring
from onelib.template import Template, TemplateError

MERGE_SECONDS = 3600
"""How old values may be that a report without them takes over: probes report in several messages."""
MAX_REPORT = 2**16
"""Characters of what one machine is seen to use, once decoded."""

_HOST = select(Host.table.c.body).where(Host.table.c.oid == bindparam("key"))
_IMPORTED = select(vm_import.c.vmid).where(vm_import.c.deploy_id == bindparam("key"))
_MACHINES = select(Vm.table.c.oid, Vm.table.c.state, Vm.table.c.lcm_state, Vm.table.c.body).where(
    Vm.table.c.oid.in_(bindparam("ids", expanding=True))
)
_LAST = (
    select(vm_monitoring.c.vmid, func.max(vm_monitoring.c.last_poll).label("last_poll"))
    .where(
        vm_monitoring.c.vmid.in_(bindparam("ids", expanding=True)), vm_monitoring.c.last_poll > bindparam("old")
    )
    .group_by(vm_monitoring.c.vmid)
    .subquery()
)
_BEFORE = select(vm_monitoring.c.vmid, vm_monitoring.c.body).join(
    _LAST, (vm_monitoring.c.vmid == _LAST.c.vmid) & (vm_monitoring.c.last_poll == _LAST.c.last_poll)
)
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Seen(NamedTuple):
    """A machine in a report of states."""

    vm_id: int
    state: str
    deploy_id: str


def printable(text: str) -> str:
    """``text`` without what XML cannot hold."""
    return _UNPRINTABLE.sub("?", text)


def home(transaction: Transaction, host_id: int) -> Host | None:
    """The host, not locked; None for one that is offline or gone, whose reports count for nothing."""
    rows = transaction.rows(_HOST, {"key": host_id})
    host = Host.from_xml(str(rows[0][0])) if rows else None
    return None if host is None or host.state is HostState.OFFLINE else host


def _vm_id(transaction: Transaction, entry: Mapping[str, str]) -> int:
    """Which machine is meant; -1 for one that is not ours."""
    text = entry.get("ID", "-1")
    if text.isascii() and text.isdecimal() and len(text) < 10:
        return int(text)
    rows = transaction.rows(_IMPORTED, {"key": entry.get("DEPLOY_ID", "")}) if text == "-1" else []
    return int(rows[0][0]) if rows else -1


def seen_machines(transaction: Transaction, report: Template) -> list[Seen]:
    """The machines of a report of states that are ours, in their order."""
    found = []
    for entry in report.vectors("VM"):
        vm_id = _vm_id(transaction, entry)
        if vm_id >= 0:
            found.append(Seen(vm_id, entry.get("STATE", "").upper(), entry.get("DEPLOY_ID", "")))
    return found


def news(transaction: Transaction, seen: Iterable[Seen]) -> list[Seen]:
    """Those of ``seen`` that may change something: most reports say of most machines that they still run."""
    wanted = list(seen)
    rows = transaction.rows(_MACHINES, {"ids": sorted({one.vm_id for one in wanted})}) if wanted else []
    known = {
        int(oid): str(body) if (state, lcm) == (VmState.ACTIVE, LcmState.RUNNING) else ""
        for oid, state, lcm, body in rows
    }

    def settled(one: Seen) -> bool:
        same = not one.deploy_id or f"<DEPLOY_ID>{one.deploy_id}</DEPLOY_ID>" in known[one.vm_id]
        return one.state == "RUNNING" and bool(known[one.vm_id]) and same

    return [one for one in wanted if one.vm_id in known and not settled(one)]


def missing(report: Template, host: Host, seen: Iterable[Seen]) -> list[Seen]:
    """The machines that a full report lacks, in the state that it has for these."""
    state = report.get("MISSING_STATE")
    if not is_full(report):
        return []
    state = "UNKNOWN" if state.upper() == "UNKNOWN" else "POWEROFF"
    return [Seen(vm_id, state, "") for vm_id in sorted(host.vms - {one.vm_id for one in seen})]


def is_full(report: Template) -> bool:
    """Whether a report of states names all machines of its host."""
    return report.get("SYNC_STATE").upper() in {"YES", "TRUE", "1"} and "MISSING_STATE" in report


def set_zombies(transaction: Transaction, host_id: int, zombies: set[int]) -> None:
    """Note which machines run on a host without belonging there. Raises :class:`oned.errors.NoExistsError`."""
    host = load(transaction, Host, host_id)
    before = host.template.get("ZOMBIES")
    for name in ("ZOMBIES", "TOTAL_ZOMBIES"):
        host.template.erase(name)
    if zombies:
        host.template.set("TOTAL_ZOMBIES", str(len(zombies)))
        host.template.set("ZOMBIES", ", ".join(str(vm) for vm in sorted(zombies)))
    if host.template.get("ZOMBIES") != before:
        save_host(transaction, host)


def note_zombies(transaction: Transaction, host_id: int, present: set[int]) -> None:
    """After a full report: which of the machines ``present`` do not belong on the host."""
    host = home(transaction, host_id)
    if host is None:
        return
    zombies = present - host.vms
    if zombies or host.template.get("ZOMBIES"):
        set_zombies(transaction, host_id, zombies)


def report_states(transaction: Transaction, settings: Settings, host_id: int, report: Template) -> None:
    """All of a report of states in one transaction: for the first report of a host."""
    host = home(transaction, host_id)
    if host is None:
        return
    seen = seen_machines(transaction, report)
    for one in news(transaction, seen) + missing(report, host, seen):
        vm_state(transaction, host_id, one.vm_id, one.state, settings=settings, deploy_id=one.deploy_id)
    if is_full(report):
        note_zombies(transaction, host_id, {one.vm_id for one in seen})


def decode_usage(text: str) -> Template | None:
    """What one machine is seen to use; None for what cannot be read."""
    if len(text) > 2 * MAX_REPORT:
        return None
    try:
        plain = base64.b64decode(text, validate=True).decode(errors="replace")
        return Template.from_text(printable(plain))
    except (binascii.Error, ValueError, TemplateError):
        return None


def report_usage(transaction: Transaction, settings: Settings, host_id: int, report: Template) -> int:
    """Keep what machines use that belong on the host; how many that were."""
    host = home(transaction, host_id) if settings.monitord.vm_retention else None
    if host is None:
        return 0
    values: dict[int, Template] = {}
    for entry in report.vectors("VM"):
        vm_id = _vm_id(transaction, entry)
        usage = decode_usage(entry.get("MONITOR", "")) if vm_id in host.vms else None
        if usage is not None and len(usage):
            values.setdefault(vm_id, Template()).merge(usage)
    if not values:
        return 0
    now = int(time.time())
    before = transaction.rows(_BEFORE, {"ids": sorted(values), "old": now - MERGE_SECONDS})
    merged = {int(vm_id): Template.from_xml(str(body)) for vm_id, body in before}
    for vm_id, usage in values.items():
        merged.setdefault(vm_id, Template()).merge(usage)
    monitoring.store(transaction, [monitoring.record(vm_id, now, merged[vm_id]) for vm_id in sorted(values)])
    return len(values)


def state_of_one(transaction: Transaction, settings: Settings, host_id: int, one: Seen) -> None:
    """Take the state of one machine."""
    try:
        vm_state(transaction, host_id, one.vm_id, one.state, settings=settings, deploy_id=one.deploy_id)
    except NoExistsError:
        return  # deleted meanwhile
