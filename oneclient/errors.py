"""What goes wrong before or after a call, and the exit codes of its own."""

from typing import ClassVar

from onelib.errors import OneError


class UsageError(OneError):
    """The command line does not say what can be done."""

    exit_code: ClassVar[int] = 64


class NotFoundError(OneError):
    """No object, or more than one, has the name; the code is that of a refusal, as upstream's."""

    exit_code: ClassVar[int] = 255


class InputError(OneError):
    """A file that the command line names cannot be read."""

    exit_code: ClassVar[int] = 66
