"""The service table of this boot and the phase of each service: ``<root>/run/oneedge``.

The bootstrap writes the table, the runner and the supervision write phases, the probe reads both. Standard library
only and quick to import, because sixteen runners start at once and the probe has 50 ms in all; so no pathlib, no
dataclasses, no json and no typing at run time.

Files are read without trust: bounded, never blocking on what is not a file, and checked before use.
"""

# ruff: noqa: PTH103, PTH105, PTH108, PTH120
# pathlib takes 14 ms to import.

from __future__ import annotations

import os
import time

from onelib.quickjson import loads, quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

WAITING, PREPARING, UPGRADING = "waiting", "preparing", "upgrading"
STARTED, DONE, FAILED = "started", "done", "failed"
PHASES = frozenset((WAITING, PREPARING, UPGRADING, STARTED, DONE, FAILED))

PERMANENT = 78
"""Exit code of a failure that no restart mends (``EX_CONFIG`` of sysexits.h): Supervisor leaves the service down."""

_LARGEST = {"table": 1 << 20, "state": 1 << 14}


def run_folder() -> str:
    """``run/oneedge`` under the root that ``ONEEDGE_ROOT`` names (``onelib.locations`` says the same, slower)."""
    return (os.environ.get("ONEEDGE_ROOT") or "/").rstrip("/") + "/run/oneedge"


def read_table(run: str) -> dict[str, Any]:
    """The service table below ``run``.

    Raises ``OSError`` when it cannot be read, ``ValueError`` when it is not a service table.
    """
    table = _read(f"{run}/services.json", _LARGEST["table"])
    services = table.get("services")
    if not isinstance(services, dict) or not all(isinstance(one, dict) for one in services.values()):
        raise ValueError("it has no services")
    return table


def wanted(name: str, table: dict[str, Any]) -> bool:
    """Whether the front-end runs service ``name`` by itself; in maintenance it runs ``infinite-loop`` alone."""
    if table.get("maintenance"):
        return name == "infinite-loop"
    return bool(table["services"][name].get("autostart", True))


def in_order(table: dict[str, Any]) -> list[str]:
    """The names of all services in their order of start."""
    services = table["services"]
    return sorted(services, key=lambda name: (services[name].get("priority", 999), name))


def state_path(run: str, name: str) -> str:
    """Where the phase of service ``name`` is kept."""
    return f"{run}/state/{name}.json"


def read_state(run: str, name: str) -> dict[str, Any] | None:
    """The phase of service ``name``, or None when nothing is written yet.

    ``phase`` is one of :data:`PHASES`, ``detail`` a string, ``pid`` an integer, ``since`` the epoch and ``clock``
    the monotonic clock at which this phase or detail began, ``starts`` how often the service was started in this boot.
    Raises ``ValueError`` when the file is not such a state, ``OSError`` when it cannot be read.
    """
    try:
        state = _read(state_path(run, name), _LARGEST["state"])
    except FileNotFoundError:
        return None
    phase, detail, pid = state.get("phase"), state.setdefault("detail", ""), state.setdefault("pid", 0)
    numbers = [state.setdefault(key, 0) for key in ("since", "clock", "starts")]
    known = isinstance(phase, str) and phase in PHASES and isinstance(detail, str) and type(pid) is int
    if not known or not all(type(number) in (int, float) and abs(number) < 1e15 for number in numbers):
        raise ValueError("it is not the state of a service")
    return state


def write_state(run: str, name: str, phase: str, detail: str = "", *, pid: int = 0, starts: int = 0) -> None:
    """Say that service ``name`` is in ``phase``, at once and whole. Raises ``OSError``."""
    path = state_path(run, name)
    data = (
        f'{{"phase": {quote(phase)}, "detail": {quote(detail[:1000])}, "since": {time.time()!r}, "pid": {pid:d}, '
        f'"clock": {time.monotonic()!r}, "starts": {starts:d}}}'
    ).encode()
    os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
    temporary = f"{path}.{os.getpid()}"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
    try:
        os.fchmod(descriptor, 0o644)  # whatever the umask is: the state is for everyone to read
        while data:  # a full file system takes a part first, and then raises
            data = data[os.write(descriptor, data) :]
        os.replace(temporary, path)
    except OSError:
        os.unlink(temporary)
        raise
    finally:
        os.close(descriptor)


def obstacle(run: str, name: str, table: dict[str, Any]) -> tuple[str, str] | None:
    """What keeps service ``name`` from ever being there: the service that failed, and why; None when none has.

    That is the service itself, or one that it waits for, directly or through others that wait too.
    """
    names, seen = [name], {name}
    for one in names:
        try:
            state = read_state(run, one)
        except (OSError, ValueError):
            continue
        if state and state["phase"] == FAILED:
            return one, state["detail"]
        if state and state["phase"] == WAITING:
            needs = table["services"].get(one, {}).get("needs", ())
            further = [
                need["address"] for need in needs if need["kind"] == "service" and need["address"] not in seen
            ]
            names += further
            seen.update(further)
    return None


def _read(path: str, largest: int) -> dict[str, Any]:
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        data = os.read(descriptor, largest + 1)
    finally:
        os.close(descriptor)
    if len(data) > largest:
        raise ValueError("it is too large")
    try:
        content = loads(data)
    except RecursionError:
        raise ValueError("it is nested too deep") from None
    if not isinstance(content, dict):
        raise ValueError("it is not an object")  # noqa: TRY004  callers know one error for all bad content
    return content
