"""What the steps of the table do to a virtual machine, its history, its host and its console port."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from oned.errors import InternalError
from oned.infrastructure import capacity
from oned.life import console, ends, release
from oned.life.driver_conf import can
from oned.life.places import L
from oned.life.steps import Act, Do, Effect, Renew, Stamp
from oned.model.history import History
from oned.model.host import Host
from oned.model.vm import Vm
from oned.model.vm_states import Action, VmState
from oned.storage.reading import glance, lock_rows
from oned.vm.requirements import set_automatic
from oned.vm.usage import decimal, number

if TYPE_CHECKING:
    from oned.life.machine import Life

_TIMES = ("stime", "etime", "pstime", "petime", "rstime", "retime", "estime", "eetime")


def apply(life: "Life", effect: Effect) -> None:
    """Do what ``effect`` says. Raises :class:`oned.errors.ApiError`."""
    if isinstance(effect, Stamp):
        _stamp(life, effect)
    elif isinstance(effect, Act):
        _act(life, effect)
    elif isinstance(effect, Renew):
        renew(life, effect.action)
    else:
        _FUNCTIONS[effect](life)


def _record(life: "Life", *, previous: bool) -> History | None:
    records = life.vm.history
    return records[-2 if previous else -1] if len(records) > previous else None


def _stamp(life: "Life", stamp: Stamp) -> None:
    record = _record(life, previous=stamp.previous)
    if record is not None:
        for name in stamp.names:
            setattr(record, name, 0 if stamp.never else life.now)


def _act(life: "Life", act: Act) -> None:
    record = _record(life, previous=act.previous)
    if record is not None:
        by = (-1, -1, -1) if act.server else life.actor
        record.action, (record.uid, record.gid, record.request_id) = act.action, by


def _copy(life: "Life", source: History) -> History:
    """A new last record on the host of ``source``, in which nothing has happened yet."""
    seq = life.vm.history[-1].seq + 1
    fresh = replace(source, seq=seq, action=Action.NONE, uid=-1, gid=-1, request_id=-1, stored="")
    for name in _TIMES:
        setattr(fresh, name, 0)
    life.vm.history.append(fresh)
    return fresh


def _copy_last(life: "Life") -> None:
    _copy(life, life.vm.history[-1])


def _copy_previous(life: "Life") -> None:
    _copy(life, life.vm.history[-2])


def renew(life: "Life", action: Action) -> None:
    """End the record with ``action`` and go on with one that keeps what was announced before."""
    old = life.vm.history[-1]
    announced, off, away = old.action, bool(old.retime), old.eetime
    if not off:
        old.retime = life.now
    old.etime, old.action = life.now, action
    old.uid, old.gid, old.request_id = life.actor
    fresh = _copy(life, old)
    fresh.action, fresh.stime, fresh.rstime = announced, life.now, life.now
    if off:
        fresh.retime = life.now
    if away:
        # The disks are on the front-end, which has to be known when the machine ends; no host is being used.
        fresh.etime = fresh.eetime = life.now


def _close(life: "Life") -> None:
    record = _record(life, previous=False)
    if record is not None and not record.etime:
        record.etime = life.now


def _drop_snapshots(life: "Life") -> None:
    if not can(life.settings, life.vm.history[-1].vm_mad, "KEEP_SNAPSHOTS"):
        life.vm.template.erase("SNAPSHOT")


def _requirements(life: "Life") -> None:
    set_automatic(life.transaction, life.vm.template, life.vm.user_template)


def _forget_deploy_id(life: "Life") -> None:
    life.vm.deploy_id = ""


def _set_resched(value: int) -> Callable[["Life"], None]:
    def function(life: "Life") -> None:
        life.vm.resched = value

    return function


def capacity_of(vm: Vm) -> tuple[float, int]:
    """Cores and megabytes."""
    return decimal(vm.template.get("CPU")), number(vm.template.get("MEMORY"))


def lock_hosts(life: "Life") -> None:
    """Lock the hosts of the last two records in the order of their ids."""
    lock_rows(life.transaction, Host.table, {record.hid for record in life.vm.history[-2:]})


def _host_in(life: "Life") -> None:
    lock_hosts(life)
    hid, vm = life.vm.history[-1].hid, life.vm
    capacity.reserve(life.transaction, hid, vm.oid, *capacity_of(vm), template=vm.template)


def _leave(life: "Life", record: History) -> None:
    """Give the capacity back to a host; one that is gone has nothing to count."""
    if glance(life.transaction, Host, record.hid) is None:
        return
    lock_hosts(life)
    vm = life.vm
    capacity.release(life.transaction, record.hid, vm.oid, *capacity_of(vm), template=vm.template)


def _host_out(life: "Life") -> None:
    if life.vm.history:
        _leave(life, life.vm.history[-1])


def _moved(life: "Life") -> bool:
    return len(life.vm.history) > 1 and life.vm.history[-1].hid != life.vm.history[-2].hid


def _previous_out(life: "Life") -> None:
    if _moved(life):
        _leave(life, life.vm.history[-2])


def _target_out(life: "Life") -> None:
    if not _moved(life):
        return
    _leave(life, life.vm.history[-1])
    if life.vm.template.vectors("PCI"):
        capacity.revert_devices(life.transaction, life.vm.history[-2].hid, life.vm.template)


def _free(life: "Life") -> None:
    """Give everything back; after a deletion nobody knows what is on persistent disks."""
    vm = life.vm
    failed = vm.state is VmState.ACTIVE and vm.lcm_state is L.CLEANUP_DELETE
    release.free(life.transaction, vm, failed=failed)
    vm.etime = life.now


def record_on(life: "Life", host: Host, tm_mad: str, ds_id: int) -> None:
    """A new record: the machine is to be on ``host``. Raises :class:`InternalError`."""
    vm = life.vm
    if not host.name:
        raise InternalError("Cannot update virtual machine history")
    seq = vm.history[-1].seq + 1 if vm.history else 0
    vm.history.append(History(vm.oid, seq, host.name, host.oid, host.cluster_id, host.vm_mad, tm_mad, ds_id))


_FUNCTIONS: dict[Do, Callable[["Life"], None]] = {
    Do.UNRESCHED: _set_resched(0),
    Do.MARK_RESCHED: _set_resched(1),
    Do.DROP_SNAPSHOTS: _drop_snapshots,
    Do.CLOSE: _close,
    Do.COPY: _copy_last,
    Do.COPY_PREVIOUS: _copy_previous,
    Do.VNC_OUT: console.leave,
    Do.VNC_PREVIOUS_OUT: console.leave_previous,
    Do.VNC_BACK: console.go_back,
    Do.HOST_IN: _host_in,
    Do.HOST_OUT: _host_out,
    Do.PREVIOUS_OUT: _previous_out,
    Do.TARGET_OUT: _target_out,
    Do.FREE: _free,
    Do.REQUIREMENTS: _requirements,
    Do.FORGET_DEPLOY_ID: _forget_deploy_id,
    **ends.FUNCTIONS,
}
