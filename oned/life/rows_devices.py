"""Rows of the table of transitions for disks, interfaces, snapshots and sizes: out to the work, and back."""

from collections.abc import Iterator

from oned.life.places import (
    DISK_RESIZES_OFF,
    DISK_SNAPSHOTS_OFF,
    POWEROFF,
    POWEROFF_SNAPSHOT,
    RUNNING,
    SAVE_AS_OFF,
    SUSPENDED,
    UNDEPLOYED,
    L,
    Place,
    active,
)
from oned.life.steps import Do, Effect, Event, Renew, Step, Work, now
from oned.model.vm_states import Action

Row = tuple[Place, Event, Step]
E = Event


def _there_and_back(lcm: L, home: Place, success: Effect, failure: Effect) -> Iterator[Row]:
    """Both ends of work in ``lcm``. A machine that is off ends its record anew, as in 6.0."""
    rest = (now("retime"),) if home in {POWEROFF, SUSPENDED} else ()
    yield active(lcm), E.SUCCESS, Step(home, (success, *rest))
    yield active(lcm), E.FAILURE, Step(home, (failure, *rest))


def _disk_rows() -> Iterator[Row]:
    attach, detach = Renew(Action.DISK_ATTACH), Renew(Action.DISK_DETACH)
    yield RUNNING, E.ATTACH_DISK, Step(active(L.HOTPLUG), (Do.UNRESCHED, attach), Work.ATTACH_DISK)
    yield RUNNING, E.DETACH_DISK, Step(active(L.HOTPLUG), (Do.UNRESCHED, detach), Work.DETACH_DISK)
    yield RUNNING, E.UPDATE_CONF, Step(active(L.HOTPLUG), (Do.UNRESCHED,), Work.UPDATE_CONF)
    yield from _there_and_back(L.HOTPLUG, RUNNING, Do.HOTPLUG_SUCCESS, Do.HOTPLUG_FAILURE)
    prolog, epilog = active(L.HOTPLUG_PROLOG_POWEROFF), active(L.HOTPLUG_EPILOG_POWEROFF)
    yield POWEROFF, E.ATTACH_DISK, Step(prolog, (Do.UNRESCHED, attach), Work.PROLOG_ATTACH)
    yield POWEROFF, E.DETACH_DISK, Step(epilog, (Do.UNRESCHED, detach), Work.EPILOG_DETACH)
    yield from _there_and_back(L.HOTPLUG_PROLOG_POWEROFF, POWEROFF, Do.DISK_KEPT, Do.DISK_DROPPED)
    yield from _there_and_back(L.HOTPLUG_EPILOG_POWEROFF, POWEROFF, Do.DISK_DROPPED, Do.DISK_KEPT)


def _nic_rows() -> Iterator[Row]:
    """The record is renewed by the caller: an alias has an action of its own."""
    for event, work in ((E.ATTACH_NIC, Work.ATTACH_NIC), (E.DETACH_NIC, Work.DETACH_NIC)):
        yield RUNNING, event, Step(active(L.HOTPLUG_NIC), (Do.UNRESCHED,), work)
        yield POWEROFF, event, Step(active(L.HOTPLUG_NIC_POWEROFF), (Do.UNRESCHED,), work)
    yield from _there_and_back(L.HOTPLUG_NIC, RUNNING, Do.NIC_SUCCESS, Do.NIC_FAILURE)
    yield from _there_and_back(L.HOTPLUG_NIC_POWEROFF, POWEROFF, Do.NIC_SUCCESS, Do.NIC_FAILURE)


def _snapshot_rows() -> Iterator[Row]:
    yield RUNNING, E.SNAPSHOT, Step(active(L.HOTPLUG_SNAPSHOT), (Do.UNRESCHED,), Work.SNAPSHOT)
    yield from _there_and_back(L.HOTPLUG_SNAPSHOT, RUNNING, Do.SNAPSHOT_SUCCESS, Do.SNAPSHOT_FAILURE)
    yield POWEROFF, E.SNAPSHOT_OFF, Step(POWEROFF_SNAPSHOT, (Do.UNRESCHED,), Work.SNAPSHOT)
    yield POWEROFF_SNAPSHOT, E.SUCCESS, Step(POWEROFF, (Do.SNAPSHOT_SUCCESS,))
    yield POWEROFF_SNAPSHOT, E.FAILURE, Step(POWEROFF, (Do.SNAPSHOT_FAILURE,))


