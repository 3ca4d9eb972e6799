"""Each kind of check against real sockets and files, and the time limit over all of them."""

import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from onelib import checks, services

EMPTY: dict[str, Any] = {"services": {}}
Serve = Callable[..., str]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Start a server that sends ``answer`` to each connection once it has read ``first``; its address."""
    ended: list[socket.socket] = []
    listeners: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def start(answer: bytes = b"", *, listen_on: str = "127.0.0.1", reads: bool = True, hold: bool = False) -> str:
        unix = listen_on.startswith("/")
        family = socket.AF_UNIX if unix else socket.AF_INET6 if ":" in listen_on else socket.AF_INET
        listener = socket.socket(family)
        listeners.append(listener)
        listener.bind(listen_on if unix else (listen_on, 0))
        listener.listen()

        def work() -> None:
            while True:
                try:
                    link, _ = listener.accept()
                except OSError:
                    return
                try:
                    if reads:
                        link.recv(65536)
                    link.sendall(answer)
                except OSError:
                    pass
                if hold:
                    ended.append(link)
                else:
                    link.close()

        thread = threading.Thread(target=work, daemon=True)
        threads.append(thread)
        thread.start()
        if unix:
            return listen_on
        host = f"[{listen_on}]" if ":" in listen_on else listen_on
        return f"{host}:{listener.getsockname()[1]}"

    yield start
    for listener in listeners:
        listener.shutdown(socket.SHUT_RDWR)  # ends accept
    for thread in threads:
        thread.join(5)
    for one in ended + listeners:
        one.close()


def met(
    kind: str, address: str, timeout: float = 2.0, run: str = "/nowhere", table: dict[str, Any] = EMPTY
) -> bool:
    need = {"kind": kind, "address": address, "label": "x"}
    return checks.unmet([need], run, table, timeout) == []


def closed_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", socket.gethostname()])
def test_tcp_accepts(serve: Serve, host: str) -> None:
    address = serve(listen_on="0.0.0.0")
    assert met("tcp", f"{host}:{address.rpartition(':')[2]}")


def test_tcp_over_ipv6_also_by_the_name_localhost(serve: Serve) -> None:
    address = serve(listen_on="::1")
    assert met("tcp", address)
    assert met("tcp", f"localhost:{address.rpartition(':')[2]}")


@pytest.mark.parametrize(
    "address",
    ["", "host", ":", "localhost:", "localhost:x", "localhost:0", "localhost:65536", "localhost:-1", "a:²"],
)
def test_no_address_is_not_met(address: str) -> None:
    assert not met("tcp", address)


def test_tcp_refused_and_unknown_name(tmp_path: Path) -> None:
    assert not met("tcp", f"127.0.0.1:{closed_port()}")
    assert not met("tcp", "no-such-host.invalid:80", timeout=5)
    assert not met("tcp", f"{'a' * 300}.invalid:80", timeout=5)


@contextlib.contextmanager
def listening(host: str) -> Iterator[int]:
    """A listener whose accept queue shows whether anybody came; its port."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as listener:
        listener.bind((host, 0))
        listener.listen()
        listener.setblocking(False)
        yield listener.getsockname()[1]
        with pytest.raises(BlockingIOError):
            listener.accept()


@pytest.mark.parametrize(
    ("host", "hits", "misses"),
    [
        ("127.0.0.1", ["", "127.0.0.1:", "localhost:"], ["127.0.0.2:", "[::1]:", "0.0.0.0:", "no-such-host:"]),
        ("0.0.0.0", ["", "127.0.0.1:", "127.0.0.2:", "localhost:", "0.0.0.0:"], ["[::1]:"]),
        ("::1", ["", "[::1]:", "localhost:"], ["127.0.0.1:", "[::2]:", "[::]:"]),
        ("::", ["", "[::1]:", "127.0.0.1:", "localhost:"], ["256.0.0.1:", "[:::]:", "\0:"]),
        ("::ffff:127.0.0.1", ["", "127.0.0.1:"], ["127.0.0.2:", "[::1]:"]),
    ],
)
def test_listen_sees_the_listener_and_leaves_it_alone(host: str, hits: list[str], misses: list[str]) -> None:
    with listening(host) as port:
        assert [one for one in hits if not met("listen", f"{one}{port}")] == []
        assert [one for one in misses if met("listen", f"{one}{port}")] == []


