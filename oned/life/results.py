"""What drivers answer: the end of each task on a virtual machine, applied in the transaction that deletes the task.

An answer counts only while the machine is in the place that asked for it: whatever has happened meanwhile, by a user,
a report of the host or another answer, has made it obsolete.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any

from oned.database.db import Transaction
from oned.errors import NoExistsError
from oned.life import work
from oned.life.machine import Life, open_life
from oned.life.steps import Event, Work
from oned.model.vm import Vm
from oned.vm.store import save_vm
from onelib.driver import DriverError

Payload = Mapping[str, Any]
Answer = str | DriverError

_TRANSFER = "Error executing image transfer script"
_SILENT = frozenset({"reboot", "reset"})
"""What changes no place: a failure is only noted."""


def set_error(vm: Vm, message: str) -> None:
    """Note in the machine what went wrong, with the time, where users read it."""
    vm.user_template.set("ERROR", f"{time.ctime()}: {message}")


def _failure_text(action: str, error: DriverError) -> str:
    """What users read of a failure; nothing when the driver gave no reason."""
    reason = str(error)
    if not reason or reason.startswith("-"):
        return ""
    what = _TRANSFER if action == work.TRANSFER else action
    return f"{what}: {reason}"


def _open(transaction: Transaction, payload: Payload) -> Life | None:
    """The machine, if it still is where it was when the task was written."""
    try:
        life = open_life(transaction, payload["settings"], payload["oid"])
    except NoExistsError:
        return None
    return life if list(life.place) == payload.get("expects") else None


def _take_answer(life: Life, action: str, answer: str) -> Event:
    """What a good answer means; the hypervisor's name for the machine comes with it."""
    life.answer = answer
    if action != "DEPLOY":
        return Event.SUCCESS
    words = answer.split()
    if not words:
        set_error(life.vm, "Empty deploy ID for virtual machine")
        return Event.FAILURE
    life.vm.deploy_id = words[0]
    return Event.SUCCESS


def apply(transaction: Transaction, payload: Payload, answer: Answer) -> None:
    """Go on where the answer of a driver leads to."""
    life = _open(transaction, payload)
    if life is None:
        return
    action = str(payload["action"])
    if isinstance(answer, DriverError):
        text = _failure_text(action, answer)
        if text:
            set_error(life.vm, text)
        event = Event.FAILURE
    else:
        event = _take_answer(life, action, answer)
    if action.lower() in _SILENT:
        if event is Event.FAILURE:
            save_vm(transaction, life.vm)
        return
    life.take(event)


def ask_again(transaction: Transaction, payload: Payload) -> None:
    """Ask the drivers for what the payload names, when the machine still waits for that."""
    life = _open(transaction, payload)
    if life is not None:
        work.ask(transaction, life.settings, life.vm, Work[payload["work"]])


RESULTS: dict[str, Callable[[Transaction, Payload, Answer], None]] = {
    f"vm.{action.lower()}": apply for action in (*work.HYPERVISOR_ACTIONS, work.TRANSFER)
}
"""For each kind of task on virtual machines, what applies its answer."""
