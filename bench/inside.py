"""What runs inside the container: sent to its Python on standard input, so one ``exec`` measures many times.

``loop RUNS PROGRAM [ARGUMENT...]``  milliseconds of each run, from the start of the process until it is reaped
``memory``                           KiB of each service (proportional set size) and of the control group
``restart SERVICE RUNS``             seconds: exec to the first answer of oned, and signal to the end of its process

Prints JSON. The standard library, and Supervisor's own client for ``restart``.
"""

import json
import os
import sys
import time
import xmlrpc.client
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

RUN = Path("/run/oneedge")
API = "http://127.0.0.1:2633/RPC2"
DEADLINE = 30.0


def loop(runs: str, *command: str) -> list[float]:
    """Run ``command`` so often; anything but exit code 0 ends the bench."""
    quiet = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
    times = []
    for _ in range(int(runs)):
        began = time.perf_counter()
        pid = os.posix_spawn(command[0], command, os.environ, file_actions=quiet)
        _, status = os.waitpid(pid, 0)
        times.append(1000 * (time.perf_counter() - began))
        if status:
            raise SystemExit(f"{' '.join(command)}: exit code {os.waitstatus_to_exitcode(status)}")
        time.sleep(0.01)
    return times


def _pss(pid: int) -> float:
    """Proportional set size in KiB: shared pages count in part, so that sums are true."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return next(float(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:"))


def _parents() -> dict[int, int]:
    found = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            pid, rest = int(path.parent.name), path.read_text().rpartition(")")[2]
        except OSError:
            continue
        found[pid] = int(rest.split()[1])
    return found


def _states() -> dict[str, int]:
    """The process id of each running service."""
    rows = {path.stem: json.loads(path.read_text()) for path in (RUN / "state").glob("*.json")}
    return {name: row["pid"] for name, row in rows.items() if row["phase"] == "started"}


def memory() -> dict[str, dict[str, float]]:
    """Each service with its children; process 1 is Supervisor."""
    names = {pid: name for name, pid in _states().items()} | {1: "Supervisor"}
    parents, services = _parents(), dict.fromkeys(names.values(), 0.0)
    for pid in parents:
        owner = pid
        while owner not in names and owner in parents:
            owner = parents[owner]
        if owner in names:
            services[names[owner]] += _pss(pid)
    return {"services": services, "group": {"used": _group() / 1024}}


def _group() -> float:
    """Bytes of the control group without page cache that the kernel may drop, as ``docker stats`` counts."""
    first = Path("/sys/fs/cgroup/memory")
    folder, name = (
        (first, "memory.usage_in_bytes") if first.is_dir() else (Path("/sys/fs/cgroup"), "memory.current")
    )
    stat = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
    return int((folder / name).read_text()) - int(stat.get("total_inactive_file", stat.get("inactive_file", 0)))


def _gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def _answers(session: str) -> bool:
    try:
        return bool(xmlrpc.client.ServerProxy(API).one.system.version(session)[0])  # type: ignore[index]
    except (OSError, xmlrpc.client.Error):
        return False


def restart(service: str, runs: str) -> dict[str, list[float]]:
    """Stop it and start it through Supervisor; its state says when the runner became the program."""
    session = Path("/var/lib/one/.one/one_auth").read_text().strip()
    control = _supervisor()
    found: dict[str, list[float]] = {"start": [], "stop": []}
    for _ in range(int(runs)):
        pid, began = _states()[service], time.monotonic()
        control.stopProcess(service, False)
        found["stop"].append(_until(partial(_gone, pid), 0.002) - began)
        _until(lambda: control.getProcessInfo(service)["statename"] in ("STOPPED", "EXITED"), 0.01)
        control.startProcess(service, False)
        answered = _until(lambda: _answers(session), 0.005)
        state = json.loads((RUN / f"state/{service}.json").read_text())
        found["start"].append(answered - state["clock"])
    return found


def _supervisor() -> Any:  # noqa: ANN401 - its methods are made as they are named
    from supervisor.xmlrpc import SupervisorTransport

    transport: Callable[..., xmlrpc.client.Transport] = SupervisorTransport
    link = transport(None, None, f"unix://{RUN}/supervisor.sock")
    return xmlrpc.client.ServerProxy("http://localhost", transport=link).supervisor


def _until(check: Callable[[], bool], pause: float) -> float:
    """The instant at which ``check()`` first held; the bench ends where it does not in time."""
    began = time.monotonic()
    while not check():
        if time.monotonic() - began > DEADLINE:
            raise SystemExit(f"not within {DEADLINE:g} s")
        time.sleep(pause)
    return time.monotonic()


JOBS = {"loop": loop, "memory": memory, "restart": restart}

if __name__ == "__main__":
    json.dump(JOBS[sys.argv[1]](*sys.argv[2:]), sys.stdout)  # type: ignore[operator]
