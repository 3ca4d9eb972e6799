"""Is it there? The checks that the runner waits on and the probe asks, all at once and within one time limit.

A need is ``{"label": ..., "kind": ..., "address": ...}``; it is met when, by its kind,

``tcp``      ``host:port`` accepts a connection
``listen``   somebody listens on the TCP port ``port`` or ``host:port`` of this network namespace; none connects, so
             the server knows nothing of it
``unix``     the stream socket at the path accepts a connection
``banner``   the server at ``host:port`` or the path greets: one byte arrives without a word from us
``file``     the path exists and, for a regular file, is not empty
``http``     ``http://host:port/path`` answers with a status below 500
``xmlrpc``   ``http://host:port/RPC2`` answers ``one.system.version``, and not that it cannot work
``service``  the one-shot of that name is done, or the service runs and its own ready checks pass

A kind that is not known is never met. Standard library only and quick to import: see :mod:`onelib.services`.
"""

# ruff: noqa: PTH116
# pathlib takes 14 ms to import.

from __future__ import annotations

import _socket as socket  # the module around it takes 7 ms to import
import _thread
import errno
import os
import select
import stat
import sys
import time

from onelib import services

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Sequence
    from typing import Any

    Need = dict[str, Any]
    Wait = tuple[int, int]  # a descriptor and the poll mask to wait for
    Check = Generator[Wait, None, bool]
    Place = tuple[int, Any]  # an address family and an address of it
    Judge = Callable[[bytes], bool | None]  # of the answer so far: yes, no, or not yet known

LONGEST_ANSWER = 1 << 16
INTERNAL = b">8192<"
"""The code with which the API says that it cannot do its work, as without its database (0x2000, OpenNebula 6.0)."""
SESSION = "health:probe"
"""Nobody's credentials. The API has to look them up, and so needs its database, before it can refuse them."""
_VERSION_CALL = (
    "<?xml version='1.0'?><methodCall><methodName>one.system.version</methodName>"
    f"<params><param><value><string>{SESSION}</string></value></param></params></methodCall>"
).encode()


def unmet(needs: Sequence[Need], run: str, table: dict[str, Any], timeout: float = 2.0) -> list[Need]:
    """Those of ``needs`` that are not met, in their order, after ``timeout`` seconds at most.

    ``run`` and ``table`` are this boot's folder and service table, for needs of kind ``service``.
    """
    listeners = Listeners()
    parts = [
        (index, check)
        for index, need in enumerate(needs)
        for check in _checks(need, run, table, listeners, frozenset())
    ]
    verdicts = _run_all([check for _, check in parts], timeout)
    missed = {index for (index, _), met in zip(parts, verdicts, strict=True) if not met}
    return [need for index, need in enumerate(needs) if index in missed]


def _run_all(checks: Sequence[Check], timeout: float) -> list[bool]:
    """Run ``checks`` side by side; one that has not ended in time has failed."""
    verdicts = [False] * len(checks)
    poller = select.poll()
    waiting: dict[int, int] = {}

    def advance(index: int) -> None:
        try:
            descriptor, mask = next(checks[index])
        except StopIteration as end:
            verdicts[index] = end.value
        except OSError:
            verdicts[index] = False
        else:
            waiting[descriptor] = index
            poller.register(descriptor, mask)

    deadline = time.monotonic() + timeout
    for index in range(len(checks)):
        advance(index)
    while waiting and (left := deadline - time.monotonic()) > 0:
        for descriptor, _ in poller.poll(left * 1000):
            poller.unregister(descriptor)
            advance(waiting.pop(descriptor))
    for index in waiting.values():
        checks[index].close()
    return verdicts


class Listeners:
    """Who listens on TCP in this network namespace, read once, at the first question."""

    _found: frozenset[tuple[str, int]] | None = None

    def have(self, address: str) -> bool:
        """Whether somebody listens on ``port``, or on ``host:port`` (then at that address, or at all)."""
        host, _, digits = address.rpartition(":")
        if (port := _port(digits)) is None:
            return False
        if self._found is None:
            self._found = frozenset(_listening("/proc/net/tcp") | _listening("/proc/net/tcp6"))
        if not host:
            return any(number == port for _, number in self._found)
        return any((place, port) in self._found for place in _places_in_proc(host.strip("[]")))


def _listening(path: str) -> set[tuple[str, int]]:
    """The listening sockets of a table such as ``/proc/net/tcp`` (proc(5)): address as it stands there, and port."""
    data = b""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            # Listeners stand first: a page without one is the first of the connections, which may be many thousands.
            while b" 0A " in (part := os.read(descriptor, 1 << 16)):
                data += part
        finally:
            os.close(descriptor)
    except OSError:
        return set()  # no IPv6, for instance
    found = set()
    for words in map(str.split, data.decode("ascii", "replace").splitlines()):
        if len(words) > 3 and words[3] == "0A":
            place, _, port = words[1].partition(":")
            found.add((place, int(port, 16)))
    return found


def _places_in_proc(host: str) -> list[str]:
    """How ``/proc/net/tcp`` and ``tcp6`` write the addresses at which a connection to ``host`` finds a listener."""
    if host == "localhost":
        return [*_places_in_proc("127.0.0.1"), *_places_in_proc("::1")]
    try:
        if ":" in host:
            return [_in_proc(socket.inet_pton(socket.AF_INET6, host)), "0" * 32]
        four = socket.inet_pton(socket.AF_INET, host)
    except (OSError, ValueError):
        return []  # not an address of this machine's own
    return [_in_proc(four), "0" * 8, _in_proc(bytes(10) + b"\xff\xff" + four), "0" * 32]