def test_listen_without_a_listener() -> None:
    port = closed_port()
    assert not met("listen", str(port))
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        assert not met("listen", str(bound.getsockname()[1])), "bound is not listening"
    for address in ("", ":", "x", "0", "65536", "-1", "²", "9" * 5000):
        assert not met("listen", address)


def test_listen_ends_with_its_listener_also_while_its_connections_live() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)), listener.accept()[0]:
            assert met("listen", str(port))
            listener.close()
            assert not met("listen", str(port))


def test_listen_finds_all_of_many_with_one_read_of_each_table(tmp_path: Path) -> None:
    code = f"""
import sys, collections
opened = collections.Counter()
sys.addaudithook(lambda event, args: opened.update([str(args[0])]) if event == "open" else None)
sys.path.append({str(Path(checks.__file__).parents[1])!r})
from onelib import checks
needs = [{{"kind": "listen", "address": port, "label": port}} for port in sys.argv[1:]]
print(len(checks.unmet(needs, "/nowhere", {{"services": {{}}}})), opened["/proc/net/tcp"], opened["/proc/net/tcp6"])
"""
    with contextlib.ExitStack() as stack:
        ports = [
            str(stack.enter_context(listening("127.0.0.1"))) for _ in range(120)
        ]  # more than a page of the table
        done = subprocess.run(
            [sys.executable, "-I", "-c", code, *ports], capture_output=True, text=True, check=True
        )
    assert done.stdout == "0 1 1\n"


def test_unix(serve: Serve, tmp_path: Path) -> None:
    assert met("unix", serve(listen_on=str(tmp_path / "socket")))
    (tmp_path / "file").touch()
    assert not met("unix", str(tmp_path / "file"))
    assert not met("unix", str(tmp_path / "none"))
    assert not met("unix", "/" + "x" * 200)


def test_banner_needs_a_word_from_the_server(serve: Serve) -> None:
    assert met("banner", serve(b"SSH-2.0-x\r\n", reads=False))
    assert not met("banner", serve(reads=False))
    assert not met("banner", serve(reads=False, hold=True), timeout=0.2)


def test_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    assert not met("file", str(path))
    path.touch()
    assert not met("file", str(path))
    path.write_text("x")
    assert met("file", str(path))
    assert met("file", str(tmp_path))
    assert not met("file", "/a\0b")


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (b"HTTP/1.0 200 OK\r\n\r\n", True),
        (b"HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n", True),
        (b"HTTP/1.1 404 Not Found\r\n", True),
        (b"HTTP/1.1 500 Oops\r\n\r\n", False),
        (b"HTTP/1.1 503\r\n", False),
        (b"HTTP/1.1", False),
        (b"HTTP/1.1 abc\r\n", False),
        (b"SSH-2.0-OpenSSH\r\n", False),
        (b"x" * (checks.LONGEST_ANSWER + 10), False),
        (b"", False),
    ],
)
def test_http_by_status(serve: Serve, answer: bytes, expected: bool) -> None:
    assert met("http", f"http://{serve(answer)}/path?x=1") is expected


def test_http_answer_in_pieces_without_an_end(serve: Serve) -> None:
    assert met("http", f"http://{serve(b'HTTP/1.1 200 OK' + chr(10).encode(), hold=True)}/")
    assert not met("http", f"http://{serve(b'HTTP/1.1 200', hold=True)}/", timeout=0.2)
    assert not met("http", "https://127.0.0.1/")


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n<?xml?><methodResponse><params/></methodResponse>", True),
        (b"HTTP/1.1 200 OK\r\n\r\n<methodResponse><i4>256</i4></methodResponse>", True),  # who are you?
        (b"HTTP/1.1 200 OK\r\n\r\n<methodResponse><i4>8192</i4></methodResponse>", False),  # no database
        (b"HTTP/1.1 200 OK\r\n\r\n<?xml?><methodResponse><params/>", False),
        (b"HTTP/1.1 200 OK\r\n\r\n<html/>", False),
        (b"HTTP/1.1 404 No\r\n\r\n<methodResponse></methodResponse>", False),
    ],
)
def test_xmlrpc_needs_a_whole_method_response(serve: Serve, answer: bytes, expected: bool) -> None:
    assert met("xmlrpc", f"http://{serve(answer)}/RPC2") is expected


