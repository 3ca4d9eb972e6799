"""Supervisor's process list over its control socket, by hand: ``xmlrpc.client`` alone takes 30 ms to import."""

from __future__ import annotations

import _socket as socket  # the module around it takes 7 ms to import
import pyexpat as expat  # xml.parsers.expat, without two more packages to find
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

LONGEST_ANSWER = 1 << 21
_BODY = (
    b"<?xml version='1.0'?><methodCall><methodName>supervisor.getAllProcessInfo</methodName><params/></methodCall>"
)
_REQUEST = (
    b"POST /RPC2 HTTP/1.0\r\nHost: localhost\r\nContent-Type: text/xml\r\n"
    b"Content-Length: %d\r\nConnection: close\r\n\r\n%s" % (len(_BODY), _BODY)
)


class ControlError(Exception):
    """Supervisor gave no usable answer; the message says why in a few words."""


class AbsentError(ControlError):
    """Nobody listens on the control socket."""


def processes(path: str, timeout: float) -> dict[str, dict[str, Any]]:
    """What Supervisor at the socket ``path`` says about each of its processes, by name, within ``timeout`` seconds.

    Of each process: ``statename``, ``pid``, ``exitstatus``, ``start`` (0 when it never was), ``spawnerr``.
    Raises :class:`ControlError`.
    """
    head, _, body = _exchange(path, timeout).partition(b"\r\n\r\n")
    if not head.startswith((b"HTTP/1.0 200", b"HTTP/1.1 200")):
        raise ControlError("its answer is not a success")
    reader = _Reader()
    try:
        reader.read(body)
    except expat.ExpatError:
        raise ControlError("its answer breaks off or is not XML") from None
    except (ValueError, IndexError, KeyError):
        raise ControlError("its answer is not a process list") from None
    return reader.found


def _exchange(path: str, timeout: float) -> bytes:
    deadline = time.monotonic() + timeout
    answer = b""
    link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        link.settimeout(timeout)
        link.connect(path)
        link.sendall(_REQUEST)
        while (left := deadline - time.monotonic()) > 0:
            link.settimeout(left)
            part = link.recv(1 << 16)
            if not part:
                return answer
            answer += part
            if len(answer) > LONGEST_ANSWER:
                raise ControlError("its answer does not end")
    except (FileNotFoundError, ConnectionRefusedError):
        raise AbsentError("it is not running") from None
    except TimeoutError:
        pass  # said below
    except PermissionError:
        raise ControlError("only its own user and root may ask it") from None
    except OSError as error:
        raise ControlError(f"cannot ask it: {error.strerror}") from None
    finally:
        link.close()
    raise ControlError(f"no answer within {timeout:g} s")


class _Reader:
    """Reads an XML-RPC answer that is an array of flat structures with a ``name`` member each."""

    def __init__(self) -> None:
        self.found: dict[str, dict[str, Any]] = {}
        self._entry: dict[str, Any] = {}
        self._member = ""
        self._text: list[str] = []

    def read(self, body: bytes) -> None:
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text.append
        parser.EntityDeclHandler = self._refuse
        parser.Parse(body, True)

    def _start(self, tag: str, _: object) -> None:
        if tag == "struct":
            self._entry = {}
        elif tag == "fault":
            raise ValueError(tag)
        self._text.clear()

    def _end(self, tag: str) -> None:
        if tag == "name":
            self._member = "".join(self._text)
        elif tag == "string":
            self._entry[self._member] = "".join(self._text)
        elif tag in ("int", "i4"):
            self._entry[self._member] = int("".join(self._text))
        elif tag == "struct":
            entry = {"statename": "UNKNOWN", "pid": 0, "exitstatus": 0, "start": 0, "spawnerr": ""} | self._entry
            self.found[str(self._entry["name"])] = entry
        self._text.clear()

    @staticmethod
    def _refuse(*_: object) -> None:
        raise ValueError("entity declaration")
