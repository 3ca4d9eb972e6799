"""Images in datastores, by the datastore's DS_MAD; a system datastore is looked at by its TM_MAD."""

from edge.dispatch import Dispatcher, element_text, parse
from onelib.template_xml import text_of

SYSTEM = "1"


class Driver(Dispatcher):
    """Hands each request to the driver of its datastore."""

    missing = "Datastore driver '{}' not available"

    def name(self, action: str, message: str) -> str:
        """DS_MAD."""
        _ = action
        return element_text(message, "DATASTORE/DS_MAD")

    async def call(self, action: str, oid: int, message: str, task: str) -> str:
        """Ask the driver that is meant. Raises :class:`onelib.driver.DriverError`."""
        datastore = parse(message).find("DATASTORE")
        if action != "MONITOR" or datastore is None or text_of(datastore.find("TYPE")) != SYSTEM:
            return await super().call(action, oid, message, task)
        name = text_of(datastore.find("TM_MAD")).strip()
        driver = self.driver(name, "tm", "System datastore driver '{}' not available")
        return await driver.call(action, oid, message, task)
