"""What monitoring finds out about hosts: their state, what they have, what of it is in use.

A new host gets the task :data:`START`, that runs the probes of its IM driver; an old one :data:`STOP`.
"""

import base64
import binascii
import time
from collections.abc import Mapping
from typing import Any

from sqlalchemy import bindparam, delete, insert, select

from oned import tasks
from oned.access.acl import Kind
from oned.config import Settings
from oned.database.db import Transaction
from oned.database.pools import load
from oned.database.schema import host_monitoring, vm_import
from oned.errors import NoExistsError
from oned.infrastructure.host_store import cluster_reserves, lock_machines, save_host
from oned.infrastructure.machine_reports import printable, report_states, report_usage
from oned.life.monitor import host_lost
from oned.model.host import Host, HostState
from oned.model.host_share import integer
from onelib.driver import DriverError
from onelib.template import MAX_ELEMENTS, Template, TemplateError, cdata
from onelib.template_xml import MalformedXmlError, parse_root, text_of

START, STOP = "host.monitor", "host.unmonitor"
"""Tasks: run the probes on a host, end them."""
_ACTIONS = {START: "START_MONITOR", STOP: "STOP_MONITOR"}
RETENTION_SECONDS = 43200
"""How long what was measured is kept unless the configuration says otherwise."""

_CAPACITY = (
    ("FREECPU", "FREE_CPU"),
    ("FREEMEMORY", "FREE_MEMORY"),
    ("USEDCPU", "USED_CPU"),
    ("USEDMEMORY", "USED_MEMORY"),
)
_SYSTEM = (("CPUSPEED", "CPU_SPEED"), ("NETRX", "NETRX"), ("NETTX", "NETTX"))
_CAPACITY_CHANGES = ("TOTALCPU", "TOTALMEMORY")
_IMPORTED = select(vm_import.c.vmid).where(vm_import.c.deploy_id == bindparam("key"))


def ask_monitor(transaction: Transaction, host: Host, kind: str) -> None:
    """Ask the IM driver of a host to start or to stop the probes; an earlier question is taken back.

    The message is upstream's; the configuration of the monitoring daemon is filled in when it is sent.
    """
    about = (Kind.HOST, host.oid)
    payload = {
        "driver": f"im:{host.im_mad}",
        "host": host.name,
        "action": _ACTIONS[kind],
        "message": f"<MONITOR_DRIVER_ACTION>{host.to_xml()}<MONITOR_CONFIGURATION/></MONITOR_DRIVER_ACTION>",
    }
    tasks.cancel(transaction, about)
    tasks.enqueue(transaction, kind, about, payload)


def set_error(host: Host, message: str) -> None:
    """Note why a host could not be monitored; a disabled one stays disabled."""
    if host.state not in {HostState.OFFLINE, HostState.DISABLED}:
        host.state = HostState.ERROR
    text = f"Error monitoring Host {host.name} ({host.oid}): {message}"
    host.template.set("ERROR", f"{time.ctime()} : {text}")


def set_state(transaction: Transaction, host_id: int, state: HostState, message: str = "") -> set[int]:
    """Take the state that the monitoring daemon found. Raises :class:`oned.errors.NoExistsError`.

    Returns the virtual machines of a host that went to ERROR: nobody knows how they are.
    """
    host = load(transaction, Host, host_id)
    if host.state in {HostState.OFFLINE, state}:
        return set()
    if state is HostState.ERROR:
        set_error(host, message)
    elif host.state is not HostState.DISABLED:
        host.state = state
    save_host(transaction, host)
    return set(host.vms) if state is HostState.ERROR else set()


def report_state(
    transaction: Transaction, host_id: int, state: HostState, message: str = "", *, settings: Settings
) -> None:
    """:func:`set_state`, after which the machines of a host in ERROR are unknown too."""
    if state is HostState.ERROR:
        lock_machines(transaction, host_id)
    lost = set_state(transaction, host_id, state, message)
    host_lost(transaction, host_id, lost, settings=settings)


def system_info(transaction: Transaction, host_id: int, report: Template) -> None:
    """Take what the probes say of the machine itself. Raises :class:`oned.errors.NoExistsError`.

    Ends an error, and makes the host usable unless it is disabled; what an offline one sends is dropped.
    """
    host = load(transaction, Host, host_id)
    if host.state is HostState.OFFLINE:
        return
    template, share = host.template, host.share
    for name in ("ERROR", "VM", "VM_POLL"):
        template.erase(name)
    template.merge(report)
    if host.state is not HostState.DISABLED:
        host.state = HostState.MONITORED
    _note_wilds(transaction, template)
    before = (share.total_cpu, share.total_mem)
    share.total_cpu = integer(template.get("TOTALCPU"), share.total_cpu)
    share.total_mem = integer(template.get("TOTALMEMORY"), share.total_mem)
    for name in _CAPACITY_CHANGES:
        template.erase(name)
    if before != (share.total_cpu, share.total_mem):
        share.reserve(*host.reserved(cluster_reserves(transaction, host)))
    share.monitored(template)
    save_host(transaction, host)


