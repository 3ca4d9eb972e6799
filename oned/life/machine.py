"""One event in the life of a virtual machine: the table's step, carried out in the transaction of its cause."""

import time
from dataclasses import dataclass, field
from typing import NamedTuple

from oned.access.quota import Usage
from oned.config import Settings
from oned.database.db import Transaction
from oned.life import effects, work
from oned.life.accounts import lock_owner, settle, usage_of
from oned.life.places import L, Place, active
from oned.life.steps import Event, Step
from oned.life.table import TABLE
from oned.methods.call import Call
from oned.model.vm import Vm
from oned.vm.store import load_history, load_vm, save_vm


class Actor(NamedTuple):
    """Who asked: user, group, and the number of the request; -1 for the server itself."""

    uid: int = -1
    gid: int = -1
    request: int = -1


SERVER = Actor()


@dataclass
class Life:
    """A virtual machine, locked, with what a step needs.

    ``answer`` is what a driver said. ``forced``: what it takes counts also beyond a limit of its owner, as for all
    that nobody asked for.
    """

    transaction: Transaction
    settings: Settings
    vm: Vm
    actor: Actor = SERVER
    answer: str = ""
    forced: bool = False
    now: int = field(default_factory=lambda: int(time.time()))
    before: Usage = field(init=False)

    def __post_init__(self) -> None:
        self.forced = self.actor == SERVER
        self.before = usage_of(self.vm)

    @property
    def place(self) -> Place:
        """Where the machine is."""
        return Place(self.vm.state, self.vm.lcm_state)

    def step(self, event: Event) -> Step | None:
        """What ``event`` leads to; None when it is not possible where the machine is."""
        return TABLE.get((self.place, event))

    def take(self, event: Event) -> bool:
        """Carry out what ``event`` leads to; False, and nothing changes, when it is not possible here.

        Raises :class:`oned.errors.ApiError` when an effect is refused; the transaction must then be rolled back.
        """
        step = self.step(event)
        if step is None:
            return False
        for effect in step.does:
            effects.apply(self, effect)
        self.vm.state, self.vm.lcm_state = step.to
        if step.work is not None:
            work.ask(self.transaction, self.settings, self.vm, step.work)
        if step.to == active(L.CLEANUP_DELETE):
            # Nobody waits for the drivers to clean up: they may be what is broken.
            save_vm(self.transaction, self.vm)
            return self.take(Event.SUCCESS)
        self.save()
        return True

    def save(self) -> None:
        """Write the machine, and count what it takes against the quotas of its owner."""
        settle(self.transaction, self.vm, self.before, forced=self.forced)
        self.before = usage_of(self.vm)
        save_vm(self.transaction, self.vm)


def open_life(transaction: Transaction, settings: Settings, vm_id: int, actor: Actor = SERVER) -> Life:
    """The machine ``vm_id`` for an event. Raises :class:`oned.errors.NoExistsError`."""
    lock_owner(transaction, vm_id)
    vm = load_vm(transaction, vm_id)
    load_history(transaction, vm)
    return Life(transaction, settings, vm, actor)


def life_of(call: Call, vm_id: int) -> Life:
    """The machine ``vm_id`` for what a user asks. Raises :class:`oned.errors.NoExistsError`."""
    actor = Actor(call.caller.uid, call.caller.gid, call.request_id)
    return open_life(call.transaction, call.settings, vm_id, actor)
