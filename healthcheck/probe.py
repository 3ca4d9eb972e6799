"""The probe's command line: ask, judge, print one line (or JSON), exit 0 for ``ok`` and ``maintenance``, else 1.

It forks nothing, writes nothing but one marker below ``run/oneedge``, and ends within 5 seconds whatever answers.
Exit codes: 0 healthy, 1 not healthy (2 is reserved by Docker), 64 usage.
"""

# ruff: noqa: PTH105, PTH115, PTH211
# pathlib takes 14 ms to import.

from __future__ import annotations

import os
import time

from healthcheck import control, verdict
from healthcheck.verdict import Health
from onelib import checks, services

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

CONTROL_TIMEOUT = 2.5
CHECK_TIMEOUT = 2.0
NEW_TABLE = 10.0
"""Seconds that pass at most between the bootstrap's last step, the service table, and a listening Supervisor."""

USAGE = """usage: frontend-healthcheck [--live | --ready | --startup] [--json]

  --ready    (default) every service of this front-end answers
  --live     Supervisor answers and no essential service has failed for good
  --startup  the front-end has been ready once since its start
  --json     the answer as a JSON object, with every service
"""


def main(argv: list[str]) -> int:
    """Answer the question that ``argv`` asks."""
    questions = [option for option in argv if option in ("--live", "--ready", "--startup")]
    if "--help" in argv or "-h" in argv:
        _print(1, USAGE)
        return 0
    if len(questions) > 1 or len(questions) + argv.count("--json") != len(argv):
        _print(2, USAGE)
        return os.EX_USAGE
    question = questions[0].removeprefix("--") if questions else "ready"
    health, details = ask(services.run_folder(), question)
    if "--json" in argv:
        import json  # which takes longer than all the rest

        answer = {"status": health.status, "reason": health.reason, "line": verdict.line(health)}
        _print(1, json.dumps(answer | {"services": details}) + "\n")
    else:
        _print(1, verdict.line(health) + "\n")
    return 0 if health.status in verdict.HEALTHY else 1


def ask(run: str, question: str) -> tuple[Health, dict[str, Any]]:
    """The answer to ``question`` (``live``, ``ready`` or ``startup``), and what is known of each service."""
    try:
        table = services.read_table(run)
    except FileNotFoundError:
        return Health(verdict.STARTING, "the bootstrap"), {}
    except (OSError, ValueError) as error:
        return Health(verdict.FAILED, f"bootstrap: its service table is unreadable: {error}"), {}
    try:
        found = control.processes(f"{run}/supervisor.sock", CONTROL_TIMEOUT)
    except control.AbsentError as error:
        if 0 <= time.time() - _number(table.get("boot")) < NEW_TABLE:
            return Health(verdict.STARTING, "the bootstrap"), {}
        return Health(verdict.FAILED, f"supervisor: {error}"), {}
    except control.ControlError as error:
        return Health(verdict.FAILED, f"supervisor: {error}"), {}
    healths, details = _judge(run, table, found, deep=question != "live")
    health = verdict.overall(table, healths)
    if question == "live":
        return verdict.live(table, found, healths), details
    if health.status in verdict.HEALTHY:
        _mark(run, table)
    elif question == "startup" and _is_marked(run, table):
        health = Health(verdict.OK)
    return health, details


def _judge(
    run: str, table: dict[str, Any], found: dict[str, dict[str, Any]], *, deep: bool
) -> tuple[dict[str, Health], dict[str, Any]]:
    """The health and the details of each service; ``deep`` asks those that run, side by side, whether they answer."""
    states = {name: _state(run, name) for name in table["services"]}
    asked = [
        (name, need)
        for name, service in table["services"].items()
        if deep
        and found.get(name, {}).get("statename") == "RUNNING"
        and (states[name] or {}).get("phase") == services.STARTED
        for need in service.get("ready", ())
    ]
    failed = {id(need) for need in checks.unmet([need for _, need in asked], run, table, CHECK_TIMEOUT)}
    now = time.monotonic()
    healths, details = {}, {}
    for name, service in table["services"].items():
        unmet = [str(need.get("label")) for owner, need in asked if owner == name and id(need) in failed]
        process, state = found.get(name), states[name]
        health = verdict.of_service(
            name,
            service,
            process,
            state,
            unmet=unmet,
            now=now,
            wanted=services.wanted(name, table),
            stopped=_is_stopped(process),
        )
        healths[name] = health
        details[name] = {"state": (process or {}).get("statename"), "status": health.status}
        details[name] |= {"reason": health.reason, "ready": health.status == verdict.OK if deep else None}
        details[name] |= {key: (state or {}).get(key) for key in ("phase", "detail", "since", "pid")}
        details[name]["restarts"] = max(0, int((state or {}).get("starts", 1)) - 1)
    return healths, details


def _state(run: str, name: str) -> dict[str, Any] | None:
    try:
        return services.read_state(run, name)
    except (OSError, ValueError):
        return verdict.UNREADABLE


def _is_stopped(process: dict[str, Any] | None) -> bool:
    """Whether a signal (SIGSTOP, a debugger) keeps a running service from running (state T or t of proc(5)).

    Supervisor knows nothing of it, and the kernel still accepts connections for such a process.
    """
    if process is None or process["statename"] != "RUNNING":
        return False
    try:
        descriptor = os.open(f"/proc/{process['pid']}/stat", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False  # it has just ended, which Supervisor tells
    try:
        fields = os.read(descriptor, 4096).rpartition(b")")[2].split(None, 1)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return fields[:1] in ([b"T"], [b"t"])


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def _marker(run: str) -> str:
    return f"{run}/ready"


def _is_marked(run: str, table: dict[str, Any]) -> bool:
    """Whether a probe found this boot (not an earlier one, whose files may still lie here) ready before."""
    try:
        return os.readlink(_marker(run)) == str(table.get("boot"))
    except OSError:
        return False


def _mark(run: str, table: dict[str, Any]) -> None:
    """Note that this boot has been ready: a symbolic link, because one call makes it and its text whole."""
    if _is_marked(run, table):
        return
    temporary = f"{_marker(run)}.{os.getpid()}"
    try:
        os.symlink(str(table.get("boot")), temporary)
        os.replace(temporary, _marker(run))
    except OSError:
        return  # a full or read-only folder costs the memory, not the answer


def _print(descriptor: int, text: str) -> None:
    try:
        os.write(descriptor, text.encode("utf-8", "replace"))
    except OSError:
        return  # nobody reads; the exit code still tells
