"""What the tests of hostile input share: raw calls over one connection, a server's condition, and the one judge."""

import http.client
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self
from xml.parsers.expat import ExpatError
from xmlrpc.client import Fault, loads

from oned.api.xmlrpc import LIMIT_FAULT, NO_METHOD_FAULT, PARSE_FAULT, TYPE_FAULT
from tests.integration.oned.daemon import PASSWORD, Daemon

ADMIN = f"oneadmin:{PASSWORD}"
FAULTS = frozenset({TYPE_FAULT, PARSE_FAULT, NO_METHOD_FAULT, LIMIT_FAULT})
CODES = frozenset({0x100, 0x200, 0x400, 0x800, 0x1000, 0x2000, 0x4000, 0x8000})
MIB = 2**20
DATABASE_DESCRIPTORS = 20
"""What the connections to the database take that a server opens when it first has that much to do."""
TRIES = 4
SLOW_SECONDS = 1.0
"""Good calls are answered faster, whatever else goes on."""
_NOT_FOR_CLIENTS = re.compile(
    r"Traceback|File \"|\.py\b|site-packages|sqlalchemy|sqlite3|pymysql|lxml|\b0x[0-9a-f]{8,}|"
    r"\b(?:Type|Value|Key|Index|Attribute|Runtime|Overflow|Recursion|Unicode\w*|Assertion|Memory)Error\b",
    re.IGNORECASE,
)
_MAX_MESSAGE = 4096


@dataclass(frozen=True)
class Answer:
    """``kind`` is ``done`` (the call did what it says), ``refused`` (with a code of the API) or ``fault``."""

    kind: str
    code: int
    text: str


def judge(status: int, body: bytes, method: str = "") -> Answer:
    """What an answer says, when it is a clear one; an ``AssertionError`` that tells why when it is not.

    Clear is: HTTP 200 with well-formed XML-RPC; either a fault with one of xmlrpc-c's numbers, or the array of the
    API with the values' types and, when it refuses, one of the API's codes and a message that begins with the
    method's name. Every text is short, and tells nothing of the inside of the server.
    """
    assert status == 200, (status, body[:300])
    values = _decoded(body)
    if isinstance(values, Fault):
        assert values.faultCode in FAULTS, values
        _clear_text(values.faultString)
        return Answer("fault", values.faultCode, values.faultString)
    assert isinstance(values, list), body[:300]
    if values[0] is True:
        assert isinstance(values[1], bool | int | str), body[:300]
        assert values[2] == 0, body[:300]
        return Answer("done", 0, str(values[1]))
    assert values[0] is False, body[:300]
    _, text, code, oid, _ = values
    assert code in CODES, values
    assert isinstance(oid, int), values
    assert text.startswith(f"[{method}] "), values
    _clear_text(text)
    return Answer("refused", code, text)


def _decoded(body: bytes) -> object:
    try:
        return loads(body)[0][0]
    except Fault as fault:
        return fault
    except ExpatError as error:
        raise AssertionError(f"{error}: {body[:300]!r}") from None


def _clear_text(text: str) -> None:
    assert text.strip(), "the text is empty"
    assert len(text) < _MAX_MESSAGE, (len(text), text[:300])
    assert not _NOT_FOR_CLIENTS.search(text), text


class Line:
    """One kept-alive connection for many bodies."""

    def __init__(self, daemon: Daemon) -> None:
        self._link = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=60)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._link.close()

    def post(self, body: bytes, method: str = "") -> Answer:
        """Send one body and judge its answer."""
        self._link.request("POST", "/RPC2", body, {"Content-Type": "text/xml"})
        response = self._link.getresponse()
        return judge(response.status, response.read(), method)


@dataclass
class Condition:
    """How a server is: memory in bytes, open descriptors, seconds that a good call takes on a new connection."""

    daemon: Daemon
    slowest: float = 0.0
    _log_seen: int = field(default=0, repr=False)

    @property
    def pid(self) -> int:
        assert self.daemon.process is not None
        assert self.daemon.process.poll() is None, self.daemon.output.read_text()[-3000:]
        return self.daemon.process.pid

    def resident(self) -> int:
        found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{self.pid}/status").read_text())
        assert found
        return int(found.group(1)) * 1024

    def peak(self) -> int:
        """The most memory since :meth:`forget_peak`, in bytes."""
        found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{self.pid}/status").read_text())
        assert found
        return int(found.group(1)) * 1024

    def forget_peak(self) -> None:
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")

    def descriptors(self) -> int:
        return len(list(Path(f"/proc/{self.pid}/fd").iterdir()))

    def good_call(self) -> None:
        """Ask for the version and for a user over a new connection each, and note how long that took.

        A slow one is asked again: a server that starves its clients is slow each time, a busy machine is not.
        """
        for name, params in (("one.system.version", ()), ("one.user.info", (0,))):
            seconds = self._time(name, *params)
            for _ in range(TRIES - 1):
                if seconds > SLOW_SECONDS:
                    seconds = min(seconds, self._time(name, *params))
            self.slowest = max(self.slowest, seconds)

    def _time(self, name: str, *params: int) -> float:
        begin = time.perf_counter()
        self.daemon.ok(name, *params)
        return time.perf_counter() - begin

    def complaints(self) -> list[str]:
        """Lines of the log since the last question that a defect leaves."""
        text = self.daemon.output.read_text(errors="replace")
        new, self._log_seen = text[self._log_seen :], len(text)
        return [line for line in new.splitlines() if "Traceback" in line or "Exception in" in line]


@contextmanager
def unharmed(daemon: Daemon, *, memory: int, patience: float = 5) -> Iterator[Condition]:
    """Around hostile input: before and after it a good call is quick, the peak of memory grew by at most ``memory``
    bytes, the descriptors come back within ``patience`` seconds, the log has no traceback.

    A test calls :meth:`Condition.good_call` in the middle of what it does.
    """
    condition = Condition(daemon)
    condition.good_call()
    condition.complaints()
    before, open_before = condition.resident(), condition.descriptors()
    condition.forget_peak()
    yield condition
    condition.good_call()
    assert condition.slowest <= SLOW_SECONDS, f"a good call took {condition.slowest:.2f} s"
    grown = condition.peak() - before
    assert grown < memory, f"the peak of memory grew by {grown / MIB:.0f} MiB"
    end = time.monotonic() + patience
    while (now := condition.descriptors()) > open_before + DATABASE_DESCRIPTORS and time.monotonic() < end:
        time.sleep(0.05)
    assert now <= open_before + DATABASE_DESCRIPTORS, f"{now} descriptors are open, {open_before} were"
    assert not condition.complaints()
