"""The dummy of authentication: believes whoever comes."""

from edge.dummy.behaviour import Dummy, unknown
from onelib.driver import DriverError
from onelib.template_xml import Element


class Auth(Dummy):
    """Takes any secret that is not empty. For trials only: whoever names a user of this driver is that user."""

    async def call(self, action: str, oid: int, message: str, task: str) -> str:
        """AUTHENTICATE: driver, name and secret. Raises :class:`onelib.driver.DriverError`."""
        await super().call(action, oid, "", task)
        words = message.split()
        if len(words) < 5:
            raise DriverError("The secret is missing.")
        return f"dummy {words[2]} {words[4]}"

    def answer(self, action: str, oid: int, root: Element | None, task: str) -> str:
        """Nothing yet."""
        _ = oid, root, task
        if action != "AUTHENTICATE":
            raise unknown(action)
        return ""
