"""How long the health probe takes: a real Supervisor with 16 real services, the whole process measured.

    python bench/probe.py [runs [interpreter of the probe]]

Prints the figures and, as a yardstick from the same run, those of an interpreter that does nothing.
"""

import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(CHECKOUT))

from tests.integration.supervision.front import Front, entry, need  # noqa: E402  the checkout is on the path only now

FIRST_PORT = 39000
SERVER = str(CHECKOUT / "tests/integration/supervision/programs/server.py")


def services() -> dict[str, object]:
    """Twelve servers with a ready check each, three that only run, a one-shot."""
    table: dict[str, object] = {}
    for number in range(12):
        port = FIRST_PORT + number
        kind, address = ("listen", str(port)) if number % 2 else ("http", f"http://127.0.0.1:{port}/")
        server = entry(sys.executable, "-I", "-S", SERVER, str(port), ready=[need(kind, address)], priority=number)
        table[f"server-{number}"] = server
    table |= {f"plain-{number}": entry("sleep", "3600", priority=50 + number) for number in range(3)}
    return table | {"once": entry("true", kind="oneshot")}


def measure(what: str, command: list[str], environment: dict[str, str], runs: int, expected: bytes) -> None:
    """Run ``command`` again and again; print the time from fork to reaped, and the processor time of one run.

    The latter hardly depends on what else the machine does.
    """
    times, before = [], resource.getrusage(resource.RUSAGE_CHILDREN)
    for _ in range(runs):
        begin = time.perf_counter()
        done = subprocess.run(command, env=environment, capture_output=True, check=False)
        times.append(1000 * (time.perf_counter() - begin))
        assert done.stdout == expected, done
        time.sleep(0.01)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = 1000 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / runs
    times.sort()
    p99 = times[min(runs - 1, int(0.99 * runs))]
    print(
        f"{what}, {runs} runs: min {times[0]:.1f}  p50 {statistics.median(times):.1f}  p99 {p99:.1f}  "
        f"max {times[-1]:.1f} ms, {used:.1f} ms of processor time each"
    )


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    front = Front(Path(tempfile.mkdtemp(prefix="bench-")))
    try:
        began = time.perf_counter()
        front.start(services())
        took = front.ready(60)
        print(
            f"16 services from exec of Supervisor to healthy: {time.perf_counter() - began:.2f} s ({took:.2f} s seen)"
        )
        interpreter = [sys.argv[2] if len(sys.argv) > 2 else sys.executable, "-I", "-S"]
        probe = [*interpreter, str(CHECKOUT / "healthcheck/__main__.py")]
        measure("an interpreter that does nothing", [*interpreter, "-c", "pass"], front.environment, runs, b"")
        measure("the probe, 16 services", probe, front.environment, runs, b"ok\n")
        measure("the probe --live", [*probe, "--live"], front.environment, max(1, runs // 3), b"ok\n")
        began = time.perf_counter()
        code = front.stop()
        print(f"ordered stop of 15 processes: {1000 * (time.perf_counter() - began):.0f} ms, exit code {code}")
    finally:
        if front.process and front.process.poll() is None:
            front.process.kill()
        shutil.rmtree(front.root, ignore_errors=True)


if __name__ == "__main__":
    main()
