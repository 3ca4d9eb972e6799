"""How fast oned starts, stops and answers, beside the figures of the incumbent.

Run: ``python -m bench.oned`` (about 50 s, from the top of the repository). One process per client, raw HTTP with a
prebuilt body, clients on the same machine; MariaDB commits durably (innodb_flush_log_at_trx_commit=1), SQLite with
synchronous=FULL. The yardstick of a run is a bare loop of fsync: what the disk gives to one writer.
"""

import argparse
import multiprocessing
import os
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from xmlrpc.client import dumps

from tests.integration.oned.daemon import PASSWORD, Daemon
from tests.integration.oned.mariadb import MariaDb, free_port

CLIENTS = 8
INCUMBENT = {
    "start": 4.16,
    "stop": 6.01,
    "system.version": 1170.0,
    "document.info": 1130.0,
    "document.allocate": 610.0,
}
BODY = '{"name": "service", "roles": [' + ", ".join(f'{{"name": "role{n}"}}' for n in range(20)) + "]}"


def request(name: str, *params: str | int, keep: bool) -> bytes:
    """The bytes of one call."""
    body = dumps((f"oneadmin:{PASSWORD}", *params), name).encode()
    connection = "keep-alive" if keep else "close"
    head = f"POST /RPC2 HTTP/1.1\r\nHost: a\r\nConnection: {connection}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def exchange(link: socket.socket, data: bytes) -> bytes:
    """Send one call and read its whole answer."""
    link.sendall(data)
    answer = link.recv(65536)
    end = answer.index(b"\r\n\r\n") + 4
    head = answer[:end].lower()
    start = head.index(b"content-length:") + 15
    length = int(head[start : head.index(b"\r", start)])
    while len(answer) < end + length:
        answer += link.recv(65536)
    return answer


def client(
    port: int, data: bytes, keep: bool, seconds: float, results: "multiprocessing.Queue[list[float]]"
) -> None:
    """Call for ``seconds``; puts the time of each call."""
    times: list[float] = []
    end = time.perf_counter() + seconds
    link: socket.socket | None = None
    while (begin := time.perf_counter()) < end:
        if link is None:
            link = socket.create_connection(("127.0.0.1", port))
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        answer = exchange(link, data)
        if b"<boolean>1</boolean>" not in answer[:600]:
            raise SystemExit(answer.decode(errors="replace"))
        if not keep:
            link.close()
            link = None
        times.append(time.perf_counter() - begin)
    results.put(times)


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def load(
    daemon: Daemon, name: str, params: tuple[str | int, ...], *, keep: bool, clients: int, seconds: float
) -> str:
    """One cell of the table."""
    results: multiprocessing.Queue[list[float]] = multiprocessing.Queue()
    data = request(f"one.{name}", *params, keep=keep)
    workers = [
        multiprocessing.Process(target=client, args=(daemon.port, data, keep, seconds, results))
        for _ in range(clients)
    ]
    assert daemon.process is not None
    before = cpu_seconds(daemon.process.pid)
    for worker in workers:
        worker.start()
    times = sorted(sample for _ in workers for sample in results.get())
    for worker in workers:
        worker.join()
    rate = len(times) / seconds
    cpu = (cpu_seconds(daemon.process.pid) - before) / len(times)
    quantiles = statistics.quantiles(times, n=100)
    ratio = f"{rate / INCUMBENT[name]:5.2f}x" if clients == CLIENTS else "      "
    kept = "kept" if keep else "new "
    return (
        f"{name:18} {clients} clients {kept} {rate:8.0f}/s {ratio}  "
        f"p50 {quantiles[49] * 1000:6.2f} ms  p99 {quantiles[98] * 1000:6.2f} ms  "
        f"server {cpu * 1e6:4.0f} us CPU a call"
    )


def fsyncs_per_second(folder: Path, seconds: float = 1.0) -> float:
    """The yardstick: 4 KiB appends, each flushed, by one writer."""
    with (folder / "yardstick").open("wb", buffering=0) as stream:
        count = 0
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            stream.write(bytes(4096))
            os.fdatasync(stream.fileno())
            count += 1
    return count / seconds


def start_and_stop(daemon: Daemon, rounds: int = 3) -> str:
    """Exec to first good answer, SIGTERM to exit, on a database that exists."""
    daemon.start()
    daemon.stop()
    starts, stops = [], []
    for _ in range(rounds):
        starts.append(daemon.start())
        stops.append(daemon.stop()[1])
    start, stop = statistics.median(starts), statistics.median(stops)
    return (
        f"start {start:.2f} s ({INCUMBENT['start'] / start:.1f}x faster)  "
        f"stop {stop:.2f} s ({INCUMBENT['stop'] / stop:.1f}x faster)"
    )


@contextmanager
def mysql(folder: Path) -> Iterator[Daemon]:
    """A daemon on a MariaDB of its own."""
    server = MariaDb(folder, free_port())
    server.install()
    server.start()
    server.create("bench")
    db = (
        f'BACKEND = "mysql", SERVER = "127.0.0.1", PORT = {server.port}, USER = "oneadmin", '
        f'PASSWD = "db-secret-word", DB_NAME = "bench"'
    )
    try:
        yield Daemon(folder / "one", db)
    finally:
        server.stop()


@contextmanager
def sqlite(folder: Path) -> Iterator[Daemon]:
    """A daemon on SQLite."""
    yield Daemon(folder / "one")


def measure(daemon: Daemon, seconds: float) -> None:
    """Print the cells of one backend."""
    sys.stdout.write(f"  {start_and_stop(daemon)}\n")
    daemon.start()
    template = f"<TEMPLATE><BODY><![CDATA[{BODY}]]></BODY></TEMPLATE>"
    oid = daemon.ok("one.document.allocate", template, 100)
    cells: tuple[tuple[str, tuple[str | int, ...]], ...] = (
        ("system.version", ()),
        ("document.info", (oid,)),
        ("document.allocate", (template, 100)),
    )
    for method, params in cells:
        for keep in (False, True):
            line = load(daemon, method, params, keep=keep, clients=CLIENTS, seconds=seconds)
            sys.stdout.write(f"  {line}\n")
            sys.stdout.flush()


def run(make: Callable[[Path], "contextmanager[Daemon]"], seconds: float) -> None:  # type: ignore[valid-type]
    """All figures of one backend."""
    with tempfile.TemporaryDirectory() as name, make(Path(name)) as daemon:  # type: ignore[attr-defined]
        try:
            measure(daemon, seconds)
        finally:
            if daemon.process is not None:
                daemon.stop()


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=3.0, help="length of one cell")
    parser.add_argument("--only", choices=("mysql", "sqlite"))
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        sys.stdout.write(f"yardstick: {fsyncs_per_second(Path(name)):.0f} fdatasync/s by one writer\n")
    for label, make in (("mysql", mysql), ("sqlite", sqlite)):
        if arguments.only in {None, label}:
            sys.stdout.write(f"{label}\n")
            run(make, arguments.seconds)


if __name__ == "__main__":
    main()
