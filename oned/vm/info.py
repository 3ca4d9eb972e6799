"""A virtual machine as ``one.vm.info`` shows it: its body, all of its history, and the last it was seen to use."""

from sqlalchemy import bindparam, func, select

from oned.db import Transaction
from oned.model.vm import Vm
from oned.schema import history, vm_monitoring
from oned.vm.monitoring import insert_last
from oned.vm.store import load_history

_NEWEST = (
    select(func.max(vm_monitoring.c.last_poll)).where(vm_monitoring.c.vmid == bindparam("vm")).scalar_subquery()
)
_RECORDS = select(func.max(history.c.seq)).where(history.c.vid == bindparam("vm")).scalar_subquery()
_SEEN = select(_RECORDS, _NEWEST)
_LAST = select(vm_monitoring.c.body).where(
    vm_monitoring.c.vmid == bindparam("vm"), vm_monitoring.c.last_poll == bindparam("poll")
)


def full_xml(transaction: Transaction, oid: int, body: str) -> str:
    """``body`` of the machine ``oid`` with its history and monitoring."""
    records, poll = transaction.rows(_SEEN, {"vm": oid})[0]
    if records:
        vm = Vm.from_xml(body)
        load_history(transaction, vm)
        body = vm.to_xml(slice(None))
    if poll is not None:
        rows = transaction.rows(_LAST, {"vm": oid, "poll": poll})
        if rows:
            body = insert_last(body, str(rows[0][0]), int(poll))
    return body
