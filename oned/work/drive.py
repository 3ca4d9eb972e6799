"""The handler of all tasks that ask a driver: calls it and hands the answer to the part that asked.

The payload names the ``driver`` (``vmm:dummy``), its ``action`` and the ``message``. The answer, a text or a
:class:`onelib.driver.DriverError`, goes to the function that the part has for the task's kind.
"""

import random
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from oned.database.db import Transaction
from oned.work.context import Context, Handler, Job, LaterError
from onelib.driver import DriverError, DriverGoneError

ATTEMPTS = 4
"""How often a request is made of a driver that keeps ending before it answers."""

Apply = Callable[[Transaction, Mapping[str, Any], str | DriverError], None]
"""Writes a result: gets the payload with ``object`` (``VM``), ``oid``, ``task`` (the row's id), ``settings`` added."""


def _apply_of(module: str, kind: str) -> Apply | None:
    """The function for ``kind`` in ``RESULTS`` of ``module``; None where there is none."""
    try:
        results: Mapping[str, Apply] = import_module(module).RESULTS
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise
        return None
    return results.get(kind)


def drive(module: str) -> Handler:
    """A handler whose results go to ``RESULTS`` of the module called ``module``."""

    async def handler(context: Context) -> Job | None:
        task = context.task
        apply = _apply_of(module, task.kind)
        if apply is None:
            raise LaterError(60, f"nothing takes the results of {task.kind}")
        answer = await ask(context)
        payload = {**task.payload, "object": task.object, "oid": task.oid, "task": task.id}
        payload["settings"] = context.settings
        return lambda transaction: apply(transaction, payload, answer)

    return handler


async def ask(context: Context) -> str | DriverError:
    """What the driver says. Raises :class:`LaterError` when it ended and may do better."""
    task = context.task
    label, action, message = (str(task.payload[key]) for key in ("driver", "action", "message"))
    try:
        return await context.drivers.get(label).call(action, task.oid, message, str(task.id))
    except DriverGoneError as error:
        if task.attempt < ATTEMPTS:
            # Not all at the same time: the one that ends the driver takes along whatever else is under way.
            raise LaterError(task.attempt * random.uniform(0.5, 1.5), str(error)) from error  # noqa: S311 (no secret)
        return error
    except DriverError as error:
        return error
