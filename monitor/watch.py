"""Looking after hosts: those that fell silent are started again, and what is too old is dropped."""

import time
from collections.abc import Iterable

from sqlalchemy import delete, func, select

from oned.access.acl import Kind
from oned.database.db import Transaction
from oned.database.pools import load
from oned.database.schema import host_monitoring, task
from oned.errors import NoExistsError
from oned.infrastructure.hosts import START, ask_monitor
from oned.infrastructure.monitord import MonitordSettings
from oned.model.host import Host, HostState
from oned.vm import monitoring

EXPIRY_SECONDS = 600.0
"""How often old rows are dropped, less often than that takes time."""


def monitored_hosts(transaction: Transaction) -> list[int]:
    """The hosts that are not offline."""
    table = Host.table
    return [int(row[0]) for row in transaction.rows(select(table.c.oid).where(table.c.state != HostState.OFFLINE))]


def not_heard(transaction: Transaction, silent: Iterable[int], seconds: int) -> list[int]:
    """Those of ``silent`` of which no other server on the database wrote anything for ``seconds`` either."""
    wanted = set(silent)
    since = int(time.time()) - seconds
    query = (
        select(host_monitoring.c.hid)
        .where(host_monitoring.c.hid.in_(wanted))
        .group_by(host_monitoring.c.hid)
        .having(func.max(host_monitoring.c.last_mon_time) > since)
    )
    heard = {int(row[0]) for row in transaction.rows(query)} if wanted else set()
    return sorted(wanted - heard)


def start_probes(transaction: Transaction, host_id: int) -> None:
    """Have the probes of a host started, unless that is being done."""
    try:
        host = load(transaction, Host, host_id)
    except NoExistsError:
        return
    asked = select(task.c.id).where(task.c.object == Kind.HOST.name, task.c.oid == host_id, task.c.kind == START)
    if host.state is not HostState.OFFLINE and not transaction.rows(asked):
        ask_monitor(transaction, host, START)


def expire(transaction: Transaction, settings: MonitordSettings) -> None:
    """Drop reports that are older than they are to be kept."""
    now = time.time()
    monitoring.expire(transaction, now, settings.vm_retention)
    old = host_monitoring.c.last_mon_time < int(now - settings.host_retention)
    transaction.write(delete(host_monitoring).where(old))
