"""Errors of the server itself (exit codes) and errors of a call (codes of the 6.0 API).

``OneError``
    ├── ConfigError             78  a line of oned.conf
    ├── AlreadyRunningError     75  another oned holds the state
    ├── StateError              73  a folder cannot be used
    ├── AddressError            71  the port cannot be had
    ├── DatabaseError           69  the database cannot be reached
    ├── OlderSchemaError        78  no restart mends it, as with ConfigError
    ├── NewerSchemaError        78  no restart mends it, as with ConfigError
    └── BootstrapError          65  what is there is not what a first start expects
``ApiError``
    └── one class per code of the answer envelope
"""

from typing import ClassVar

from onelib.errors import OneError


class ConfigError(OneError):
    """A line of ``oned.conf`` cannot be used."""

    exit_code: ClassVar[int] = 78


class AlreadyRunningError(OneError):
    """Another server works on the same state."""

    exit_code: ClassVar[int] = 75


class StateError(OneError):
    """A folder that the server needs cannot be used."""

    exit_code: ClassVar[int] = 73


class AddressError(OneError):
    """The address or port of the API cannot be bound."""

    exit_code: ClassVar[int] = 71


class DatabaseError(OneError):
    """The database cannot be reached, or refuses these credentials."""

    exit_code: ClassVar[int] = 69


class OlderSchemaError(OneError):
    """The database was written by an older release; a restart does not help."""

    exit_code: ClassVar[int] = 78


class NewerSchemaError(OneError):
    """The database was written by a newer release; a restart does not help."""

    exit_code: ClassVar[int] = 78


class BootstrapError(OneError):
    """The first start found rows or files that it must not overwrite."""

    exit_code: ClassVar[int] = 65


class ApiError(Exception):
    """A call fails; becomes the failure envelope of the 6.0 API.

    ``detail`` is upstream's message without the ``[one.x.y] `` prefix and the frame of its code; ``kind`` names the
    object type in the frame (``document``); ``oid`` is the fourth element of the envelope.
    """

    code: ClassVar[int] = 0x2000

    def __init__(self, detail: str = "", *, kind: str = "", oid: int = -1) -> None:
        super().__init__(detail)
        self.detail = detail
        self.kind = kind
        self.oid = oid

    def text(self, uid: int) -> str:
        """The message after the ``[one.x.y] `` prefix, for the calling user ``uid``."""
        _ = uid
        return self.detail


class AuthenticationError(ApiError):
    """The session is not valid."""

    code: ClassVar[int] = 0x0100

    def text(self, uid: int) -> str:
        """Always the same sentence: it tells nothing about why."""
        _ = uid
        return "User couldn't be authenticated, aborting call."


class AuthorizationError(ApiError):
    """The user may not do that."""

    code: ClassVar[int] = 0x0200

    def text(self, uid: int) -> str:
        """With the calling user's id in front."""
        if not self.detail:
            return f"User [{uid}] not authorized to perform action on {self.kind}."
        return f"User [{uid}] : {self.detail}."


class NoExistsError(ApiError):
    """There is no such object."""

    code: ClassVar[int] = 0x0400

    def text(self, uid: int) -> str:
        """Names the object, or its pool."""
        _ = uid
        return f"Error getting {self.kind} [{self.oid}]." if self.oid != -1 else f"Error getting {self.kind} Pool."


class ActionError(ApiError):
    """The object's state does not allow that."""

    code: ClassVar[int] = 0x0800


class ParameterError(ApiError):
    """A parameter has a value outside of its range."""

    code: ClassVar[int] = 0x1000


class InternalError(ApiError):
    """The call could not be carried out."""

    code: ClassVar[int] = 0x2000


class AllocateError(ApiError):
    """The object cannot be created."""

    code: ClassVar[int] = 0x4000

    def text(self, uid: int) -> str:
        """Names the kind of the object."""
        _ = uid
        return f"Error allocating a new {self.kind}. {self.detail}".rstrip()


class LockedError(ApiError):
    """A lock on the object is held."""

    code: ClassVar[int] = 0x8000

    def text(self, uid: int) -> str:
        """Names the object."""
        _ = uid
        where = f" [{self.oid}]." if self.oid != -1 else ""
        return f"The resource {self.kind} is locked.{where}"


class NotImplementedHereError(InternalError):
    """The method belongs to the 6.0 API and this server does not have it."""


class UnavailableError(InternalError):
    """The database does not answer at the moment."""
