"""What may arrive on the port, and many at once."""

import itertools
import os
import re
import signal
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from pathlib import Path
from xml.parsers.expat import ExpatError
from xmlrpc.client import Binary, Fault, dumps, loads

import pytest

from tests.integration.oned.daemon import PASSWORD, Daemon

SESSION = f"oneadmin:{PASSWORD}"
_numbers = itertools.count()


def resident(daemon: Daemon) -> int:
    """Memory of the process, in bytes."""
    assert daemon.process is not None
    status = Path(f"/proc/{daemon.process.pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert found
    return int(found.group(1)) * 1024


def raw(daemon: Daemon, data: bytes, wait: float = 10) -> bytes:
    with socket.create_connection(("127.0.0.1", daemon.port), timeout=wait) as link:
        link.sendall(data)
        return read_answer(link)


def read_answer(link: socket.socket) -> bytes:
    """One HTTP answer with its body."""
    answer = link.recv(65536)
    while b"\r\n\r\n" not in answer:
        answer += link.recv(65536)
    head, _, body = answer.partition(b"\r\n\r\n")
    found = re.search(rb"content-length: (\d+)", head)
    while found and len(body) < int(found.group(1)):
        body += link.recv(65536)
    return head + b"\r\n\r\n" + body


def test_paths_and_methods(oned: Daemon) -> None:
    body = dumps((SESSION,), "one.system.version").encode()
    assert oned.post(body)[0] == 200
    assert oned.post(body, "/RPC2?x=1")[0] == 200
    assert oned.post(body, "/")[0] == 404
    assert oned.post(b"", method="GET")[0] == 405


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", -503),
        (b"\x00\x01\x02", -503),
        (os.urandom(3000), -503),
        (b"<methodCall>", -503),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><methodCall/>', -503),
        (dumps((SESSION,), "one.nothing.at").encode(), -506),
        (dumps((), "one.system.version").encode(), -501),
        (dumps((5,), "one.system.version").encode(), -501),
        (dumps((SESSION,), "one.document.info").encode(), -501),
        (dumps((SESSION, "1"), "one.document.info").encode(), -501),
        (dumps((SESSION, True), "one.document.info").encode(), -501),
        (dumps((SESSION, 1.0), "one.document.info").encode(), -501),
        (dumps((SESSION, Binary(b"x"), 100), "one.document.allocate").encode(), -501),
        (dumps((SESSION, {"A": "1"}, 100), "one.document.allocate").encode(), -501),
        (dumps((SESSION, "A", "b", "core", 1), "one.user.allocate").encode(), -501),
    ],
)
def test_calls_that_are_wrong_in_themselves(oned: Daemon, body: bytes, code: int) -> None:
    status, answer = oned.post(body)
    assert status == 200
    with pytest.raises(Fault) as caught:
        loads(answer)
    assert caught.value.faultCode == code
    assert oned.ok("one.system.version")


def test_authentication_comes_before_parameters(oned: Daemon) -> None:
    answer = oned.call("one.document.info", "x", session="oneadmin:wrong")
    assert answer[2] == 0x100


def test_methods_of_upstream_that_are_not_here(oned: Daemon) -> None:
    text = oned.fails(0x2000, "one.zone.voterequest", 1, 2, 3, 4)
    assert text == "[one.zone.voterequest] This method is not available in this version of the server."
    oned.fails(0x100, "one.zone.voterequest", 1, 2, 3, 4, session="oneadmin:wrong")


def test_surplus_parameters_are_ignored(oned: Daemon) -> None:
    assert oned.ok("one.system.version", 1, "x") == "6.0.0.3"


def test_keep_alive(oned: Daemon) -> None:
    body = dumps((SESSION,), "one.system.version").encode()
    head = f"POST /RPC2 HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    with socket.create_connection(("127.0.0.1", oned.port), timeout=10) as link:
        for _ in range(50):
            link.sendall(head + body)
            assert b"6.0.0.3" in read_answer(link)


def test_body_in_small_pieces(oned: Daemon) -> None:
    body = dumps((SESSION,), "one.system.version").encode()
    with socket.create_connection(("127.0.0.1", oned.port), timeout=10) as link:
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        link.sendall(f"POST /RPC2 HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n\r\n".encode())
        for start in range(0, len(body), 20):
            link.sendall(body[start : start + 20])
            time.sleep(0.001)
        assert b"6.0.0.3" in read_answer(link)


def test_chunked_body(oned: Daemon) -> None:
    body = dumps((SESSION,), "one.system.version").encode()
    data = b"POST /RPC2 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    data += f"{len(body):x}\r\n".encode() + body + b"\r\n0\r\n\r\n"
    assert b"6.0.0.3" in raw(oned, data)


def test_not_http(oned: Daemon) -> None:
    assert raw(oned, b"\x16\x03\x01 nonsense\r\n\r\n").startswith(b"HTTP/1.1 400")
    assert oned.ok("one.system.version")


