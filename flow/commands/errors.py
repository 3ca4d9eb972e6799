"""What goes wrong in a command, and the exit codes: those of ``one``."""

from typing import ClassVar

from onelib.errors import OneError


class UsageError(OneError):
    """The command line does not say what can be done."""

    exit_code: ClassVar[int] = 64


class ContentError(OneError):
    """What was given, or answered, is no JSON that can be used."""

    exit_code: ClassVar[int] = 65


class InputError(OneError):
    """A file cannot be read."""

    exit_code: ClassVar[int] = 66


class UnreachableError(OneError):
    """The server does not answer."""

    exit_code: ClassVar[int] = 69


class RefusedError(OneError):
    """The server refuses, or no object has the name."""

    exit_code: ClassVar[int] = 255