def _in_proc(address: bytes) -> str:
    words = [address[start : start + 4] for start in range(0, len(address), 4)]
    return "".join(f"{int.from_bytes(word, sys.byteorder):08X}" for word in words)


def _checks(
    need: Need, run: str, table: dict[str, Any], listeners: Listeners, seen: frozenset[str]
) -> Iterable[Check]:
    """The checks that together say whether ``need`` is met; ``seen`` keeps services in a circle from recursing."""
    kind, address = need.get("kind"), str(need.get("address"))
    if kind == "service":
        return _service(address, run, table, listeners, seen)
    if kind == "listen":
        return [_settled(listeners.have(address))]
    if kind == "file":
        return [_settled(_has_content(address))]
    if kind in ("tcp", "unix"):
        return [_ask(address, b"", lambda _: True)]
    if kind == "banner":
        return [_ask(address, b"", lambda answer: True if answer else None)]
    if kind in ("http", "xmlrpc") and address.startswith("http://"):
        host, _, path = address.removeprefix("http://").partition("/")
        if kind == "http":
            return [_ask(_with_port(host), _request("GET", host, path), _below_500)]
        return [_ask(_with_port(host), _request("POST", host, path, _VERSION_CALL), _method_response)]
    return [_settled(False)]


def _service(
    name: str, run: str, table: dict[str, Any], listeners: Listeners, seen: frozenset[str]
) -> Iterable[Check]:
    service = table["services"].get(name)
    try:
        state = services.read_state(run, name)
    except (OSError, ValueError):
        state = None
    if service is None or state is None:
        return [_settled(False)]
    if service.get("kind") == "oneshot":
        return [_settled(state["phase"] == services.DONE)]
    if state["phase"] != services.STARTED or not _alive(state["pid"]):
        return [_settled(False)]
    if name in seen:
        return []
    ready = service.get("ready", ())
    return [check for need in ready for check in _checks(need, run, table, listeners, seen | {name})]


def _settled(verdict: bool) -> Check:
    return verdict
    yield  # what makes it a generator, as the other checks are


def _alive(pid: int) -> bool:
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _has_content(path: str) -> bool:
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return False
    return found.st_size > 0 or not stat.S_ISREG(found.st_mode)


def _ask(address: str, request: bytes, judge: Judge) -> Check:
    """Connect to ``address``, say ``request`` and let ``judge`` look at the answer."""
    for family, place in (yield from _places(address)):
        link = socket.socket(family, socket.SOCK_STREAM)
        try:
            link.setblocking(False)
            code = link.connect_ex(place)
            if code == errno.EINPROGRESS:
                yield link.fileno(), select.POLLOUT
                code = link.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if code == 0:
                return (yield from _talk(link, request, judge))
        finally:
            link.close()
    return False


def _talk(link: socket.socket, request: bytes, judge: Judge) -> Check:
    while request:
        yield link.fileno(), select.POLLOUT
        request = request[link.send(request) :]
    answer = b""
    while (verdict := judge(answer)) is None:
        yield link.fileno(), select.POLLIN
        part = link.recv(LONGEST_ANSWER)
        answer += part
        if not part or len(answer) > LONGEST_ANSWER:
            return False
    return verdict


def _places(address: str) -> Generator[Wait, None, list[Place]]:
    """The socket addresses of ``address``: a path, or ``host:port`` with a name, an IPv4 or a bracketed IPv6 host."""
    if address.startswith("/"):
        return [(socket.AF_UNIX, address)]
    host, _, digits = address.rpartition(":")
    host = host.strip("[]")
    if (port := _port(digits)) is None:
        return []
    if host == "localhost":  # known without asking, so a broken resolver does not hide a local service
        return [(socket.AF_INET, ("127.0.0.1", port)), (socket.AF_INET6, ("::1", port))]
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, host)
        except (OSError, ValueError):
            continue
        return [(family, (host, port))]
    return (yield from _look_up(host, port))


def _port(digits: str) -> int | None:
    if not digits.isascii() or not digits.isdigit() or len(digits) > 5 or not 0 < int(digits) < 65536:
        return None
    return int(digits)


def _look_up(host: str, port: int) -> Generator[Wait, None, list[Place]]:
    """Resolve ``host`` beside the other checks: the resolver knows no time limit, so it gets a thread of its own."""
    found: list[Place] = []
    here, there = socket.socketpair()

    def resolve() -> None:
        try:
            found.extend((one[0], one[4]) for one in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError):
            return  # no such name: no address
        finally:
            there.close()

    try:
        _thread.start_new_thread(resolve, ())
        yield here.fileno(), select.POLLIN
    finally:
        here.close()
    return found


def _with_port(host: str) -> str:
    return host if host.rpartition(":")[2].isdigit() else f"{host}:80"


def _request(method: str, host: str, path: str, body: bytes = b"") -> bytes:
    lines = [f"{method} /{path} HTTP/1.0", f"Host: {host}", "User-Agent: oneedge-check", "Connection: close"]
    if body:
        lines += ["Content-Type: text/xml", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode("ascii", "replace") + body


def _status(answer: bytes) -> int | None:
    """The HTTP status of ``answer``: None while its first line is incomplete, 999 when it is not HTTP."""
    line, end, _ = answer.partition(b"\n")
    if not end:
        return None
    words = line.split()
    if len(words) < 2 or not words[0].startswith(b"HTTP/1.") or not words[1].isdigit():
        return 999
    return int(words[1])


def _below_500(answer: bytes) -> bool | None:
    status = _status(answer)
    return None if status is None else status < 500


def _method_response(answer: bytes) -> bool | None:
    status = _status(answer)
    if status is None or (status == 200 and b"</methodResponse>" not in answer):
        return None
    return status == 200 and INTERNAL not in answer
