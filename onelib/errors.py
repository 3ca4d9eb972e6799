"""Errors that a user can meet.

``OneError``
    ├── raised by a room as a subclass that owns its exit code
    └── printed by :func:`report` as one sentence on what happened and one on what to do

Tracebacks are for defects: anything that is not a ``OneError`` is one.
"""

import sys
from typing import ClassVar, TextIO


class OneError(Exception):
    """Something went wrong that a user can mend.

    ``message`` says what happened, ``todo`` what to do about it; neither ever holds a secret. ``exit_code`` is
    what the process ends with (sysexits.h where a code there fits).
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, todo: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.todo = todo

    def __str__(self) -> str:
        return f"{self.message} {self.todo}".rstrip()


def report(error: OneError, stream: TextIO | None = None) -> int:
    """Print ``error`` on ``stream`` (standard error) and return its exit code."""
    out = sys.stderr if stream is None else stream
    out.write(f"ERROR: {error.message}\n")
    if error.todo:
        out.write(f"       {error.todo}\n")
    out.flush()
    return error.exit_code
