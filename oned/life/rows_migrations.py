"""Rows of the table of transitions for machines that change their host."""

from collections.abc import Iterator

from oned.life.places import (
    MIGRATE_FAILURES,
    POWEROFF,
    RUNNING,
    SUSPENDED,
    UNKNOWN,
    L,
    Place,
    active,
)
from oned.life.steps import Act, Do, Event, Step, Work, before, now
from oned.model.vm_states import Action

Row = tuple[Place, Event, Step]
E = Event


def _migrate_rows() -> Iterator[Row]:
    """Migrations, and how they end. The record of the new host is there already."""
    kinds = (
        (E.MIGRATE, Action.MIGRATE, Work.SAVE),
        (E.MIGRATE_OFF, Action.POWEROFF_MIGRATE, Work.SHUTDOWN),
        (E.MIGRATE_OFF_HARD, Action.POWEROFF_HARD_MIGRATE, Work.CANCEL),
    )
    bypasses = (
        (POWEROFF, L.PROLOG_MIGRATE_POWEROFF),
        (SUSPENDED, L.PROLOG_MIGRATE_SUSPEND),
        (UNKNOWN, L.PROLOG_MIGRATE_UNKNOWN),
    )
    for event, action, work in kinds:
        does = (Do.UNRESCHED, Do.HOST_IN, now("stime"), Act(action), Act(action, previous=True))
        yield RUNNING, event, Step(active(L.SAVE_MIGRATE), does, work)
        for place, lcm in bypasses:
            told = (Act(Action.MIGRATE, previous=True),) if place == UNKNOWN else ()
            moved = (
                *told,
                before("retime", "etime"),
                Do.UNRESCHED,
                Do.DROP_SNAPSHOTS,
                Act(Action.MIGRATE),
                Do.VNC_PREVIOUS_OUT,
                Do.HOST_IN,
                Do.PREVIOUS_OUT,
                now("stime", "pstime"),
            )
            yield place, event, Step(active(lcm), moved, Work.PROLOG_MIGRATE)
    live = (Do.UNRESCHED, Do.HOST_IN, now("stime"), Act(Action.LIVE_MIGRATE, previous=True))
    yield RUNNING, E.MIGRATE_LIVE, Step(active(L.MIGRATE), live, Work.MIGRATE)
    yield from _migrate_ends()


def _migrate_ends() -> Iterator[Row]:
    left = (before("etime", "retime"), Do.VNC_PREVIOUS_OUT, Do.PREVIOUS_OUT)
    saved = (Do.DROP_SNAPSHOTS, now("pstime"), *left)
    yield active(L.SAVE_MIGRATE), E.SUCCESS, Step(active(L.PROLOG_MIGRATE), saved, Work.PROLOG_MIGRATE)
    arrived = (now("rstime"), Do.DROP_SNAPSHOTS, *left)
    yield active(L.MIGRATE), E.SUCCESS, Step(RUNNING, arrived)
    back = (
        now("etime"),
        before("etime", "retime"),
        Do.VNC_BACK,
        Do.TARGET_OUT,
        Do.COPY_PREVIOUS,
        now("stime", "rstime"),
    )
    for lcm in (L.SAVE_MIGRATE, L.MIGRATE):
        yield active(lcm), E.FAILURE, Step(RUNNING, back)
    booting = (now("petime", "rstime"),)
    resting = (Do.DROP_SNAPSHOTS, now("petime", "retime"))
    ends: dict[L, Step] = {
        L.PROLOG_MIGRATE: Step(active(L.BOOT_MIGRATE), booting, Work.RESTORE),
        L.PROLOG_MIGRATE_UNKNOWN: Step(active(L.BOOT), booting, Work.DEPLOY),
        L.PROLOG_MIGRATE_POWEROFF: Step(POWEROFF, resting),
        L.PROLOG_MIGRATE_SUSPEND: Step(SUSPENDED, resting),
    }
    home = (now("petime", "etime"), Do.HOST_OUT, Do.COPY_PREVIOUS, now("stime", "pstime"), Do.HOST_IN)
    for failure, lcm in MIGRATE_FAILURES.items():
        step = ends[lcm]
        yield active(lcm), E.SUCCESS, step
        yield active(failure), E.SUCCESS, step
        yield active(lcm), E.FAILURE, Step(active(failure))
        # A user gives up: the machine is still where it was.
        yield active(failure), E.FAILURE, Step(step.to, (*home, *step.does), step.work)


def rows() -> Iterator[Row]:
    """All rows of this module."""
    yield from _migrate_rows()
