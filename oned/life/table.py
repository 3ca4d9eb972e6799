"""The table of transitions: place and event -> step.

An event that a place has no row for is not possible there. Rows come in one module per family of events; what 6.0
does in each was read from its behaviour (facts: OpenNebula 6.0, "Virtual Machine States"). Where a step gives back the
port of a screen and the capacity of a host, the port comes first: that is the order in which rows are locked.
"""

from collections.abc import Iterator

from oned.life import cleanup, rows_devices, rows_ends, rows_migrations, rows_starts
from oned.life.places import FAILURES, L, Place, active
from oned.life.steps import Event, Step, Work

Row = tuple[Place, Event, Step]

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
        yield active(lcm), Event.RETRY, Step(active(lcm), (), work)
    for failure, lcm in FAILURES.items():
        yield active(failure), Event.RETRY, Step(active(lcm), (), _FIRST_WORK[lcm])


def _build() -> dict[tuple[Place, Event], Step]:
    table: dict[tuple[Place, Event], Step] = {}
    families = (
        rows_starts.rows(),
        rows_ends.rows(),
        rows_migrations.rows(),
        rows_devices.rows(),
        cleanup.rows(),
        _retry_rows(),
    )
    for family in families:
        for place, event, step in family:
            if (place, event) in table:
                raise AssertionError(f"two rows for {event.name} in {place.label}")
            table[place, event] = step
    return table


TABLE: dict[tuple[Place, Event], Step] = _build()
"""Every transition there is."""
