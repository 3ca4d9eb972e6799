"""Rows of the table of transitions for deleting, recreating and forgetting a machine from wherever it is."""

from collections.abc import Iterator

from oned.life.places import (
    BOOT_FAILURES,
    BOOTS,
    DISK_RESIZES_OFF,
    DISK_SNAPSHOTS_OFF,
    DONE,
    EPILOG_FAILURES,
    FAILURES,
    HOLD,
    HOTPLUGS_OFF,
    MIGRATE_FAILURES,
    PENDING,
    POWEROFF,
    POWEROFF_SNAPSHOT,
    PROLOG_FAILURES,
    SAVE_AS_OFF,
    SHUTDOWNS,
    STOPPED,
    SUSPENDED,
    UNDEPLOYED,
    WAITING,
    L,
    Place,
    active,
)
from oned.life.steps import Act, Do, Effect, Event, Step, Work, before, now
from oned.model.vm_states import Action, LcmState

Row = tuple[Place, Event, Step]
E = Event

_CLEANUPS = (L.CLEANUP_DELETE, L.CLEANUP_RESUBMIT)
_NOTHING_THERE = (L.HOTPLUG_SAVEAS_UNDEPLOYED, L.HOTPLUG_SAVEAS_STOPPED, L.DISK_RESIZE_UNDEPLOYED)
_PREVIOUS = (before("etime", "retime"), Do.PREVIOUS_OUT)

_Sweep = tuple[tuple[Effect, ...], Work]
"""What a place adds to a cleanup, and what drivers clean."""

_ON_HOST: _Sweep = ((now("retime"),), Work.CLEANUP)


def _sweeps() -> dict[L, _Sweep]:
    """How to clean up after each place inside of ACTIVE."""
    prolog: _Sweep = ((now("petime"),), Work.EPILOG_DELETE)
    moving: _Sweep = ((now("petime"),), Work.EPILOG_DELETE_BOTH)
    epilog: _Sweep = ((now("eetime"),), Work.EPILOG_DELETE)
    disks: _Sweep = ((), Work.EPILOG_DELETE)
    away: _Sweep = ((), Work.EPILOG_DELETE_LOCAL)
    sweeps: dict[L, _Sweep] = dict.fromkeys(LcmState, _ON_HOST)
    sweeps |= dict.fromkeys((*PROLOG_FAILURES, *PROLOG_FAILURES.values()), prolog)
    sweeps |= dict.fromkeys((*MIGRATE_FAILURES, *MIGRATE_FAILURES.values()), moving)
    sweeps |= dict.fromkeys((*EPILOG_FAILURES, *EPILOG_FAILURES.values()), epilog)
    sweeps |= dict.fromkeys((*BOOTS, *BOOT_FAILURES, *SHUTDOWNS), _ON_HOST)
    sweeps |= dict.fromkeys((*DISK_SNAPSHOTS_OFF, *DISK_RESIZES_OFF, *SAVE_AS_OFF, *HOTPLUGS_OFF), disks)
    sweeps[L.DISK_SNAPSHOT_DELETE] = disks
    sweeps |= dict.fromkeys(_NOTHING_THERE, away)
    sweeps[L.MIGRATE] = ((now("retime"), *_PREVIOUS), Work.CLEANUP_BOTH)
    sweeps[L.SAVE_MIGRATE] = ((now("retime"), *_PREVIOUS), Work.CLEANUP_PREVIOUS)
    for lcm in (L.LCM_INIT, *_CLEANUPS):
        del sweeps[lcm]
    return sweeps


def _sweep(extra: tuple[Effect, ...], target: L, action: Action, work: Work) -> Step:
    does = (
        Act(action),
        Do.UNRESCHED,
        Do.DROP_SNAPSHOTS,
        Do.CLOSE,
        Do.VNC_PREVIOUS_OUT,
        Do.VNC_OUT,
        Do.HOST_OUT,
        *extra,
        Do.ABANDON,
    )
    return Step(active(target), does, work)


def _active_rows() -> Iterator[Row]:
    for lcm, (extra, work) in _sweeps().items():
        place = active(lcm)
        delete = _sweep(extra, L.CLEANUP_DELETE, Action.DELETE, work)
        yield place, E.DELETE, delete
        if lcm in FAILURES:
            yield place, E.TERMINATE, delete
            yield place, E.TERMINATE_HARD, delete
        recreate = _sweep(extra, L.CLEANUP_RESUBMIT, Action.DELETE_RECREATE, work)
        again = (*recreate.does, Do.DISK_SNAPSHOTS_OUT)
        yield place, E.RECREATE, Step(recreate.to, again, work)
        yield place, E.ERASE, Step(DONE, (Do.VNC_PREVIOUS_OUT, Do.VNC_OUT, Do.HOST_OUT, Do.PREVIOUS_OUT, Do.FREE))
    for lcm in _CLEANUPS:
        yield active(lcm), E.ERASE, Step(DONE, (Do.FREE,))
        yield active(lcm), E.DELETE, Step(active(L.CLEANUP_DELETE))
    for event in (E.SUCCESS, E.FAILURE):
        yield active(L.CLEANUP_DELETE), event, Step(DONE, (Do.FREE,))
        yield active(L.CLEANUP_RESUBMIT), event, Step(PENDING, (Do.FORGET_DEPLOY_ID,))
    yield active(L.CLEANUP_RESUBMIT), E.RECREATE, Step(PENDING, (Do.FORGET_DEPLOY_ID,))


def _other_rows() -> Iterator[Row]:
    """Outside of ACTIVE: drivers clean up on their own, nobody waits for them."""
    leave = (Do.VNC_OUT, Do.HOST_OUT, Do.FREE)
    for place in (SUSPENDED, POWEROFF, POWEROFF_SNAPSHOT):
        yield place, E.DELETE, Step(DONE, leave, Work.EPILOG_DELETE)
        yield place, E.ERASE, Step(DONE, leave)
    for place in (STOPPED, UNDEPLOYED):
        yield place, E.DELETE, Step(DONE, (Do.VNC_OUT, Do.FREE), Work.EPILOG_DELETE_LOCAL)
        yield place, E.ERASE, Step(DONE, (Do.VNC_OUT, Do.FREE))
        yield place, E.RECREATE, Step(PENDING, (Act(Action.DELETE_RECREATE), Do.DISK_SNAPSHOTS_OUT))
    for place in WAITING:
        yield place, E.DELETE, Step(DONE, (Do.FREE,))
        yield place, E.ERASE, Step(DONE, (Do.FREE,))
        again = Step(PENDING, (Act(Action.DELETE_RECREATE),)) if place == HOLD else Step(place)
        yield place, E.RECREATE, again
    yield DONE, E.DELETE, Step(DONE)
    yield DONE, E.ERASE, Step(DONE)


def rows() -> Iterator[Row]:
    """All rows of this module."""
    yield from _active_rows()
    yield from _other_rows()
