"""Errors of ``onedb``, with the exit codes of OpenNebula 6.0's command.

``OnedbError``               255, or the code that it is given
    ├── ``UsageError``        the command line or the connection is wrong
    ├── ``UnreachableError``  the database cannot be reached
    ├── ``BusyError``         an ``oned`` or another ``onedb`` is at work on the database
    └── ``UnreadableError``   254: the version of the database cannot be read
"""

from onelib.errors import OneError

FAILED = 255
UNREADABLE = 254


class OnedbError(OneError):
    """Something that a user of ``onedb`` can mend; ``code`` is what the process ends with."""

    def __init__(self, message: str, *, todo: str = "", code: int = FAILED) -> None:
        super().__init__(message, todo=todo)
        self.exit_code = code  # type: ignore[misc]  # of this error, not of all


class UsageError(OnedbError):
    """The command line, or what it says of the connection, is wrong."""


class UnreachableError(OnedbError):
    """The database does not answer, or refuses the credentials."""


class BusyError(OnedbError):
    """An ``oned`` or another ``onedb`` is at work on the database."""


class UnreadableError(OnedbError):
    """The version of the database cannot be read."""

    def __init__(self, message: str, *, todo: str = "", code: int = UNREADABLE) -> None:
        super().__init__(message, todo=todo, code=code)
