"""What a client is told when something is not done: a status and a plain sentence, as upstream's.

``RefusalError``
    ├── raised here for what a request says wrong
    └── made by :func:`status_of` of what the API, or the engine, says
"""

from typing import ClassVar

from flow.errors import FlowError
from onelib.api import ApiError, UnreachableError
from onelib.errors import OneError

BAD, UNKNOWN, TOO_LARGE, GENERAL, UNAVAILABLE = 400, 404, 413, 500, 503
_BY_CODE = {0x100: 403, 0x200: 401, 0x400: UNKNOWN}
"""The API's authentication, authorization and existence; upstream has the first two the other way round than HTTP."""


class RefusalError(OneError):
    """A request is not done; ``status`` is the answer's, ``retry`` the seconds after which to ask again, if any."""

    exit_code: ClassVar[int] = 255

    def __init__(self, message: str, status: int, retry: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.retry = retry


def bad(message: str) -> RefusalError:
    """The request's body is not what it has to be."""
    return RefusalError(message, BAD)


def not_found(message: str) -> RefusalError:
    """There is no such thing."""
    return RefusalError(message, UNKNOWN)


def refused(message: str) -> RefusalError:
    """Anything else: upstream's general error."""
    return RefusalError(message, GENERAL)


def unavailable(message: str) -> RefusalError:
    """Nobody can do it now."""
    return RefusalError(message, UNAVAILABLE, retry=5)


def status_of(error: OneError) -> tuple[int, str, int | None]:
    """Status, text and seconds until another try is worth it, of whatever went wrong."""
    if isinstance(error, RefusalError):
        return error.status, error.message, error.retry
    if isinstance(error, FlowError):
        return error.status, error.message, None
    if isinstance(error, ApiError):
        return _BY_CODE.get(error.code, GENERAL), error.message, None
    if isinstance(error, UnreachableError):
        return UNAVAILABLE, "The API of OpenNebula does not answer: try again.", 5
    return GENERAL, error.message, None
