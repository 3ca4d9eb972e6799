"""Rows of the table of transitions from a running machine to rest or to its end, and what hosts report."""

from collections.abc import Iterator

from oned.life.places import (
    DONE,
    EPILOG_FAILURES,
    POWEROFF,
    RUNNING,
    SHUTDOWNS,
    STOPPED,
    SUSPENDED,
    UNDEPLOYED,
    UNKNOWN,
    WAITING,
    L,
    Place,
    active,
)
from oned.life.steps import NOBODY, Act, Do, Effect, Event, Step, Work, now
from oned.model.vm_states import Action

Row = tuple[Place, Event, Step]
E = Event


_ALIVE = (RUNNING, UNKNOWN)


def _end_rows() -> Iterator[Row]:
    """Terminate, power off, undeploy, stop, suspend."""
    shutdowns = (
        (E.TERMINATE, L.SHUTDOWN, Action.TERMINATE, Work.SHUTDOWN),
        (E.TERMINATE_HARD, L.SHUTDOWN, Action.TERMINATE_HARD, Work.CANCEL),
        (E.POWEROFF, L.SHUTDOWN_POWEROFF, Action.POWEROFF, Work.SHUTDOWN),
        (E.POWEROFF_HARD, L.SHUTDOWN_POWEROFF, Action.POWEROFF_HARD, Work.CANCEL),
        (E.UNDEPLOY, L.SHUTDOWN_UNDEPLOY, Action.UNDEPLOY, Work.SHUTDOWN),
        (E.UNDEPLOY_HARD, L.SHUTDOWN_UNDEPLOY, Action.UNDEPLOY_HARD, Work.CANCEL),
    )
    for event, lcm, action, work in shutdowns:
        step = Step(active(lcm), (Act(action), Do.UNRESCHED), work)
        for place in _ALIVE:
            yield place, event, step
        if work is Work.CANCEL:
            yield active(lcm), event, step
    for event in (E.TERMINATE, E.TERMINATE_HARD):
        leave = (Act(Action.TERMINATE), now("estime"))
        for place in (SUSPENDED, POWEROFF):
            yield place, event, Step(active(L.EPILOG), leave, Work.EPILOG)
        for place in (STOPPED, UNDEPLOYED):
            yield place, event, Step(active(L.EPILOG), leave, Work.EPILOG_LOCAL)
        for place in WAITING:
            yield place, event, Step(DONE, (Do.FREE,))
        yield DONE, event, Step(DONE)
    for event in (E.UNDEPLOY, E.UNDEPLOY_HARD):
        does = (Act(Action.UNDEPLOY), now("estime"))
        yield POWEROFF, event, Step(active(L.EPILOG_UNDEPLOY), does, Work.EPILOG_STOP)
    yield RUNNING, E.STOP, Step(active(L.SAVE_STOP), (Act(Action.STOP), Do.UNRESCHED), Work.SAVE)
    does = (Act(Action.STOP), now("estime"))
    yield SUSPENDED, E.STOP, Step(active(L.EPILOG_STOP), does, Work.EPILOG_STOP)
    yield RUNNING, E.SUSPEND, Step(active(L.SAVE_SUSPEND), (Act(Action.SUSPEND), Do.UNRESCHED), Work.SAVE)


def _shutdown_rows() -> Iterator[Row]:
    """How shutting down and saving end."""
    off: tuple[Effect, ...] = (Do.DROP_SNAPSHOTS, now("retime"))
    away: tuple[Effect, ...] = (Do.DROP_SNAPSHOTS, now("estime", "retime"))
    for event in (E.SUCCESS, E.SEEN_POWEROFF):
        yield active(L.SHUTDOWN), event, Step(active(L.EPILOG), away, Work.EPILOG)
        yield active(L.SHUTDOWN_POWEROFF), event, Step(POWEROFF, off)
        yield active(L.SHUTDOWN_UNDEPLOY), event, Step(active(L.EPILOG_UNDEPLOY), away, Work.EPILOG_STOP)
    yield active(L.SAVE_SUSPEND), E.SUCCESS, Step(SUSPENDED, off)
    yield active(L.SAVE_STOP), E.SUCCESS, Step(active(L.EPILOG_STOP), away, Work.EPILOG_STOP)
    for lcm in (*SHUTDOWNS, L.SAVE_SUSPEND, L.SAVE_STOP):
        yield active(lcm), E.FAILURE, Step(RUNNING, (NOBODY,))


def _epilog_rows() -> Iterator[Row]:
    """How epilogs end."""
    gone = now("eetime", "etime")
    ends: tuple[tuple[L, Step], ...] = (
        (L.EPILOG, Step(DONE, (gone, Do.VNC_OUT, Do.HOST_OUT, Do.FREE))),
        # The port of a stopped machine is in its checkpoint.
        (L.EPILOG_STOP, Step(STOPPED, (gone, Do.HOST_OUT))),
        (L.EPILOG_UNDEPLOY, Step(UNDEPLOYED, (gone, Do.VNC_OUT, Do.HOST_OUT))),
    )
    failures = {base: failure for failure, base in EPILOG_FAILURES.items()}
    for lcm, step in ends:
        yield active(lcm), E.SUCCESS, step
        yield active(failures[lcm]), E.SUCCESS, step
        yield active(lcm), E.FAILURE, Step(active(failures[lcm]))
        yield active(failures[lcm]), E.FAILURE, Step(active(failures[lcm]))


def _report_rows() -> Iterator[Row]:
    """What hosts report of their own accord."""
    seen = (Do.DROP_SNAPSHOTS, Do.UNRESCHED, Act(Action.MONITOR, server=True), now("retime"))
    for place in _ALIVE:
        yield place, E.SEEN_POWEROFF, Step(POWEROFF, seen)
        yield place, E.SEEN_SUSPENDED, Step(SUSPENDED, seen)
    for event in (E.SEEN_FAILURE, E.SEEN_UNKNOWN):
        yield RUNNING, event, Step(UNKNOWN, (Do.UNRESCHED,))
    back = (now("etime"), Do.COPY, now("stime", "rstime"))
    for place in (POWEROFF, SUSPENDED):
        yield place, E.SEEN_RUNNING, Step(RUNNING, back)
    yield UNKNOWN, E.SEEN_RUNNING, Step(RUNNING)
    yield UNKNOWN, E.SUCCESS, Step(RUNNING)


def rows() -> Iterator[Row]:
    """All rows of this module."""
    yield from _end_rows()
    yield from _shutdown_rows()
    yield from _epilog_rows()
    yield from _report_rows()