def _disk_snapshot_rows() -> Iterator[Row]:
    create = (Renew(Action.DISK_SNAPSHOT_CREATE),)
    delete = (Renew(Action.DISK_SNAPSHOT_DELETE),)
    revert = (Renew(Action.DISK_SNAPSHOT_REVERT),)
    yield RUNNING, E.DISK_SNAPSHOT_CREATE, Step(active(L.DISK_SNAPSHOT), create, Work.DISK_SNAPSHOT_CREATE)
    yield RUNNING, E.DISK_SNAPSHOT_DELETE, Step(active(L.DISK_SNAPSHOT_DELETE), delete, Work.TM_SNAPSHOT_DELETE)
    work, event = Work.TM_SNAPSHOT_CREATE, E.DISK_SNAPSHOT_CREATE
    yield POWEROFF, event, Step(active(L.DISK_SNAPSHOT_POWEROFF), create, work)
    yield SUSPENDED, event, Step(active(L.DISK_SNAPSHOT_SUSPENDED), create, work)
    work, event = Work.TM_SNAPSHOT_REVERT, E.DISK_SNAPSHOT_REVERT
    yield POWEROFF, event, Step(active(L.DISK_SNAPSHOT_REVERT_POWEROFF), revert, work)
    yield SUSPENDED, event, Step(active(L.DISK_SNAPSHOT_REVERT_SUSPENDED), revert, work)
    work, event = Work.TM_SNAPSHOT_DELETE, E.DISK_SNAPSHOT_DELETE
    yield POWEROFF, event, Step(active(L.DISK_SNAPSHOT_DELETE_POWEROFF), delete, work)
    yield SUSPENDED, event, Step(active(L.DISK_SNAPSHOT_DELETE_SUSPENDED), delete, work)
    homes = {L.DISK_SNAPSHOT: RUNNING, L.DISK_SNAPSHOT_DELETE: RUNNING} | DISK_SNAPSHOTS_OFF
    for lcm, home in homes.items():
        yield from _there_and_back(lcm, home, Do.DISK_SNAPSHOT_SUCCESS, Do.DISK_SNAPSHOT_FAILURE)


def _size_rows() -> Iterator[Row]:
    yield RUNNING, E.RESIZE, Step(active(L.HOTPLUG_RESIZE), (Do.UNRESCHED,), Work.RESIZE)
    yield from _there_and_back(L.HOTPLUG_RESIZE, RUNNING, Do.RESIZE_SUCCESS, Do.RESIZE_FAILURE)
    resize = (Renew(Action.DISK_RESIZE),)
    yield RUNNING, E.DISK_RESIZE, Step(active(L.DISK_RESIZE), resize, Work.RESIZE_DISK)
    yield POWEROFF, E.DISK_RESIZE, Step(active(L.DISK_RESIZE_POWEROFF), resize, Work.TM_RESIZE)
    yield UNDEPLOYED, E.DISK_RESIZE, Step(active(L.DISK_RESIZE_UNDEPLOYED), resize, Work.TM_RESIZE)
    for lcm, home in ({L.DISK_RESIZE: RUNNING} | DISK_RESIZES_OFF).items():
        yield from _there_and_back(lcm, home, Do.DISK_RESIZE_SUCCESS, Do.DISK_RESIZE_FAILURE)


def _save_as_rows() -> Iterator[Row]:
    """Nothing in the history tells of a saved disk. The driver of the new image is the first to work."""
    homes = {L.HOTPLUG_SAVEAS: RUNNING} | SAVE_AS_OFF
    for lcm, home in homes.items():
        yield home, E.SAVE_AS, Step(active(lcm))
        yield active(lcm), E.SAVE_AS_TARGET, Step(active(lcm), (), Work.SAVE_AS)
        yield active(lcm), E.SUCCESS, Step(home, (Do.SAVE_AS_SUCCESS,))
        yield active(lcm), E.FAILURE, Step(home, (Do.SAVE_AS_FAILURE,))


def rows() -> Iterator[Row]:
    """All rows of this module."""
    yield from _disk_rows()
    yield from _nic_rows()
    yield from _snapshot_rows()
    yield from _disk_snapshot_rows()
    yield from _size_rows()
    yield from _save_as_rows()
