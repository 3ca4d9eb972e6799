"""The table of transitions: place and event -> step.

An event that a place has no row for is not possible there. Rows come in one function per family of events; what 6.0
does in each was read from its behaviour (facts: OpenNebula 6.0, "Virtual Machine States"). Where a step gives back the
port of a screen and the capacity of a host, the port comes first: that is the order in which rows are locked.
"""

from collections.abc import Iterator

from oned.life import cleanup
from oned.life.places import (
    BOOT_FAILURES,
    BOOTS,
    CLONING,
    CLONING_FAILURE,
    DONE,
    EPILOG_FAILURES,
    FAILURES,
    HOLD,
    MIGRATE_FAILURES,
    PENDING,
    POWEROFF,
    PROLOG_FAILURES,
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
from oned.life.rows_devices import device_rows
from oned.life.steps import NOBODY, Act, Do, Effect, Event, Step, Work, before, never, now
from oned.model.vm_states import Action

Row = tuple[Place, Event, Step]

E = Event
_DEPLOYABLE = (PENDING, HOLD, STOPPED, UNDEPLOYED)
_ALIVE = (RUNNING, UNKNOWN)


def _deploy_rows() -> Iterator[Row]:
    """From a choice of host to the running machine."""
    arrive = (Do.HOST_IN, now("stime", "pstime"))
    targets = (
        (E.DEPLOY, L.PROLOG, Work.PROLOG),
        (E.DEPLOY_STOPPED, L.PROLOG_RESUME, Work.PROLOG_RESUME),
        (E.DEPLOY_UNDEPLOYED, L.PROLOG_UNDEPLOY, Work.PROLOG_RESUME),
    )
    imported = (Do.HOST_IN, now("stime", "pstime", "petime", "rstime"))
    for place in _DEPLOYABLE:
        for event, lcm, work in targets:
            yield place, event, Step(active(lcm), arrive, work)
    for place in (PENDING, HOLD):
        yield place, E.IMPORT, Step(RUNNING, imported)
        yield place, E.IMPORT_OFF, Step(POWEROFF, imported)
    prologs = (
        (L.PROLOG, L.BOOT, Work.DEPLOY),
        (L.PROLOG_RESUME, L.BOOT_STOPPED, Work.RESTORE),
        (L.PROLOG_UNDEPLOY, L.BOOT_UNDEPLOY, Work.DEPLOY),
    )
    booting = (now("petime", "rstime"),)
    failures = {base: failure for failure, base in PROLOG_FAILURES.items()}
    for prolog, boot, work in prologs:
        yield active(prolog), E.SUCCESS, Step(active(boot), booting, work)
        yield active(failures[prolog]), E.SUCCESS, Step(active(boot), booting, work)
        yield active(prolog), E.FAILURE, Step(active(failures[prolog]))
        yield active(failures[prolog]), E.FAILURE, Step(active(failures[prolog]))


def _boot_rows() -> Iterator[Row]:
    """How a boot ends; recovering a failed one means that a user has seen it run."""
    up = Step(RUNNING, (NOBODY, never("etime", "retime")))
    for lcm in (*BOOTS, *BOOT_FAILURES):
        yield active(lcm), E.SUCCESS, up
        yield active(lcm), E.SEEN_RUNNING, up
    down = (now("retime"),)
    closed = (now("etime", "retime"),)
    ends: tuple[tuple[L, Place, tuple[Effect, ...]], ...] = (
        (L.BOOT, active(L.BOOT_FAILURE), down),
        (L.BOOT_MIGRATE, active(L.BOOT_MIGRATE_FAILURE), down),
        (L.BOOT_UNKNOWN, UNKNOWN, down),
        (L.BOOT_POWEROFF, POWEROFF, down),
        (L.BOOT_SUSPENDED, SUSPENDED, down),
        (L.BOOT_STOPPED, active(L.BOOT_STOPPED_FAILURE), closed),
        (L.BOOT_UNDEPLOY, active(L.BOOT_UNDEPLOY_FAILURE), closed),
    )
    for lcm, place, does in ends:
        yield active(lcm), E.FAILURE, Step(place, does)
    for failure in BOOT_FAILURES:
        yield active(failure), E.FAILURE, Step(active(failure), down)


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


def _waiting_rows() -> Iterator[Row]:
    """Before a host is chosen, and images that are still being copied."""
    yield PENDING, E.HOLD, Step(HOLD)
    yield HOLD, E.RELEASE, Step(PENDING, (Do.REQUIREMENTS,))
    for place in (CLONING, CLONING_FAILURE):
        yield place, E.IMAGES_READY, Step(PENDING)
        yield place, E.IMAGES_READY_HOLD, Step(HOLD)
        yield place, E.IMAGES_WAIT, Step(CLONING)
        yield place, E.IMAGES_FAILED, Step(CLONING_FAILURE)


def _resume_rows() -> Iterator[Row]:
    """Resume, reboot, resched."""
    for place in (STOPPED, UNDEPLOYED):
        yield place, E.RESUME, Step(PENDING, (Do.REQUIREMENTS,))
    again = (now("etime"), Do.COPY, now("stime", "rstime"), Act(Action.RESUME))
    yield SUSPENDED, E.RESUME, Step(active(L.BOOT_SUSPENDED), again, Work.RESTORE)
    yield POWEROFF, E.RESUME, Step(active(L.BOOT_POWEROFF), again, Work.DEPLOY)
    yield UNKNOWN, E.RESUME, Step(active(L.BOOT_UNKNOWN), (), Work.DEPLOY)
    yield RUNNING, E.REBOOT, Step(RUNNING, (Do.UNRESCHED,), Work.REBOOT)
    yield RUNNING, E.REBOOT_HARD, Step(RUNNING, (Do.UNRESCHED,), Work.RESET)
    for place in (RUNNING, UNKNOWN, POWEROFF):
        yield place, E.RESCHED, Step(place, (Do.REQUIREMENTS, Do.MARK_RESCHED))
        yield place, E.UNRESCHED, Step(place, (Do.UNRESCHED,))


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


_FIRST_WORK: dict[L, Work] = {
    L.BOOT: Work.DEPLOY,
    L.BOOT_POWEROFF: Work.DEPLOY,
    L.BOOT_UNKNOWN: Work.DEPLOY,
    L.BOOT_UNDEPLOY: Work.DEPLOY,
    L.BOOT_MIGRATE: Work.RESTORE,
    L.BOOT_SUSPENDED: Work.RESTORE,
    L.BOOT_STOPPED: Work.RESTORE,
    L.SHUTDOWN: Work.AGAIN,
    L.SHUTDOWN_POWEROFF: Work.AGAIN,
    L.SHUTDOWN_UNDEPLOY: Work.AGAIN,
    L.SAVE_STOP: Work.SAVE,
    L.SAVE_SUSPEND: Work.SAVE,
    L.SAVE_MIGRATE: Work.AGAIN,
    L.MIGRATE: Work.MIGRATE,
    L.PROLOG: Work.PROLOG,
    L.PROLOG_MIGRATE: Work.PROLOG_MIGRATE,
    L.PROLOG_MIGRATE_POWEROFF: Work.PROLOG_MIGRATE,
    L.PROLOG_MIGRATE_SUSPEND: Work.PROLOG_MIGRATE,
    L.PROLOG_MIGRATE_UNKNOWN: Work.PROLOG_MIGRATE,
    L.PROLOG_RESUME: Work.PROLOG_RESUME,
    L.PROLOG_UNDEPLOY: Work.PROLOG_RESUME,
    L.EPILOG: Work.AGAIN,
    L.EPILOG_STOP: Work.EPILOG_STOP,
    L.EPILOG_UNDEPLOY: Work.EPILOG_STOP,
}


def _retry_rows() -> Iterator[Row]:
    """Ask the drivers once more."""
    for lcm, work in _FIRST_WORK.items():
        yield active(lcm), E.RETRY, Step(active(lcm), (), work)
    for failure, lcm in FAILURES.items():
        yield active(failure), E.RETRY, Step(active(lcm), (), _FIRST_WORK[lcm])


def _build() -> dict[tuple[Place, Event], Step]:
    table: dict[tuple[Place, Event], Step] = {}
    families = (
        _deploy_rows(),
        _boot_rows(),
        _end_rows(),
        _shutdown_rows(),
        _epilog_rows(),
        _waiting_rows(),
        _resume_rows(),
        _migrate_rows(),
        _report_rows(),
        _retry_rows(),
        device_rows(),
        cleanup.rows(),
    )
    for family in families:
        for place, event, step in family:
            if (place, event) in table:
                raise AssertionError(f"two rows for {event.name} in {place.label}")
            table[place, event] = step
    return table


TABLE: dict[tuple[Place, Event], Step] = _build()
"""Every transition there is."""
