"""From what is known of each service to one verdict on the front-end. No input or output here."""

from __future__ import annotations

from onelib import services

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

OK, MAINTENANCE, STARTING, UPGRADE, FAILED = "ok", "maintenance", "starting", "upgrading", "failed"
HEALTHY = frozenset((OK, MAINTENANCE))
LONGEST_LINE = 200
UNREADABLE: dict[str, Any] = {"phase": "unreadable"}
"""Stands for the state of a service whose state file is not a state."""


class Health:
    """How one service is: ``status`` (``off`` when the front-end does not run it by itself) and the reason."""

    __slots__ = ("reason", "status")

    def __init__(self, status: str, reason: str = "") -> None:
        self.status = status
        self.reason = reason


def of_service(
    name: str,
    service: dict[str, Any],
    process: dict[str, Any] | None,
    state: dict[str, Any] | None,
    *,
    unmet: list[str],
    now: float,
    wanted: bool = True,
    stopped: bool = False,
) -> Health:
    """The health of service ``name``.

    ``service`` is its entry of the service table, ``process`` what Supervisor says, ``state`` its phase file (None
    when there is none yet), ``unmet`` the labels of the ready checks that failed, ``now`` the monotonic clock,
    ``stopped`` whether a signal holds its process.
    """
    if process is None:
        return Health(FAILED, f"{name}: Supervisor does not know it")
    supervisor, starting = process["statename"], Health(STARTING, name)
    if supervisor == "RUNNING" and stopped:
        return Health(FAILED, f"{name}: its process is stopped by a signal")
    if supervisor == "RUNNING":
        return _running(name, service, process, state, unmet=unmet, now=now)
    if supervisor == "STOPPED":
        if not wanted:
            return Health("off")
        return Health(FAILED, f"{name}: stopped") if process["start"] else starting
    if supervisor == "EXITED":
        return _exited(name, service, process, state)
    if supervisor == "FATAL":
        return Health(FAILED, f"{name}: {_failure(state) or process['spawnerr'] or 'it cannot be started'}")
    if supervisor == "BACKOFF":
        return Health(STARTING, f"{name}: restart after {process['spawnerr'] or 'a failure'}")
    if supervisor == "STARTING":
        return starting
    return Health(FAILED, f"{name}: {supervisor.lower()}")


def _exited(name: str, service: dict[str, Any], process: dict[str, Any], state: dict[str, Any] | None) -> Health:
    code = process["exitstatus"]
    if code == 0 and service.get("kind") == "oneshot":
        return Health(OK)
    if code == services.PERMANENT:
        return Health(FAILED, f"{name}: {_failure(state) or f'exit status {code}'}")
    how = f"exit status {code}" if code >= 0 else "a signal ended it"
    return Health(STARTING, f"{name}: restart after {how}" if code >= 0 else f"{name}: restart, {how}")


def _running(
    name: str,
    service: dict[str, Any],
    process: dict[str, Any],
    state: dict[str, Any] | None,
    *,
    unmet: list[str],
    now: float,
) -> Health:
    if state is UNREADABLE:
        return Health(FAILED, f"{name}: its state file is unreadable")
    if state is None or state["pid"] != process["pid"]:
        return Health(STARTING, name)  # its runner has not yet said anything
    phase, detail = state["phase"], state["detail"]
    if phase == services.UPGRADING:
        return Health(UPGRADE, detail or name)
    if phase == services.FAILED:
        return Health(FAILED, f"{name}: {detail}")
    if phase == services.WAITING:
        return Health(STARTING, detail or name)
    if phase == services.PREPARING and detail:
        return Health(STARTING, f"{name}: {detail}")
    if phase != services.STARTED or service.get("kind") == "oneshot":
        return Health(STARTING, name)
    if not unmet:
        return Health(OK)
    if 0 <= now - state["clock"] < service.get("start_seconds", 60):
        return Health(STARTING, f"{name}: {unmet[0]}")
    return Health(FAILED, f"{name}: {unmet[0]} does not answer")


def _failure(state: dict[str, Any] | None) -> str:
    if state and state["phase"] == services.FAILED:
        return str(state["detail"])
    return ""


def overall(table: dict[str, Any], healths: dict[str, Health]) -> Health:
    """The verdict on all: what failed counts more than an upgrade, that more than a start; earlier services first."""
    if table.get("maintenance"):
        names = [name for name in healths if services.wanted(name, table)]
    else:
        names = [name for name in services.in_order(table) if name in healths]
    for status in (FAILED, UPGRADE, STARTING):
        for name in names:
            if healths[name].status == status:
                return healths[name]
    if not names:
        return Health(FAILED, "supervisor: there is no service to run")
    return Health(MAINTENANCE if table.get("maintenance") else OK)


def live(table: dict[str, Any], found: dict[str, dict[str, Any]], healths: dict[str, Health]) -> Health:
    """Whether a restart of the container could help: an essential service is FATAL."""
    for name in services.in_order(table):
        process = found.get(name)
        if process and process["statename"] == "FATAL" and table["services"][name].get("essential"):
            return healths[name]
    return Health(OK)


def line(health: Health) -> str:
    """One printable line of at most 200 characters, whatever a service wrote into its reason."""
    reason = "".join(letter if letter.isprintable() else " " for letter in health.reason)
    reason = " ".join(reason.split())
    if health.status == STARTING:
        return f"starting (waiting for {_cut(reason, LONGEST_LINE - 23)})"
    if health.status == UPGRADE:
        return f"upgrading ({_cut(reason, LONGEST_LINE - 12)})"
    if health.status == FAILED:
        return _cut(f"failed: {reason}", LONGEST_LINE)
    return health.status


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 3] + "..."
