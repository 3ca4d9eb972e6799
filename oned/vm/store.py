"""Virtual machines in the database: the row, the history, and what subscribers hear of a new state."""

from typing import Any

from sqlalchemy import bindparam, delete, insert, select, update

from oned.database.db import Transaction
from oned.database.pools import insert_row, load, save
from oned.database.schema import history
from oned.hooks.events import vm_state
from oned.model.history import History
from oned.model.vm import Vm

_ALL = slice(None)
_NONE = slice(0)
_KEY = (history.c.vid == bindparam("key_vid"), history.c.seq == bindparam("key_seq"))
_INSERT = insert(history)
_UPDATE = update(history).where(*_KEY)
_DELETE = delete(history).where(*_KEY)
_RECORDS = select(history.c.body).where(history.c.vid == bindparam("vid")).order_by(history.c.seq)


def load_vm(transaction: Transaction, oid: int) -> Vm:
    """The virtual machine ``oid`` with the last record of its history. Raises :class:`oned.errors.NoExistsError`."""
    return load(transaction, Vm, oid)


def load_history(transaction: Transaction, vm: Vm) -> None:
    """Read all records of the history, for callers that need more than the last one."""
    if vm.history and vm.history[0].seq > 0:
        last = vm.history[-1]
        older = [History.from_xml(str(row[0])) for row in transaction.rows(_RECORDS, {"vid": vm.oid})]
        vm.history = [record for record in older if record.seq < last.seq] + [last]


def insert_vm(transaction: Transaction, vm: Vm) -> None:
    """Write a new virtual machine whose id was taken before, and tell subscribers."""
    vm.prev_state, vm.prev_lcm_state = vm.state, vm.lcm_state
    insert_row(transaction, vm)
    _tell(transaction, vm)


def save_vm(transaction: Transaction, vm: Vm, *, refresh: bool = False) -> None:
    """Write the virtual machine and the records of its history that changed; tell subscribers of a new state.

    ``refresh``: write the last record as well, because what it says of the virtual machine is another now.
    """
    changed = vm.changed_state
    vm.prev_state, vm.prev_lcm_state = vm.state, vm.lcm_state
    save(transaction, vm)
    _save_history(transaction, vm, refresh=refresh)
    if changed:
        load_history(transaction, vm)
        _tell(transaction, vm)


def _save_history(transaction: Transaction, vm: Vm, *, refresh: bool) -> None:
    """Write the changed records, with the virtual machine as it is now in them."""
    for record in vm.history:
        now = record.to_xml()
        if now == record.stored and not (refresh and record is vm.history[-1]):
            continue
        row: dict[str, Any] = {
            "body": record.to_xml(vm.to_xml(_NONE)),
            "stime": record.stime,
            "etime": record.etime,
        }
        if record.stored:
            transaction.write(_UPDATE, row | {"key_vid": vm.oid, "key_seq": record.seq})
        else:
            transaction.write(_INSERT, row | {"vid": vm.oid, "seq": record.seq})
        record.stored = now


def drop_record(transaction: Transaction, vm: Vm) -> None:
    """Take the last record back: what it announced did not happen. The one before becomes the last."""
    load_history(transaction, vm)
    record = vm.history.pop()
    transaction.write(_DELETE, {"key_vid": vm.oid, "key_seq": record.seq})


def _tell(transaction: Transaction, vm: Vm) -> None:
    """Tell subscribers of the state of a machine that was just written."""
    vm_state(
        transaction,
        vm.to_xml(_ALL) if len(vm.history) > 1 else vm.written,
        vm.oid,
        vm.state.name,
        vm.lcm_state.name,
        service_id=vm.user_template.get("SERVICE_ID"),
        remote_host=vm.history[-1].hostname if vm.history else "",
    )
