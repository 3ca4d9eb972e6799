"""The handler of the tasks that start and stop the probes of hosts."""

from dataclasses import replace

from oned.infrastructure import datastores
from oned.work.context import Context, Job
from oned.work.drive import drive

_NO_CONFIGURATION = "<MONITOR_CONFIGURATION/>"
_drive = drive("oned.infrastructure.hosts")


async def probe(context: Context) -> Job | None:
    """Ask the driver, with the configuration that the monitoring daemon has now."""
    task, settings = context.task, context.settings
    configuration = settings.monitord.configuration(datastores.location(settings))
    message = str(task.payload.get("message", "")).replace(_NO_CONFIGURATION, configuration)
    return await _drive(replace(context, task=replace(task, payload={**task.payload, "message": message})))
