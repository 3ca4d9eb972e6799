"""What drivers are asked for each piece of work: which driver, which action, which message.

The messages are upstream's: ``VMM_DRIVER_ACTION_DATA`` for hypervisors, the lines of a transfer for storage (with the
machine, for drivers that want to know it).
"""

import socket
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from sqlalchemy import bindparam, delete, select

from oned.access.acl import Kind
from oned.config import Settings
from oned.database.db import Transaction
from oned.database.schema import datastore_pool, task
from oned.infrastructure.datastores import location
from oned.life import transfer
from oned.life.marks import attached, resized, snapshot, snapshotted
from oned.life.steps import Work
from oned.life.transfer import Site
from oned.model.base import escape
from oned.model.history import History
from oned.model.vm import Vm
from oned.model.vm_states import Action, LcmState
from oned.tasks import SIGNAL, enqueue

_DATASTORE = select(datastore_pool.c.body).where(datastore_pool.c.oid == bindparam("key"))

TRANSFER = "TRANSFER"
_HARD = {Action.TERMINATE_HARD, Action.POWEROFF_HARD, Action.UNDEPLOY_HARD, Action.POWEROFF_HARD_MIGRATE}


@lru_cache(maxsize=1)
def _own_name() -> str:
    return socket.gethostname()


def site_of(settings: Settings) -> Site:
    """Where this front-end is."""
    folder = settings.database.path.parent
    return Site(settings.raw.get("HOSTNAME") or _own_name(), location(settings), str(folder / "vms"))


@dataclass(frozen=True)
class _Parts:
    """What differs in the messages to hypervisors. ``record`` is the stay whose host is asked."""

    record: History
    target: str = ""
    deploy_id: bool = True
    deployment: bool = False
    checkpoint: bool = False
    command: str = ""
    rollback: str = ""
    disk: str = ""


def _previous(vm: Vm) -> History:
    return vm.history[-2] if len(vm.history) > 1 else vm.history[-1]


def _asked(vm: Vm) -> History:
    """The host that runs the machine: while it leaves, the one before."""
    return _previous(vm) if vm.lcm_state is LcmState.SAVE_MIGRATE else vm.history[-1]


def _context(vm: Vm, site: Site) -> tuple[str, str]:
    """The command that makes the context anew, and its disk."""
    line = transfer.context_line(vm, site)
    return line, transfer.disk_path(vm, site, vm.template.vector("CONTEXT")) if line else ""


def _with_context(vm: Vm, site: Site) -> _Parts:
    command, disk = _context(vm, site)
    return _Parts(vm.history[-1], command=command, disk=disk)


def _deploy(vm: Vm, site: Site) -> _Parts:
    command, disk = _context(vm, site)
    return _Parts(vm.history[-1], deploy_id=False, deployment=True, command=command, disk=disk)


def _restore(vm: Vm, site: Site) -> _Parts:
    command, disk = _context(vm, site)
    return _Parts(vm.history[-1], checkpoint=True, command=command, disk=disk)


def _migrate(vm: Vm, site: Site) -> _Parts:
    there = vm.history[-1]
    command = transfer.migrate_line(vm, site)
    return _Parts(_previous(vm), target=there.hostname, command=command, disk=site.folder(there, vm.oid))


def _cleanup(vm: Vm, site: Site, *, both: bool = False) -> _Parts:
    target = _previous(vm).hostname if both else ""
    return _Parts(vm.history[-1], target=target, command="\n".join(transfer.delete_lines(vm, site)))


def _cleanup_previous(vm: Vm, site: Site) -> _Parts:
    return _Parts(_previous(vm), command="\n".join(transfer.delete_lines(vm, site, previous=True)))


def _attach(vm: Vm, site: Site) -> _Parts:
    back, disk = transfer.detach_line(vm, site), transfer.disk_path(vm, site, attached(vm))
    return _Parts(vm.history[-1], command=transfer.attach_line(vm, site), rollback=back, disk=disk)


def _detach(vm: Vm, site: Site) -> _Parts:
    disk = transfer.disk_path(vm, site, attached(vm))
    return _Parts(vm.history[-1], command=transfer.detach_line(vm, site), disk=disk)


def _disk_snapshot(vm: Vm, site: Site) -> _Parts:
    command = transfer.disk_snapshot_line(vm, site, "SNAP_CREATE")
    disk = transfer.disk_path(vm, site, snapshotted(vm))
    return _Parts(vm.history[-1], checkpoint=True, command=command, disk=disk)


def _resize_disk(vm: Vm, site: Site) -> _Parts:
    disk = transfer.disk_path(vm, site, resized(vm))
    return _Parts(vm.history[-1], command=transfer.resize_line(vm, site), disk=disk)


def _plain(vm: Vm, _site: Site) -> _Parts:
    return _Parts(_asked(vm))


def _save(vm: Vm, _site: Site) -> _Parts:
    return _Parts(_asked(vm), checkpoint=True)


