"""The log in OpenNebula's line form: ``Mon Nov 22 10:00:00 2021 [Z0][ReM][D]: text``.

To the standard output (``LOG = [ SYSTEM = "std" ]``, what a container wants), to a file or to syslog. Never
anything secret: callers pass texts that hold none, and a line break in a text cannot forge a line.
"""

import sys
import syslog
import threading
import time
from pathlib import Path
from typing import ClassVar, TextIO

from onelib.errors import OneError

ERROR, WARNING, INFO, DEBUG, DDEBUG = range(5)
_LETTERS = "EWIDD"
_SYSLOG = (syslog.LOG_ERR, syslog.LOG_WARNING, syslog.LOG_INFO, syslog.LOG_DEBUG, syslog.LOG_DEBUG)


class LogError(OneError):
    """The log cannot be written."""

    exit_code: ClassVar[int] = 78


class Log:
    """One log of one zone; safe from several threads."""

    def __init__(self, level: int, zone_id: int = 0, stream: TextIO | None = None) -> None:
        self.level = level
        self._zone = zone_id
        self._stream = stream
        self._lock = threading.Lock()
        self._second = 0
        self._stamp = ""

    @classmethod
    def open(cls, system: str, level: int, zone_id: int, folder: Path, name: str) -> "Log":
        """The log that ``LOG/SYSTEM`` names. Raises :class:`LogError` when its file cannot be opened."""
        if system == "std":
            return cls(level, zone_id, sys.stdout)
        if system == "syslog":
            syslog.openlog(name.removesuffix(".log"), syslog.LOG_PID, syslog.LOG_DAEMON)
            return cls(level, zone_id)
        path = folder / name
        try:
            folder.mkdir(parents=True, exist_ok=True)
            return cls(level, zone_id, path.open("a", encoding="utf-8", buffering=1))
        except OSError as error:
            raise LogError(
                f"The log {path} cannot be opened: {error.strerror}.",
                todo='Make its folder writable, or set LOG = [ SYSTEM = "std" ] in its configuration.',
            ) from None

    def write(self, module: str, level: int, text: str) -> None:
        """Write ``text`` of the part ``module`` (``ONE``, ``ReM``, ``AuM`` ...) when ``level`` is wanted."""
        if level > self.level:
            return
        plain = text.replace("\n", "\\n").replace("\r", "\\r")
        tail = f"[Z{self._zone}][{module}][{_LETTERS[level]}]: {plain}"
        if self._stream is None:
            syslog.syslog(_SYSLOG[level], tail)
            return
        now = int(time.time())
        with self._lock:
            if now != self._second:
                self._second, self._stamp = now, time.ctime(now)
            self._stream.write(f"{self._stamp} {tail}\n")
            self._stream.flush()
