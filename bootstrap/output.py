"""What becomes of a service's output: it goes to our standard output, and what explains the service's end is kept."""

# mypy: disable-error-code="no-untyped-call, misc"
# ruff: noqa: ANN401
# Supervisor is not typed: its records are Any, and so are its classes as a base.

import re
import sys
from typing import Any

from supervisor import loggers

LONGEST_WORDS = 160
_ERROR = re.compile(rb"\b(?:ERROR|FATAL)\b")
_TIME = re.compile(r"\W*\d{4}\D\d\d\D\d\d[T ]\d\d:\d\d:\d\d\S*\s+(?:\d+\s+)?")  # MariaDB adds a thread's number
_LEVEL = re.compile(r"\[?(?:ERROR|FATAL)\b[\]:\s]*")


class LineHandler(loggers.Handler):
    """Writes a service's output to our standard output, the service's name in front of each line."""

    longest = 1 << 16  # of a line that does not end

    def __init__(self, name: str) -> None:
        super().__init__(sys.stdout)
        self._prefix = f"{name} | ".encode()
        self._rest = b""

    def emit(self, record: Any) -> None:
        """Write the whole lines that ``record`` completes; keep the rest until it is a line."""
        *lines, self._rest = (self._rest + record.msg).split(b"\n")
        if len(self._rest) > self.longest:
            lines, self._rest = [*lines, self._rest], b""
        self._write(b"".join(self._prefix + line + b"\n" for line in lines))

    def close(self) -> None:
        """Write what is left without an end of line."""
        if self._rest:
            self._write(self._prefix + self._rest + b"\n")
        self._rest = b""

    def reopen(self) -> None:
        """Nothing: standard output is no file of ours."""

    remove = reopen

    @staticmethod
    def _write(data: bytes) -> None:
        try:
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
        except OSError:
            return  # nobody reads the log any more; the services go on


class LastWords(loggers.Handler):
    """Remembers what explains a service's end: its last line with ``ERROR`` or ``FATAL``, else its last line.

    Indented lines after an error line belong to it. An error of one word (MariaDB's ``[ERROR] Aborting``) explains
    nothing, and so does what the runner says in front of the service.
    """

    longest = 1 << 12  # of a line, in bytes; the rest of it is not looked at

    def __init__(self, name: str) -> None:
        super().__init__()
        self._runner = f" [SERVICE {name}] ".encode()
        self._rest = self._last = b""
        self._error: list[bytes] = []
        self._goes_on = False

    def emit(self, record: Any) -> None:
        """Look at the lines that ``record`` completes."""
        *lines, rest = (self._rest + record.msg).split(b"\n")
        self._rest = rest[: self.longest]
        for line in lines:
            self._look_at(line)

    def close(self) -> None:
        """Look at what is left without an end of line."""
        self._look_at(self._rest)
        self._rest = b""

    def reopen(self) -> None:
        """Nothing: there is no file."""

    remove = reopen

    def _look_at(self, line: bytes) -> None:
        line = line[: self.longest].rstrip()
        if not line.strip() or self._runner in line:
            return
        self._last = line
        if _ERROR.search(line):
            self._goes_on = " " in _message([line])
            if self._goes_on or not self._error:
                self._error = [line]
        elif self._goes_on and line[:1].isspace():
            if len(self._error) < 4:
                self._error.append(line)
        else:
            self._goes_on = False

    def text(self) -> str:
        """One printable line of at most 160 characters, without time and level; empty when nothing was said."""
        return _message(self._error or [self._last])[:LONGEST_WORDS]


def _message(lines: list[bytes]) -> str:
    text = b" ".join(lines).decode("utf-8", "replace")
    text = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    for prefix in (_TIME, _LEVEL):
        if found := prefix.match(text):
            text = text[found.end() :]
    return text