def test_large_document(oned: Daemon) -> None:
    text = "x" * (3 * 2**20)
    oid = oned.ok("one.document.allocate", f"BODY = {text}", 100)
    assert text in str(oned.ok("one.document.info", oid))
    oned.ok("one.document.delete", oid)


def test_document_above_the_column(oned: Daemon) -> None:
    text = oned.fails(0x2000, "one.document.allocate", f"BODY = {'x' * 2**24}", 100)
    assert text == "[one.document.allocate] The document is larger than the 16 MiB the database takes."


def test_bodies_above_the_limit(tmp_path: Path) -> None:
    daemon = Daemon(tmp_path, extra="MESSAGE_SIZE = 100000")
    daemon.start()
    before = resident(daemon)
    endless = b"<methodCall><methodName>m</methodName><params><param><value>" + b"x" * 200_000
    for _ in range(20):
        assert raw(
            daemon, b"POST /RPC2 HTTP/1.1\r\nHost: a\r\nContent-Length: 900000000\r\n\r\n" + endless
        ).startswith(b"HTTP/1.1 413")
    assert resident(daemon) - before < 30 * 2**20
    assert daemon.ok("one.system.version")
    daemon.stop()


def test_slow_senders(tmp_path: Path) -> None:
    daemon = Daemon(tmp_path, extra="TIMEOUT = 1")
    daemon.start()
    data = b"POST /RPC2 HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n<methodCall>"
    assert raw(daemon, data).startswith(b"HTTP/1.1 408")
    daemon.stop()


def test_memory_is_bounded_by_what_is_asked(tmp_path: Path) -> None:
    daemon = Daemon(tmp_path)
    daemon.start()
    bomb = b"<methodCall><methodName>m</methodName><params><param><value><array><data>" + b"<value/>" * 4_000_000
    daemon.post(bomb)
    many = "<TEMPLATE>" + "<A/>" * 5_000_000 + "</TEMPLATE>"
    assert daemon.fails(0x2000, "one.document.allocate", many, 100).endswith("XML Template malformed.")
    assert resident(daemon) < 500 * 2**20
    daemon.stop()


def test_one_name_many_at_once(oned: Daemon) -> None:
    """Exactly one of many simultaneous creations of one user wins."""
    name = f"only{next(_numbers)}"
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: oned.call("one.user.allocate", name, "word", "core"), range(32)))
    won = [answer for answer in answers if answer[0]]
    assert len(won) == 1
    assert {answer[1] for answer in answers if not answer[0]} == {
        f"[one.user.allocate] NAME is already taken by USER {won[0][1]}."
    }
    assert str(oned.ok("one.userpool.info")).count(f"<NAME>{name}</NAME>") == 1


def test_many_at_once(oned: Daemon) -> None:
    """Ids are unique, and what was created and changed at once is all there."""
    with ThreadPoolExecutor(16) as pool:
        made = list(pool.map(lambda n: oned.ok("one.document.allocate", f"N = {n}", 777), range(200)))
        list(pool.map(lambda oid: oned.ok("one.document.update", oid, "DONE = yes", 1), made))
    assert len(set(made)) == 200
    listed = str(oned.ok("one.documentpool.info", -2, -1, -1, 777))
    assert listed.count("<DONE><![CDATA[yes]]></DONE>") == 200


def test_changes_of_one_object_are_not_lost(oned: Daemon) -> None:
    oid = oned.ok("one.document.allocate", "", 100)
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda n: oned.ok("one.document.update", oid, f"A{n} = {n}", 1), range(100)))
    info = str(oned.ok("one.document.info", oid))
    assert all(f"<A{n}>" in info for n in range(100))


def test_kill_loses_nothing_that_was_answered(fresh: Daemon) -> None:
    """Kill the server in the middle of writes; what it said it had created is there, and ids go on."""
    fresh.start()
    answered: list[int] = []
    stop = threading.Event()

    def work(number: int) -> None:
        while not stop.is_set():
            try:
                answered.append(int(fresh.ok("one.document.allocate", f"N = {number}", 100)))
            except (OSError, HTTPException, ExpatError):
                return

    workers = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for worker in workers:
        worker.start()
    for _ in range(200):
        if len(answered) > 150:
            break
        time.sleep(0.05)
    fresh.stop(signal.SIGKILL)
    stop.set()
    for worker in workers:
        worker.join()
    assert len(answered) > 150
    assert len(set(answered)) == len(answered)
    fresh.start()
    listed = {int(found) for found in re.findall(r"<DOCUMENT><ID>(\d+)<", str(pool_of(fresh)))}
    assert set(answered) <= listed
    assert int(fresh.ok("one.document.allocate", "", 100)) > max(listed)


def pool_of(daemon: Daemon) -> str | int:
    return daemon.ok("one.documentpool.info", -2, -1, -1, 100)
