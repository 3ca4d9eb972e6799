"""What a user of OneFlow is told, with the HTTP status of the answer."""

from onelib.errors import OneError


class FlowError(OneError):
    """A request is refused; ``status`` is the HTTP status, ``message`` the body of the answer."""

    def __init__(self, message: str, status: int = 500) -> None:
        super().__init__(message)
        self.status = status


class InvalidError(FlowError):
    """A template, a service or a role is not what it has to be; ``message`` names every error, a line each."""

    def __init__(self, message: str) -> None:
        super().__init__(message, 400)
