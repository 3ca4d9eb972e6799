"""``one.hooklog.info``."""

from oned.database.schema import hook_log
from oned.errors import AuthorizationError
from oned.hooks.hooklog import records_xml
from oned.methods.call import Call, Method
from oned.model.hook import Hook

FAILED, SUCCEEDED = -1, 1
"""What the last parameter asks for; any other number is for both."""


def info(call: Call, after: int, before: int, hook: int, result: int) -> str:
    """The records of executions between two times (epoch seconds), of one hook, by their result; -1 is for any."""
    if not call.caller.is_admin:
        raise AuthorizationError(kind=Hook.kind.label)
    record = hook_log.c
    which = [
        clause
        for wanted, clause in (
            (after >= 0, record.timestamp > after),
            (before >= 0, record.timestamp < before),
            (hook >= 0, record.hkid == hook),
            (result == FAILED, record.rc != 0),
            (result == SUCCEEDED, record.rc == 0),
        )
        if wanted
    ]
    return records_xml(call.transaction, *which)


METHODS = (Method("one.hooklog.info", info, (int, int, int, int), bulk=True),)
