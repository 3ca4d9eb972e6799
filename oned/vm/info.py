"""A virtual machine as ``one.vm.info`` shows it: its body, all of its history, and the last it was seen to use."""

from typing import NamedTuple

from sqlalchemy import BindParameter, bindparam, func, select

from oned.access.acl import Target
from oned.database.db import Transaction
from oned.database.schema import history, vm_monitoring, vm_pool
from oned.errors import NoExistsError
from oned.model.vm import Vm
from oned.vm.monitoring import insert_last
from oned.vm.store import load_history

_KEY: BindParameter[int] = bindparam("vm")
_RECORD = select(func.max(history.c.seq)).where(history.c.vid == _KEY).scalar_subquery()
_POLL = select(func.max(vm_monitoring.c.last_poll)).where(vm_monitoring.c.vmid == _KEY).scalar_subquery()
_pool = vm_pool.c
_SHOWN = select(
    _pool.body, _pool.uid, _pool.gid, _pool.owner_u, _pool.group_u, _pool.other_u, _RECORD, _POLL
).where(_pool.oid == _KEY)
_LAST = select(vm_monitoring.c.body).where(
    vm_monitoring.c.vmid == _KEY, vm_monitoring.c.last_poll == bindparam("poll")
)


class Shown(NamedTuple):
    """What one look at the database tells: the body, who may read it, the last record, the last time it was seen."""

    body: str
    target: Target
    record: int | None
    poll: int | None


def look(transaction: Transaction, oid: int) -> Shown:
    """The machine ``oid``. Raises :class:`NoExistsError`."""
    rows = transaction.rows(_SHOWN, {"vm": oid}) if 0 <= oid < 2**31 else []
    if not rows:
        raise NoExistsError(kind=Vm.kind.label, oid=oid)
    body, uid, gid, owner, group, other, record, poll = rows[0]
    return Shown(body, Target(Vm.kind, oid, uid, gid, (owner, 0, 0, group, 0, 0, other, 0, 0)), record, poll)


def full_xml(transaction: Transaction, shown: Shown, body: str) -> str:
    """``body`` of a machine with its history and monitoring."""
    if shown.record:
        vm = Vm.from_xml(body)
        load_history(transaction, vm)
        body = vm.to_xml(slice(None))
    if shown.poll is not None:
        rows = transaction.rows(_LAST, {"vm": shown.target.oid, "poll": shown.poll})
        if rows:
            body = insert_last(body, str(rows[0][0]), shown.poll)
    return body