def test_unknown_kind_and_empty_need_are_never_met() -> None:
    assert not met("ftp", "127.0.0.1:1")
    assert checks.unmet([{}], "/nowhere", EMPTY) == [{}]


def test_all_at_once_within_one_time_limit_and_in_their_order(serve: Serve, tmp_path: Path) -> None:
    silent, there = serve(hold=True), serve(b"HTTP/1.0 200 OK\r\n\r\n")
    needs = [
        {"kind": "http", "address": f"http://{silent if index % 2 else there}/", "label": str(index)}
        for index in range(40)
    ]
    assert checks.unmet(needs[:1], str(tmp_path), EMPTY, 1) == []  # the servers' threads are up
    before = len(list(Path("/proc/self/fd").iterdir()))
    began = time.monotonic()
    missing = checks.unmet(needs, str(tmp_path), EMPTY, 0.4)
    assert 0.35 < time.monotonic() - began < 1
    assert [need["label"] for need in missing] == [str(index) for index in range(1, 40, 2)]
    held_by_the_server = 20
    assert len(list(Path("/proc/self/fd").iterdir())) <= before + held_by_the_server, "sockets were left open"


def test_no_needs_are_met_without_waiting() -> None:
    assert checks.unmet([], "/nowhere", EMPTY) == []


class TestService:
    """A need for another service."""

    @pytest.fixture
    def table(self) -> dict[str, Any]:
        return {"services": {"once": {"kind": "oneshot"}, "server": {"kind": "service", "ready": []}}}

    def test_one_shot_must_be_done(self, tmp_path: Path, table: dict[str, Any]) -> None:
        assert not met("service", "once", run=str(tmp_path), table=table)
        services.write_state(str(tmp_path), "once", services.STARTED, pid=os.getpid())
        assert not met("service", "once", run=str(tmp_path), table=table)
        services.write_state(str(tmp_path), "once", services.DONE)
        assert met("service", "once", run=str(tmp_path), table=table)

    def test_server_must_run(self, tmp_path: Path, table: dict[str, Any]) -> None:
        for phase in services.PHASES - {services.STARTED}:
            services.write_state(str(tmp_path), "server", phase, pid=os.getpid())
            assert not met("service", "server", run=str(tmp_path), table=table)
        services.write_state(str(tmp_path), "server", services.STARTED, pid=os.getpid())
        assert met("service", "server", run=str(tmp_path), table=table)
        services.write_state(str(tmp_path), "server", services.STARTED, pid=2**22 + 1)
        assert not met("service", "server", run=str(tmp_path), table=table)
        services.write_state(str(tmp_path), "server", services.STARTED, pid=0)
        assert not met("service", "server", run=str(tmp_path), table=table)

    def test_server_s_own_ready_checks_count(self, tmp_path: Path, table: dict[str, Any]) -> None:
        services.write_state(str(tmp_path), "server", services.STARTED, pid=os.getpid())
        path = tmp_path / "sign"
        table["services"]["server"]["ready"] = [{"kind": "file", "address": str(path), "label": "sign"}]
        assert not met("service", "server", run=str(tmp_path), table=table)
        path.write_text("x")
        assert met("service", "server", run=str(tmp_path), table=table)

    def test_a_circle_ends(self, tmp_path: Path, table: dict[str, Any]) -> None:
        services.write_state(str(tmp_path), "server", services.STARTED, pid=os.getpid())
        table["services"]["server"]["ready"] = [{"kind": "service", "address": "server", "label": "itself"}]
        assert met("service", "server", run=str(tmp_path), table=table)

    def test_unknown_service_and_broken_state(self, tmp_path: Path, table: dict[str, Any]) -> None:
        assert not met("service", "nothing", run=str(tmp_path), table=table)
        (tmp_path / "state").mkdir()
        (tmp_path / "state/once.json").write_text("{")
        assert not met("service", "once", run=str(tmp_path), table=table)
