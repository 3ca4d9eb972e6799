"""What hosts report of their virtual machines: a machine is found running, off, suspended, or not at all."""

from oned.config import Settings
from oned.database.db import Transaction
from oned.errors import NoExistsError
from oned.life.machine import Life, open_life
from oned.life.steps import Event

_REPORTS = {
    "RUNNING": Event.SEEN_RUNNING,
    "POWEROFF": Event.SEEN_POWEROFF,
    "SUSPENDED": Event.SEEN_SUSPENDED,
    "FAILURE": Event.SEEN_FAILURE,
    "UNKNOWN": Event.SEEN_UNKNOWN,
}


def _reported(transaction: Transaction, settings: Settings, host_id: int, vm_id: int) -> Life | None:
    """The machine, if it is on that host: a report from any other one is old."""
    try:
        life = open_life(transaction, settings, vm_id)
    except NoExistsError:
        return None
    records = life.vm.history
    return life if records and records[-1].hid == host_id else None


def vm_state(
    transaction: Transaction, host_id: int, vm_id: int, state: str, *, settings: Settings, deploy_id: str = ""
) -> bool:
    """A host says in which state a machine is; whether that changed anything.

    ``deploy_id`` is the hypervisor's name for the machine, empty when it was not reported.
    """
    event = _REPORTS.get(state)
    life = _reported(transaction, settings, host_id, vm_id) if event is not None else None
    if event is None or life is None:
        return False
    renamed = bool(deploy_id) and deploy_id != life.vm.deploy_id
    if renamed:
        life.vm.deploy_id = deploy_id
    if life.take(event):
        return True
    if renamed:
        life.save()
    return renamed


def host_lost(transaction: Transaction, host_id: int, vm_ids: set[int], *, settings: Settings) -> None:
    """A host is in error: nobody knows how its machines are."""
    for vm_id in sorted(vm_ids):
        vm_state(transaction, host_id, vm_id, "UNKNOWN", settings=settings)
