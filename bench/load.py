"""Clients of the API as a bench needs them: raw HTTP with prebuilt bodies, one process each, on the same machine."""

import itertools
import multiprocessing
import os
import re
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from xmlrpc.client import dumps

from tests.integration.oned.daemon import PASSWORD, Daemon
from tests.integration.oned.mariadb import MariaDb, free_port

CLIENTS = 8
BUFFER_POOL = "64M"
"""What the front-end gives its MariaDB."""
NUMBER = "@@@@@@@@"
"""In a parameter, becomes a number that no other call has."""

Params = tuple[str | int | bool, ...]
_numbers = itertools.count()


@contextmanager
def mariadb(folder: Path) -> Iterator[Daemon]:
    """A daemon on a MariaDB of its own with durable commits (innodb_flush_log_at_trx_commit=1)."""
    server = MariaDb(folder, free_port(), pool=BUFFER_POOL)
    server.install()
    server.start()
    server.create("bench")
    db = (
        f'BACKEND = "mysql", SERVER = "127.0.0.1", PORT = {server.port}, USER = "oneadmin", '
        f'PASSWD = "db-secret-word", DB_NAME = "bench"'
    )
    daemon = Daemon(folder / "one", db)
    try:
        yield daemon
    finally:
        if daemon.process is not None:
            daemon.stop()
        server.stop()


@contextmanager
def sqlite(folder: Path) -> Iterator[Daemon]:
    """A daemon on SQLite with synchronous=FULL."""
    daemon = Daemon(folder / "one")
    try:
        yield daemon
    finally:
        if daemon.process is not None:
            daemon.stop()


def request(name: str, params: Params, *, keep: bool) -> bytes:
    """The bytes of one call."""
    body = dumps((f"oneadmin:{PASSWORD}", *params), f"one.{name}").encode()
    connection = "keep-alive" if keep else "close"
    head = f"POST /RPC2 HTTP/1.1\r\nHost: a\r\nConnection: {connection}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def exchange(link: socket.socket, data: bytes) -> bytes:
    """Send one call and read its whole answer, or of one in pieces the first bytes and the last ones."""
    link.sendall(data)
    answer = link.recv(65536)
    end = answer.index(b"\r\n\r\n") + 4
    head = answer[:end].lower()
    if b"transfer-encoding: chunked" in head:
        while len(answer) < end + 1024:
            answer += link.recv(65536)
        return answer[:1024] + _last(link, answer)
    start = head.index(b"content-length:") + 15
    length = int(head[start : head.index(b"\r", start)])
    while len(answer) < end + length:
        answer += link.recv(262144)
    return answer


def _last(link: socket.socket, tail: bytes) -> bytes:
    """Read until the empty piece that ends an answer."""
    while not tail.endswith(b"\r\n0\r\n\r\n"):
        data = link.recv(262144)
        if not data:
            raise ConnectionError("the answer was cut off")
        tail = tail[-16:] + data
    return tail


@dataclass(frozen=True)
class Load:
    """What clients do: ``count`` calls, or calls for ``seconds``, each with a connection of its own unless ``keep``.

    With ``rate`` a client begins a call every 1/rate seconds, late ones at once; times are then from when it was due.
    """

    name: str
    params: Params = ()
    seconds: float = 0.0
    count: int = 0
    clients: int = CLIENTS
    keep: bool = False
    rate: float = 0.0


@dataclass(frozen=True)
class Outcome:
    """The seconds that each call took, and that all took together."""

    times: Sequence[float]
    seconds: float

    @property
    def rate(self) -> float:
        """Calls a second."""
        return len(self.times) / self.seconds

    @property
    def milliseconds(self) -> list[float]:
        """For a table."""
        return [1000 * seconds for seconds in self.times]


def _client(port: int, load: Load, number: int, results: "multiprocessing.Queue[list[float]]") -> None:
    """Call as told; puts the time of each call, and none when an answer was not a good one."""
    times: list[float] = []
    try:
        _call(port, load, number, times)
    except BaseException:
        times.clear()
        raise
    finally:
        results.put(times)


def _call(port: int, load: Load, number: int, times: list[float]) -> None:
    """Call as told; adds the time of each call to ``times``."""
    data = request(load.name, load.params, keep=load.keep)
    mark = NUMBER.encode()
    begun = time.perf_counter()
    link: socket.socket | None = None
    for turn in itertools.count():
        due = begun + turn / load.rate if load.rate else time.perf_counter()
        if (load.count and turn >= load.count) or (load.seconds and due >= begun + load.seconds):
            break
        time.sleep(max(0.0, due - time.perf_counter()))
        if link is None:
            link = socket.create_connection(("127.0.0.1", port))
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        answer = exchange(link, data.replace(mark, b"%02d%06d" % (number % 100, turn)))
        if b"<boolean>1</boolean>" not in answer[:600]:
            raise SystemExit(answer.decode(errors="replace"))
        times.append(time.perf_counter() - due)
        if not load.keep:
            link.close()
            link = None
    if link is not None:
        link.close()


def put(daemon: Daemon, load: Load) -> Outcome:
    """Let the clients run. Raises :class:`RuntimeError` when one of them got an answer that is none."""
    return put_together(daemon, [load])[0]


def put_together(daemon: Daemon, loads: Sequence[Load]) -> list[Outcome]:
    """Let the clients of several loads run at the same time. Raises as :func:`put` does."""
    begun = time.perf_counter()
    running: list[tuple[Load, multiprocessing.Queue[list[float]], list[multiprocessing.Process]]] = [
        (load, multiprocessing.Queue(), []) for load in loads
    ]
    for load, results, workers in running:
        for _ in range(load.clients):
            given = (daemon.port, load, next(_numbers), results)
            workers.append(multiprocessing.Process(target=_client, args=given))
            workers[-1].start()
    return [_outcome(load, results, workers, begun) for load, results, workers in running]


def _outcome(
    load: Load,
    results: "multiprocessing.Queue[list[float]]",
    workers: Sequence[multiprocessing.Process],
    begun: float,
) -> Outcome:
    """Wait for the clients of a load."""
    times = [seconds for _ in workers for seconds in results.get(timeout=load.seconds + 300)]
    seconds = time.perf_counter() - begun
    for worker in workers:
        worker.join()
        if worker.exitcode:
            raise RuntimeError(f"a client of {load.name} ended with {worker.exitcode}")
    return Outcome(times, seconds)


def resident(daemon: Daemon) -> float:
    """What the server keeps in memory, MiB."""
    if daemon.process is None:
        raise RuntimeError("the server does not run")
    status = Path(f"/proc/{daemon.process.pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+)", status)
    return int(found[1]) / 1024 if found else 0.0


def flushes_per_second(folder: Path, seconds: float = 1.0) -> float:
    """The yardstick of durable writes: 4 KiB appends, each flushed, by one writer."""
    with (folder / "yardstick").open("wb", buffering=0) as stream:
        count = 0
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            stream.write(bytes(4096))
            os.fdatasync(stream.fileno())
            count += 1
    return count / seconds
