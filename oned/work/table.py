"""Which handler carries out which kind of task: the whole kind, else what is before its dot."""

from oned.infrastructure.host_tasks import probe
from oned.life.tasks import CONTINUE, carry_on
from oned.network import ipam, ipam_tasks
from oned.network.updates import UPDATE, update
from oned.storage.periodic import look
from oned.work.context import Context, Handler, LaterError
from oned.work.drive import drive

UNKNOWN_SECONDS = 300

HANDLERS: dict[str, Handler] = {
    CONTINUE: carry_on,
    "vm": drive("oned.life.results"),
    "image": drive("oned.storage.results"),
    "market": drive("oned.storage.results"),
    "datastore": drive("oned.storage.results"),
    "storage": look,
    "host": probe,
    UPDATE: update,
    ipam.UNDO: ipam_tasks.undo,
    ipam.BACK: ipam_tasks.back,
    "secgroup": drive("oned.network.updates"),
}


def find_handler(kind: str) -> Handler:
    """The handler of ``kind`` (``vm.deploy``)."""
    return HANDLERS.get(kind) or HANDLERS.get(kind.partition(".")[0]) or _unknown


async def _unknown(context: Context) -> None:
    """A newer server may know what this is."""
    raise LaterError(UNKNOWN_SECONDS, f"nothing is known about {context.task.kind}")
