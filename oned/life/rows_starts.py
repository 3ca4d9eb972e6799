"""Rows of the table of transitions from a new machine to a running one, and back to that from rest."""

from collections.abc import Iterator

from oned.life.places import (
    BOOT_FAILURES,
    BOOTS,
    CLONING,
    CLONING_FAILURE,
    HOLD,
    PENDING,
    POWEROFF,
    PROLOG_FAILURES,
    RUNNING,
    STOPPED,
    SUSPENDED,
    UNDEPLOYED,
    UNKNOWN,
    L,
    Place,
    active,
)
from oned.life.steps import NOBODY, Act, Do, Effect, Event, Step, Work, never, now
from oned.model.vm_states import Action

Row = tuple[Place, Event, Step]
E = Event


_DEPLOYABLE = (PENDING, HOLD, STOPPED, UNDEPLOYED)


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


def rows() -> Iterator[Row]:
    """All rows of this module."""
    yield from _deploy_rows()
    yield from _boot_rows()
    yield from _waiting_rows()
    yield from _resume_rows()
