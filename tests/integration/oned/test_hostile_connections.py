"""Clients that hold connections, and send slowly, without end, or what is no request. The database plays no part."""

import contextlib
import resource
import select
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from xmlrpc.client import dumps

import pytest

from tests.integration.oned.conftest import end
from tests.integration.oned.daemon import Daemon
from tests.integration.oned.hostile import ADMIN, MIB, unharmed

BODY = dumps((ADMIN,), "one.system.version").encode()
HEAD = b"POST /RPC2 HTTP/1.1\r\nHost: a\r\n"
CALL = HEAD + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY
TIMEOUT = 1
GONE_SECONDS = TIMEOUT + 2 + 3
"""The longest that a silent client may hold a connection: the time-out, the server's grace, a slow machine."""
MANY = 2000


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """A server that waits one second for its clients."""
    extra = f"TIMEOUT = {TIMEOUT}\nKEEPALIVE_TIMEOUT = {TIMEOUT}"
    daemon = Daemon(tmp_path_factory.mktemp("hasty"), extra=extra)
    daemon.start()
    yield daemon
    end(daemon)


@pytest.fixture(scope="module", autouse=True)
def _descriptors() -> Iterator[None]:
    """As many sockets as this process may open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@contextlib.contextmanager
def links(
    daemon: Daemon, count: int, first: bytes = b"", *, answered: bool = False
) -> Iterator[list[socket.socket]]:
    """Connections that have sent ``first``; ``answered``: and have seen the answer begin."""
    opened: list[socket.socket] = []
    try:
        for _ in range(count):
            link = socket.create_connection(("127.0.0.1", daemon.port), timeout=10)
            opened.append(link)
            if first:
                link.sendall(first)
            if answered:
                assert link.recv(65536).startswith(b"HTTP/1.1 200")
        yield opened
    finally:
        for link in opened:
            link.close()


def heard(link: socket.socket) -> bytes:
    """All that the server sends until it ends the connection."""
    received = b""
    with contextlib.suppress(ConnectionResetError):
        while piece := link.recv(65536):
            received += piece
    return received


def ended(
    opened: list[socket.socket], seconds: float, beat: Callable[[socket.socket], object] | None = None
) -> list[bytes]:
    """What came from those that the server ends within ``seconds``; ``beat`` is done to the others every 0.2 s."""
    left = {link.fileno(): link for link in opened}
    came = dict.fromkeys(left, b"")
    poll = select.poll()
    for number in left:
        poll.register(number, select.POLLIN | select.POLLHUP)
    limit = time.monotonic() + seconds
    while left and time.monotonic() < limit:
        for number, _ in poll.poll(200):
            piece = b""
            with contextlib.suppress(ConnectionResetError):
                piece = left[number].recv(65536)
            came[number] += piece
            if not piece:
                poll.unregister(number)
                del left[number]
        if beat is not None:
            for link in left.values():
                with contextlib.suppress(ConnectionError):
                    beat(link)
    return [text for number, text in came.items() if number not in left]


SILENT = (b"", b"P", HEAD, HEAD + b"X: ", HEAD + b"Content-Length: 500\r\n\r\n<methodCall>", CALL, b"\r\n")


def test_silent_clients_are_let_go(hasty: Daemon) -> None:
    """Nothing, a part of the head, a part of the body, a call and then nothing."""
    with unharmed(hasty, memory=20 * MIB) as condition, contextlib.ExitStack() as stack:
        opened = [link for first in SILENT for link in stack.enter_context(links(hasty, 30, first))]
        condition.good_call()
        answers = ended(opened, GONE_SECONDS)
        assert len(answers) == len(opened)
    late = sum(text.startswith(b"HTTP/1.1 408 ") for text in answers)
    assert late == 30 * len([first for first in SILENT if first.startswith(b"P") and first != CALL])


CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
SIZED = b"Content-Length: 100000\r\n\r\n"
DRIPPING = {
    "head": (b"POST /RPC2 HTTP/1.1\r\nX: ", b"x"),
    "method": (b"", b"P"),
    "blank lines": (b"", b"\r\n"),
    "body": (HEAD + SIZED + b"<methodCall>", b" "),
    "refused body": (HEAD + SIZED + b"no XML", b" "),
    "other path": (HEAD.replace(b"/RPC2", b"/other") + SIZED, b" "),
    "chunks": (CHUNKED, b"1\r\n \r\n"),
    "trailers": (CHUNKED + b"0\r\n", b"a: b\r\n"),
    "after a call": (CALL, b"\r\n"),
    "head after a call": (CALL + HEAD, b"X: y\r\n"),
}
"""What begins a request that never ends, and what comes of it five times a second."""


def test_a_byte_now_and_then_holds_no_connection(hasty: Daemon) -> None:
    beats: dict[int, bytes] = {}
    with unharmed(hasty, memory=20 * MIB) as condition, contextlib.ExitStack() as stack:
        opened: list[socket.socket] = []
        for first, byte in DRIPPING.values():
            some = stack.enter_context(links(hasty, 10, first))
            beats.update((link.fileno(), byte) for link in some)
            opened += some
        condition.good_call()
        gone = ended(opened, 2 * GONE_SECONDS, lambda link: link.send(beats[link.fileno()]))
        assert len(gone) == len(opened)


def test_thousands_of_connections_keep_nobody_out(usual: Daemon) -> None:
    """Of each kind of silence; the server waits as long as it does without being told."""
    each = MANY // len(SILENT) + 1
    with unharmed(usual, memory=100 * MIB) as condition, contextlib.ExitStack() as stack:
        for first in SILENT:
            stack.enter_context(links(usual, each, first))
            condition.good_call()


@pytest.mark.full
@pytest.mark.parametrize("first", SILENT)
def test_very_many_connections_of_one_kind(usual: Daemon, first: bytes) -> None:
    with unharmed(usual, memory=200 * MIB) as condition, links(usual, 3 * MANY, first):
        for _ in range(20):
            condition.good_call()


class Narrow(Daemon):
    """A server that may open few descriptors."""

    def command(self, *arguments: str) -> list[str]:
        return ["sh", "-c", 'ulimit -n 1400; exec "$@"', "sh", *super().command(*arguments)]


def test_more_than_the_server_holds(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """The ones that wait the longest make room; who asks is served, and the latest stay."""
    daemon = Narrow(tmp_path)
    daemon.start()
    request.addfinalizer(lambda: end(daemon))
    with unharmed(daemon, memory=30 * MIB) as condition, links(daemon, MANY, CALL, answered=True) as opened:
        condition.good_call()
        assert len(ended(opened, 1)) >= MANY - 700
        assert not ended(opened[-500:], 0.3)
        assert condition.descriptors() < 800


@pytest.mark.parametrize("size", [100_000, 5_000_000])
@pytest.mark.parametrize("start", [b"GET /", HEAD + b"X: ", HEAD + b"X"], ids=["address", "value", "name"])
def test_a_head_without_end(hasty: Daemon, start: bytes, size: int) -> None:
    with unharmed(hasty, memory=20 * MIB), links(hasty, 1, start) as (link,):
        with contextlib.suppress(ConnectionError):
            for _ in range(0, size, 10_000):
                link.sendall(b"a" * 10_000)
        assert ended([link], 1)


def test_very_many_headers(hasty: Daemon) -> None:
    with unharmed(hasty, memory=20 * MIB), links(hasty, 1, HEAD) as (link,):
        with contextlib.suppress(ConnectionError):
            for number in range(200_000):
                link.sendall(b"h%d: v\r\n" % number)
        assert ended([link], 1)


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Length: 10\r\nContent-Length: 20\r\n",
        b"Content-Length: 10\r\nTransfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: chunked\r\nContent-Length: 10\r\n",
        b"Transfer-Encoding: xchunked\r\n",
        b"Transfer-Encoding: chunked, identity\r\n",
        b"Content-Length: -1\r\n",
        b"Content-Length: +5\r\n",
        b"Content-Length: 0x10\r\n",
        b"Content-Length: 99999999999999999999999\r\n",
        b"Content-Length : 5\r\n",
        b"X: a\r\n continued\r\n",
        b"X: \x00\r\n",
        b"X\x00: a\r\n",
        b": empty\r\n",
        b"no colon\r\n",
    ],
)
def test_heads_that_smuggle(hasty: Daemon, head: bytes) -> None:
    """One answer, a refusal; what follows is never taken for a second request."""
    smuggled = HEAD + head + b"\r\n0\r\n\r\n" + CALL
    with unharmed(hasty, memory=20 * MIB), links(hasty, 1, smuggled) as (link,):
        answer = heard(link)
    assert answer.count(b"HTTP/1.1 ") == 1, answer
    assert answer.startswith(b"HTTP/1.1 400 "), answer


ODD = (
    b"GET / HTTP/0.9\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"\x00" * 1000,
    b"\xff" * 1000,
    b"POST /RPC2 HTTP/9.9\r\n\r\n",
    b"POST http://[::1 HTTP/1.1\r\n\r\n",
    b"POST //// HTTP/1.1\r\n\r\n",
    b"POST /%00%ff%2e%2e/RPC2 HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
    b"CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n",
    HEAD + b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n\r\n",
    HEAD + b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nContent-Length: 3\r\n\r\nabc",
    HEAD + b"Expect: 100-continue\r\nContent-Length: 0\r\n\r\n",
    HEAD + b"Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\n\x1f\x8b\x08\x00\x00",
    HEAD + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
    HEAD + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n",
)
"""What is hardly HTTP, or asks for more than the server has."""


def test_odd_requests(hasty: Daemon) -> None:
    with unharmed(hasty, memory=20 * MIB), contextlib.ExitStack() as stack:
        opened = [link for data in ODD for link in stack.enter_context(links(hasty, 1, data))]
        answers = ended(opened, GONE_SECONDS)
    assert len(answers) == len(ODD)
    assert all(text.startswith(b"HTTP/1.1 ") and b" 500 " not in text for text in answers)


def test_pipelined_requests_are_answered_in_order(hasty: Daemon) -> None:
    with unharmed(hasty, memory=30 * MIB), links(hasty, 1) as (link,):
        link.sendall(CALL * 500 + HEAD + b"Connection: close\r\nContent-Length: 0\r\n\r\n")
        answer = heard(link)
    assert answer.count(b"6.0.0.3") == 500
    assert answer.count(b"HTTP/1.1 200") == 501


def _leak(daemon: Daemon, kept: contextlib.ExitStack) -> None:
    with unharmed(daemon, memory=20 * MIB, patience=0.5):
        kept.enter_context(links(daemon, 40, CALL))


def test_the_judge_notices_what_stays_open(usual: Daemon) -> None:
    with contextlib.ExitStack() as kept, pytest.raises(AssertionError, match="descriptors are open"):
        _leak(usual, kept)