def _note_wilds(transaction: Transaction, template: Template) -> None:
    """Keep of the reported machines the ones that are not ours, with their names in WILDS."""
    reported = template.vectors("VM")
    for name in ("VM", "WILDS", "TOTAL_WILDS"):
        template.erase(name)
    names = []
    for machine in reported:
        if integer(machine.get("ID", ""), -2) != -1:
            continue
        deploy_id = machine.get("DEPLOY_ID", "")
        if transaction.rows(_IMPORTED, {"key": deploy_id}):
            continue
        names.append(machine.get("VM_NAME") or deploy_id)
        template.add("VM", machine)
    if names:
        template.set("TOTAL_WILDS", str(len(names)))
        template.set("WILDS", ", ".join(names))


def record_xml(host_id: int, timestamp: int, report: Template) -> str:
    """The record MONITORING of what the probes measured."""

    def section(tag: str, names: tuple[tuple[str, str], ...]) -> str:
        inner = "".join(
            f"<{shown}>{cdata(str(integer(report.get(name))))}</{shown}>"
            for name, shown in names
            if name in report
        )
        return f"<{tag}>{inner}</{tag}>"

    return (
        f"<MONITORING><TIMESTAMP>{timestamp}</TIMESTAMP><ID>{host_id}</ID>{section('CAPACITY', _CAPACITY)}"
        f"{section('SYSTEM', _SYSTEM)}</MONITORING>"
    )


_times = host_monitoring.c.last_mon_time
_OUTDATED = delete(host_monitoring).where(
    host_monitoring.c.hid == bindparam("host"), (_times == bindparam("when")) | (_times < bindparam("oldest"))
)
_RECORD = insert(host_monitoring)


def add_monitoring(
    transaction: Transaction,
    host_id: int,
    report: Template,
    *,
    timestamp: int | None = None,
    retention: int = RETENTION_SECONDS,
) -> None:
    """Keep what was measured at ``timestamp`` (now), and drop what is older than ``retention`` seconds."""
    when = int(time.time()) if timestamp is None else timestamp
    transaction.write(_OUTDATED, {"host": host_id, "when": when, "oldest": int(time.time()) - retention})
    row = {"hid": host_id, "last_mon_time": when, "body": record_xml(host_id, when, report)}
    transaction.insert_at_end(_RECORD, row)


def last_monitoring(transaction: Transaction, host_id: int) -> str:
    """The newest record of a host, empty without one."""
    table = host_monitoring
    query = select(table.c.body).where(table.c.hid == host_id).order_by(table.c.last_mon_time.desc()).limit(1)
    rows = transaction.rows(query)
    return str(rows[0][0]) if rows else ""


def _reports(answer: str) -> dict[str, Template]:
    """The first reports of a host by their kind; those that cannot be read are left out."""
    try:
        root = parse_root(answer, MAX_ELEMENTS)
    except MalformedXmlError:
        return {}
    found = {}
    for name in ("STATE_VM", "SYSTEM_HOST", "MONITOR_HOST", "MONITOR_VM"):
        try:
            text = base64.b64decode(text_of(root.find(name)), validate=True).decode(errors="replace")
            report = Template.from_text(printable(text))
        except (binascii.Error, ValueError, TemplateError):
            continue
        if len(report):
            found[name] = report
    return found


def _take_first(
    transaction: Transaction, settings: Settings, host_id: int, reports: Mapping[str, Template]
) -> None:
    """What the probes said when they were started; machines come first, as they are locked before hosts."""
    if "STATE_VM" in reports:
        report_states(transaction, settings, host_id, reports["STATE_VM"])
    if "SYSTEM_HOST" in reports:
        system_info(transaction, host_id, reports["SYSTEM_HOST"])
    if "MONITOR_HOST" in reports:
        retention = settings.monitord.host_retention
        add_monitoring(transaction, host_id, reports["MONITOR_HOST"], retention=retention)
    if "MONITOR_VM" in reports:
        report_usage(transaction, settings, host_id, reports["MONITOR_VM"])


def _started(transaction: Transaction, payload: Mapping[str, Any], answer: str | DriverError) -> None:
    """The probes run, or cannot."""
    oid = int(payload["oid"])
    try:
        if isinstance(answer, DriverError):
            report_state(transaction, oid, HostState.ERROR, str(answer), settings=payload["settings"])
            return
        _take_first(transaction, payload["settings"], oid, _reports(answer))
    except NoExistsError:
        return  # deleted while the driver was at work


def _stopped(_transaction: Transaction, _payload: Mapping[str, Any], _answer: str | DriverError) -> None:
    """Nobody minds probes that cannot be stopped: their host is off, or gone."""


RESULTS = {START: _started, STOP: _stopped}
"""What takes the answers of the IM drivers (:mod:`oned.work.drive`)."""
