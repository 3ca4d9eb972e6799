"""The task that asks drivers on behalf of a part that does not know them."""

from oned.life.results import ask_again
from oned.work.context import Context, Job

CONTINUE = "vm.continue"


async def carry_on(context: Context) -> Job:
    """The handler of :data:`CONTINUE`: asks for the ``work`` that a machine in the place ``expects`` waits for."""
    task = context.task
    payload = {**task.payload, "oid": task.oid, "settings": context.settings}
    return lambda transaction: ask_again(transaction, payload)
