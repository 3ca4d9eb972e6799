"""Answers that come in pieces: whole, in flat memory, for clients of every kind, cut off rather than wrong."""

import http.client
import re
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from threading import Thread
from xmlrpc.client import dumps, loads

import pytest

from tests.integration.oned.conftest import end, new_daemon
from tests.integration.oned.daemon import PASSWORD, Daemon
from tests.integration.oned.mariadb import MariaDb

KIND = 77
COUNT = 320
SIZE = 40_000
TEXT = f"<&>\r\n'\"é{'a' * 192}" * (SIZE // 200)
CALL = dumps((f"oneadmin:{PASSWORD}", -2, -1, -1, KIND), "one.documentpool.info").encode()
HEAD = f"Host: a\r\nContent-Length: {len(CALL)}\r\n\r\n".encode()


def fill(daemon: Daemon) -> Daemon:
    """With documents of 13 MB."""
    for number in range(COUNT):
        daemon.ok("one.document.allocate", f"<T><NAME>d{number}</NAME><BODY><![CDATA[{TEXT}]]></BODY></T>", KIND)
    return daemon


@pytest.fixture(scope="module")
def full(oned: Daemon) -> Daemon:
    return fill(oned)


def resident(daemon: Daemon) -> int:
    """What the server keeps in memory, KiB."""
    assert daemon.process is not None
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{daemon.process.pid}/status").read_text())
    assert found
    return int(found[1])


def pool(daemon: Daemon) -> str:
    return str(daemon.ok("one.documentpool.info", -2, -1, -1, KIND))


def complete(daemon: Daemon) -> bool:
    """Whether the pool comes whole."""
    status, body = daemon.post(CALL)
    return status == 200 and len(body) > COUNT * SIZE and body.endswith(b"</methodResponse>\r\n")


def test_a_long_answer_is_whole(full: Daemon) -> None:
    text = pool(full)
    names = re.findall(r"<NAME>d(\d+)</NAME>", text)
    assert names == [str(number) for number in range(COUNT)]
    assert text.startswith("<DOCUMENT_POOL><DOCUMENT>")
    assert text.endswith("</DOCUMENT></DOCUMENT_POOL>")
    first = re.search(r"<ID>(\d+)</ID>", text)
    assert first
    assert str(full.ok("one.document.info", int(first[1]))) in text


def test_it_comes_in_pieces_and_the_connection_lives_on(full: Daemon) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", full.port, timeout=30)
    for _ in range(2):
        connection.request("POST", "/RPC2", CALL, {"Content-Type": "text/xml"})
        response = connection.getresponse()
        assert (response.status, response.getheader("Transfer-Encoding")) == (200, "chunked")
        assert response.getheader("Content-Length") is None
        answer = loads(response.read())[0][0]
        assert answer[0] is True  # type: ignore[index]  # loads knows no shape
    connection.close()


def test_a_client_of_http_1_0(full: Daemon) -> None:
    with socket.create_connection(("127.0.0.1", full.port), 30) as link:
        link.sendall(b"POST /RPC2 HTTP/1.0\r\n" + HEAD + CALL)
        data = b"".join(iter(lambda: link.recv(2**20), b""))
    head, _, body = data.partition(b"\r\n\r\n")
    assert b"chunked" not in head
    assert str(loads(body)[0][0][1]).endswith("</DOCUMENT_POOL>")  # type: ignore[index]


def test_memory_stays_flat(full: Daemon) -> None:
    for _ in range(3):
        assert complete(full)
    before = resident(full)

    def again() -> None:
        for _ in range(3):
            complete(full)

    readers = [Thread(target=again) for _ in range(4)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    assert resident(full) - before < 48 * 1024


def test_clients_that_do_not_read_hold_up_nobody(full: Daemon) -> None:
    before = resident(full)
    with ExitStack() as stack:
        for _ in range(12):
            link = stack.enter_context(socket.socket())
            link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            link.connect(("127.0.0.1", full.port))
            link.sendall(b"POST /RPC2 HTTP/1.1\r\n" + HEAD + CALL)
        assert complete(full)
        assert resident(full) - before < 96 * 1024
    assert complete(full)


@pytest.fixture
def other(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Daemon]:
    """One on MariaDB, whatever the others are on."""
    daemon = new_daemon(tmp_path, "mysql", request)
    daemon.start()
    yield fill(daemon)
    end(daemon)


def test_a_database_that_goes_away_cuts_the_answer_off(other: Daemon, mariadb: MariaDb) -> None:
    with socket.create_connection(("127.0.0.1", other.port), 30) as link:
        link.sendall(b"POST /RPC2 HTTP/1.1\r\n" + HEAD + CALL)
        data = link.recv(4096)
        assert b"200 OK" in data
        mariadb.stop()
        try:
            data += b"".join(iter(lambda: link.recv(2**20), b""))
        finally:
            mariadb.start()
    assert not data.endswith(b"0\r\n\r\n")
    assert b"</methodResponse>" not in data
    assert complete(other)
