"""All steps from 5.6 to 6.0, and which of them a database needs.

The shared half has no step of its own for 5.8: a 5.8 database is 5.6.0 shared, 5.8.0 local.
"""

from onedb.errors import OnedbError
from onedb.migrations import (
    local_5_6_to_5_8,
    local_5_8_to_5_10,
    local_5_10_to_5_12,
    local_5_12_to_6_0,
    shared_5_6_to_5_10,
    shared_5_10_to_5_12,
    shared_5_12_to_6_0,
)
from onedb.migrations.step import Step

LATEST = "6.0.0"

SHARED: tuple[Step, ...] = (shared_5_6_to_5_10.STEP, shared_5_10_to_5_12.STEP, shared_5_12_to_6_0.STEP)
LOCAL: tuple[Step, ...] = (
    local_5_6_to_5_8.STEP,
    local_5_8_to_5_10.STEP,
    local_5_10_to_5_12.STEP,
    local_5_12_to_6_0.STEP,
)


class NoWayError(OnedbError):
    """There is no chain of steps from the version of the database to ours."""


def steps_from(shared: str, local: str) -> tuple[Step, ...]:
    """The steps for a database of those versions, shared ones first, each half in order; none for the latest.

    Raises :class:`NoWayError` for a version that no step begins with: newer, unknown, or older than 5.6.0.
    """
    return _rest(SHARED, shared, "shared") + _rest(LOCAL, local, "local")


def _rest(steps: tuple[Step, ...], version: str, half: str) -> tuple[Step, ...]:
    if version == LATEST:
        return ()
    for place, step in enumerate(steps):
        if step.source == version:
            return steps[place:]
    known = ", ".join(step.source for step in steps)
    raise NoWayError(
        f"There is no way from version {version or '(none)'} of the {half} tables to {LATEST}.",
        todo=f"Databases of {known} can be upgraded; bring an older one to one of these with the release that has it.",
    )
