"""Authentication, by the second word of the request."""

from edge.dispatch import Dispatcher


class Driver(Dispatcher):
    """Hands each request to the user's driver."""

    missing = "Authentication driver '{}' not available"

    def name(self, action: str, message: str) -> str:
        """The word after the user's id."""
        _ = action
        return "".join(message.split()[1:2])