_HYPERVISOR: dict[Work, tuple[str, Callable[[Vm, Site], _Parts]]] = {
    Work.DEPLOY: ("DEPLOY", _deploy),
    Work.RESTORE: ("RESTORE", _restore),
    Work.SAVE: ("SAVE", _save),
    Work.SHUTDOWN: ("SHUTDOWN", _plain),
    Work.CANCEL: ("CANCEL", _plain),
    Work.REBOOT: ("REBOOT", _plain),
    Work.RESET: ("RESET", _plain),
    Work.MIGRATE: ("MIGRATE", _migrate),
    Work.CLEANUP: ("CLEANUP", _cleanup),
    Work.CLEANUP_BOTH: ("CLEANUP", lambda vm, site: _cleanup(vm, site, both=True)),
    Work.CLEANUP_PREVIOUS: ("CLEANUP", _cleanup_previous),
    Work.ATTACH_DISK: ("ATTACHDISK", _attach),
    Work.DETACH_DISK: ("DETACHDISK", _detach),
    Work.ATTACH_NIC: ("ATTACHNIC", _with_context),
    Work.DETACH_NIC: ("DETACHNIC", _with_context),
    Work.DISK_SNAPSHOT_CREATE: ("DISKSNAPSHOTCREATE", _disk_snapshot),
    Work.RESIZE: ("RESIZE", _plain),
    Work.RESIZE_DISK: ("RESIZEDISK", _resize_disk),
    Work.UPDATE_CONF: ("UPDATECONF", _with_context),
}
HYPERVISOR_ACTIONS = frozenset(action for action, _ in _HYPERVISOR.values()) | {
    f"SNAPSHOT{action}" for action in ("CREATE", "REVERT", "DELETE")
}
"""What hypervisor drivers may be asked here."""


def _tag(name: str, text: str) -> str:
    return f"<{name}>{escape(text)}</{name}>" if text else f"<{name}/>"


def _hypervisor_message(transaction: Transaction, vm: Vm, site: Site, parts: _Parts) -> str:
    record, last = parts.record, vm.history[-1]
    folder = site.folder(record if parts.checkpoint else last, vm.oid)
    local = f"{site.machines}/{vm.oid}/deployment.{last.seq}" if parts.deployment else ""
    rows = transaction.rows(_DATASTORE, {"key": record.ds_id})
    return (
        f"<VMM_DRIVER_ACTION_DATA>{_tag('HOST', record.hostname)}{_tag('MIGR_HOST', parts.target)}"
        f"{_tag('DEPLOY_ID', vm.deploy_id if parts.deploy_id else '')}{_tag('LOCAL_DEPLOYMENT_FILE', local)}"
        f"{_tag('REMOTE_DEPLOYMENT_FILE', f'{folder}/deployment.{last.seq}' if local else '')}"
        f"{_tag('CHECKPOINT_FILE', f'{folder}/checkpoint' if parts.checkpoint else '')}"
        f"{_tag('TM_COMMAND', parts.command)}{_tag('TM_COMMAND_ROLLBACK', parts.rollback)}"
        f"{_tag('DISK_TARGET_PATH', parts.disk)}{vm.to_xml()}{rows[0][0] if rows else ''}</VMM_DRIVER_ACTION_DATA>"
    )


def _transfer_message(vm: Vm, site: Site, work: Work) -> str:
    lines = "\n".join(filter(None, transfer.SCRIPTS[work](vm, site)))
    return (
        f"<TM_DRIVER_ACTION_DATA><OPERATION>{work.name}</OPERATION>{_tag('COMMANDS', lines)}"
        f"{_tag('HOST', vm.history[-1].hostname)}{vm.to_xml()}</TM_DRIVER_ACTION_DATA>"
    )


def _again(vm: Vm) -> Work:
    """What the record says was asked for."""
    record = vm.history[-1]
    if vm.lcm_state is LcmState.EPILOG:
        return Work.EPILOG_LOCAL if record.eetime else Work.EPILOG
    if record.action in _HARD:
        return Work.CANCEL
    saves = vm.lcm_state is LcmState.SAVE_MIGRATE and record.action != Action.POWEROFF_MIGRATE
    return Work.SAVE if saves else Work.SHUTDOWN


def ask(transaction: Transaction, settings: Settings, vm: Vm, work: Work) -> None:
    """Ask the drivers for ``work`` on ``vm``, which is in the place where the answer is expected.

    Raises :class:`oned.errors.InternalError` for a disk that no driver can bring.
    """
    site = site_of(settings)
    wanted = _again(vm) if work is Work.AGAIN else work
    payload: dict[str, object] = {"expects": [int(vm.state), int(vm.lcm_state)], "work": wanted.name}
    if wanted in transfer.SCRIPTS:
        kind, record = "vm.transfer", vm.history[-1]
        payload |= {"driver": f"tm:{record.tm_mad}", "action": TRANSFER}
        payload["message"] = _transfer_message(vm, site, wanted)
    else:
        if wanted is Work.SNAPSHOT:
            action, parts = f"SNAPSHOT{snapshot(vm).get('ACTION', '')}", _plain(vm, site)
        else:
            action, make = _HYPERVISOR[wanted]
            parts = make(vm, site)
        kind, record = f"vm.{action.lower()}", parts.record
        payload |= {"driver": f"vmm:{record.vm_mad}", "action": action, "host": record.hostname}
        payload["message"] = _hypervisor_message(transaction, vm, site, parts)
    enqueue(transaction, kind, (Kind.VM, vm.oid), payload)


def stop_asking(transaction: Transaction, vm_id: int) -> None:
    """Drop what drivers are asked for a machine: the answers count for nothing any more."""
    mine = (task.c.object == Kind.VM.name, task.c.oid == vm_id, task.c.kind.like("vm.%"))
    transaction.write(delete(task).where(*mine))
    transaction.signals.add(SIGNAL)
