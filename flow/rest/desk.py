"""What the REST interface asks of the engine."""

from typing import Protocol

from flow.engine.operations import Operation
from flow.types import JsonObject
from onelib.api import Api


class Desk(Protocol):
    """Where changes of services are accepted; each raises :class:`~onelib.errors.OneError` when it is not."""

    async def create(self, user: Api, template_id: int, merge: JsonObject) -> int:
        """A new service's id."""

    async def request(self, user: Api, service_id: int, operation: Operation) -> None:
        """Accept ``operation``: it is durable when this returns, and done afterwards."""

    async def purge_done(self, user: Api) -> None:
        """Remove the services that are done."""
