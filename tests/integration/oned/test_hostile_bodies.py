"""Bodies that are too large, lie about their size, grow when they are read, or come all at once."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from xmlrpc.client import dumps

import pytest

from oned.api.server import IN_FLIGHT_BYTES
from oned.api.xmlrpc import LIMIT_FAULT, PARSE_FAULT, TYPE_FAULT
from tests.integration.oned.conftest import end
from tests.integration.oned.daemon import Daemon
from tests.integration.oned.hostile import ADMIN, MIB, judge, unharmed
from tests.integration.oned.hostile_calls import body, string
from tests.integration.oned.test_hostile_connections import HEAD, heard, links

PLENTY = 100 * MIB
PIECE = b"x" * MIB
START = b"<methodCall><methodName>one.document.allocate</methodName><params><param><value>"


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """A server with MESSAGE_SIZE of 1 MiB."""
    daemon = Daemon(tmp_path_factory.mktemp("small"), extra=f"MESSAGE_SIZE = {MIB}")
    daemon.start()
    yield daemon
    end(daemon)


def sent(daemon: Daemon, head: bytes, pieces: Iterator[bytes]) -> bytes:
    """What the server says to a request whose body comes in ``pieces``; it may stop reading at any time."""
    with links(daemon, 1, HEAD + head) as (link,):
        with suppress(ConnectionError):
            for piece in pieces:
                link.sendall(piece)
        return heard(link)


def _sized(size: int) -> Iterator[bytes]:
    yield START
    for _ in range(size // MIB):
        yield PIECE


def _chunked(size: int) -> Iterator[bytes]:
    for piece in _sized(size):
        yield b"%x\r\n%b\r\n" % (len(piece), piece)


@pytest.mark.parametrize("which", ["small", "usual"])
@pytest.mark.parametrize(
    ("head", "pieces"),
    [
        (b"Content-Length: %d\r\n\r\n" % PLENTY, _sized),
        (b"Content-Length: 9000000000000\r\n\r\n", _sized),
        (b"Transfer-Encoding: chunked\r\n\r\n", _chunked),
    ],
    ids=["sized", "lying", "chunked"],
)
def test_a_hundred_megabytes(
    request: pytest.FixtureRequest, which: str, head: bytes, pieces: Callable[[int], Iterator[bytes]]
) -> None:
    daemon: Daemon = request.getfixturevalue(which)
    memory = 20 * MIB if which == "small" else 250 * MIB
    with unharmed(daemon, memory=memory):
        answer = sent(daemon, head, pieces(PLENTY))
    assert answer == b"" or answer.startswith(b"HTTP/1.1 413 "), answer[:300]


def test_what_is_too_large_gets_a_fault(small: Daemon) -> None:
    status, answer = small.post(START + b"x" * (MIB - len(START) + 1))
    assert status == 413
    assert judge(200, answer).code == LIMIT_FAULT


def test_a_length_that_is_too_small(small: Daemon) -> None:
    """The rest of the body is no request."""
    good = dumps((ADMIN,), "one.system.version").encode()
    with unharmed(small, memory=20 * MIB), links(small, 1) as (link,):
        link.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % (len(good) - 5) + good)
        answer = heard(link)
    assert answer.count(b"6.0.0.3") == 0
    assert answer.endswith(b"Invalid HTTP request received.")


@pytest.mark.parametrize("first", ["x", "\U0001f600"])
def test_very_many_bodies_at_once(usual: Daemon, first: str) -> None:
    """Together more than the server takes: memory is in proportion to it, and none is kept for what was refused.

    A character of four bytes makes Python keep every other one in four bytes too.
    """
    text = first + "x" * (10 * MIB)
    data = body("one.document.allocate", string(ADMIN), string(text), string("no number"))
    count = 2 * IN_FLIGHT_BYTES // len(data)
    gate = threading.Barrier(16)

    def post(number: int) -> int:
        if number < 16:
            gate.wait()
        status, answer = usual.post(data)
        assert judge(200, answer).code == (TYPE_FAULT if status == 200 else LIMIT_FAULT)
        return status

    with unharmed(usual, memory=2 * IN_FLIGHT_BYTES) as condition, ThreadPoolExecutor(16) as pool:
        before = condition.resident()
        answers = pool.map(post, range(count))
        condition.good_call()
        assert set(answers) <= {200, 503}
        assert condition.resident() - before < IN_FLIGHT_BYTES


def test_bodies_that_do_not_end(usual: Daemon) -> None:
    """Each within its bound, together above what the server takes: the last is told to come again."""
    head = HEAD + b"Content-Length: %d\r\n\r\n" % (60 * MIB) + START
    with unharmed(usual, memory=2 * IN_FLIGHT_BYTES) as condition, links(usual, 5, head) as opened:
        for link in opened:
            with suppress(ConnectionError):
                for _ in range(55):
                    link.sendall(PIECE)
        answer = opened[-1].recv(65536)
        condition.good_call()
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"<i4>-509</i4>" in answer


def _bomb(depth: int) -> bytes:
    lines = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, depth))
    return f'<?xml version="1.0"?><!DOCTYPE m [<!ENTITY e0 "ha">{lines}]>'.encode()


CALL = body("one.system.version", string(ADMIN))
PLAIN = CALL.partition(b"?>")[2]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (_bomb(20) + PLAIN.replace(ADMIN.encode(), b"&e19;"), PARSE_FAULT),
        (
            b'<!DOCTYPE m [<!ENTITY e SYSTEM "file:///etc/passwd">]>' + PLAIN.replace(b"oneadmin", b"&e;"),
            PARSE_FAULT,
        ),
        (b'<!DOCTYPE m SYSTEM "http://127.0.0.1:1/m.dtd">' + PLAIN, PARSE_FAULT),
        (b'<!DOCTYPE m [<!ENTITY % p SYSTEM "http://127.0.0.1:1/"> %p;]>' + PLAIN, PARSE_FAULT),
        (
            b'<!DOCTYPE m [<!ENTITY a "' + b"a" * MIB + b'">]>' + PLAIN.replace(b"oneadmin", b"&a;" * 10_000),
            PARSE_FAULT,
        ),
        ((b'<?xml version="1.0" encoding="utf-16"?>' + _bomb(9)[21:]).decode().encode("utf-16"), PARSE_FAULT),
        (b'<?xml version="1.0" encoding="utf-7"?>' + PLAIN, PARSE_FAULT),
        (b"<a>" * 10_000, PARSE_FAULT),
        (START + b"<array><data><value>" * 10_000, LIMIT_FAULT),
        (START + b"<struct><member><name>a</name><value>" * 10_000, LIMIT_FAULT),
        (START + b"<array><data>" + b"<value/>" * 1_000_000, LIMIT_FAULT),
        (b"<methodCall " + b"".join(b'a%d="" ' % n for n in range(100_000)) + b">", PARSE_FAULT),
        (b"<methodCall " + b"a" * 5 * MIB, PARSE_FAULT),
        (b"<methodCall><methodName>" + b"a" * 5 * MIB + b"</methodName></methodCall>", -506),
        (b"<!--" + b"-" * 5 * MIB, PARSE_FAULT),
        (b"<?x " + b"y" * 5 * MIB, PARSE_FAULT),
        (b"\x1f\x8b\x08\x00" + b"\x00" * 1000, PARSE_FAULT),
        (b"\xef\xbb\xbf" * 3 + CALL, PARSE_FAULT),
        (CALL + CALL, PARSE_FAULT),
        (CALL + b"\x00", PARSE_FAULT),
        (b" " * 5 * MIB, PARSE_FAULT),
        (b"{" + b'"a":[' * 100_000, PARSE_FAULT),
    ],
)
def test_documents_that_grow(usual: Daemon, data: bytes, code: int) -> None:
    with unharmed(usual, memory=60 * MIB):
        status, answer = usual.post(data)
        assert judge(status, answer).code == code


def test_a_compressed_body_is_not_unpacked(usual: Daemon) -> None:
    head = b"Content-Encoding: gzip\r\nConnection: close\r\nContent-Length: 20\r\n\r\n"
    assert b"<i4>-503</i4>" in sent(usual, head, iter([b"\x1f\x8b" + b"\x00" * 18]))
