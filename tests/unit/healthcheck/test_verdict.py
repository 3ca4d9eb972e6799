"""One service at a time, then all together: what the front-end is said to be."""

from typing import Any

import pytest

from healthcheck import verdict
from healthcheck.verdict import Health, line, live, overall

NOW = 1000.0
AGAIN = "starting (waiting for db: restart{})"
SERVICE: dict[str, Any] = {"kind": "service", "start_seconds": 60, "essential": True}
ONE_SHOT = SERVICE | {"kind": "oneshot"}


def process(statename: str, **more: object) -> dict[str, Any]:
    return {"statename": statename, "pid": 7, "exitstatus": 0, "start": 1, "spawnerr": ""} | more


def state(phase: str, detail: str = "", *, age: float = 0.0, pid: int = 7) -> dict[str, Any]:
    return {"phase": phase, "detail": detail, "pid": pid, "clock": NOW - age, "since": 0, "starts": 1}


CASES: list[tuple[dict[str, Any], dict[str, Any] | None, dict[str, Any] | None, list[str], str]] = [
    (SERVICE, process("RUNNING"), state("started"), [], "ok"),
    (SERVICE, process("RUNNING"), state("started"), ["its port"], "starting (waiting for db: its port)"),
    (SERVICE, process("RUNNING"), state("started", age=59), ["a", "b"], "starting (waiting for db: a)"),
    (SERVICE, process("RUNNING"), state("started", age=61), ["a", "b"], "failed: db: a does not answer"),
    (SERVICE, process("RUNNING"), state("started", age=-5), ["a"], "failed: db: a does not answer"),
    (SERVICE, process("RUNNING"), state("waiting", "a disk"), [], "starting (waiting for a disk)"),
    (SERVICE, process("RUNNING"), state("waiting"), [], "starting (waiting for db)"),
    (SERVICE, process("RUNNING"), state("preparing"), [], "starting (waiting for db)"),
    (SERVICE, process("RUNNING"), state("preparing", "its files"), [], "starting (waiting for db: its files)"),
    (SERVICE, process("RUNNING"), state("upgrading", "copy vm_pool, 43%"), [], "upgrading (copy vm_pool, 43%)"),
    (SERVICE, process("RUNNING"), state("failed", "no"), [], "failed: db: no"),
    (SERVICE, process("RUNNING"), None, [], "starting (waiting for db)"),
    (SERVICE, process("RUNNING"), state("started", pid=6), [], "starting (waiting for db)"),  # of the one before
    (SERVICE, process("RUNNING"), verdict.UNREADABLE, [], "failed: db: its state file is unreadable"),
    (ONE_SHOT, process("RUNNING"), state("started"), [], "starting (waiting for db)"),
    (ONE_SHOT, process("EXITED"), state("done"), [], "ok"),
    (ONE_SHOT, process("EXITED"), verdict.UNREADABLE, [], "ok"),
    (ONE_SHOT, process("EXITED", exitstatus=78), state("failed", "bad"), [], "failed: db: bad"),
    (ONE_SHOT, process("EXITED", exitstatus=1), state("started"), [], AGAIN.format(" after exit status 1")),
    (SERVICE, process("EXITED"), state("started"), [], AGAIN.format(" after exit status 0")),
    (SERVICE, process("EXITED", exitstatus=-1), state("started"), [], AGAIN.format(", a signal ended it")),
    (SERVICE, process("EXITED", exitstatus=78), state("started"), [], "failed: db: exit status 78"),
    (SERVICE, process("EXITED", exitstatus=78), verdict.UNREADABLE, [], "failed: db: exit status 78"),
    (SERVICE, process("STARTING"), state("started"), [], "starting (waiting for db)"),
    (SERVICE, process("BACKOFF", spawnerr="exit status 3"), None, [], AGAIN.format(" after exit status 3")),
    (SERVICE, process("BACKOFF"), None, [], "starting (waiting for db: restart after a failure)"),
    (SERVICE, process("FATAL", spawnerr="too often"), None, [], "failed: db: too often"),
    (SERVICE, process("FATAL"), None, [], "failed: db: it cannot be started"),
    (SERVICE, process("FATAL", spawnerr="x"), state("failed", "why"), [], "failed: db: why"),
    (SERVICE, process("STOPPED"), None, [], "failed: db: stopped"),
    (SERVICE, process("STOPPED", start=0), None, [], "starting (waiting for db)"),
    (SERVICE, process("STOPPING"), None, [], "failed: db: stopping"),
    (SERVICE, process("UNKNOWN"), None, [], "failed: db: unknown"),
    (SERVICE, None, None, [], "failed: db: Supervisor does not know it"),
]  # fmt: skip


@pytest.mark.parametrize(("service", "found", "written", "unmet", "expected"), CASES)
def test_one_service(
    service: dict[str, Any],
    found: dict[str, Any] | None,
    written: dict[str, Any] | None,
    unmet: list[str],
    expected: str,
) -> None:
    health = verdict.of_service("db", service, found, written, unmet=unmet, now=NOW)
    assert line(health) == expected


def test_stopped_and_not_wanted_is_off() -> None:
    health = verdict.of_service("db", SERVICE, process("STOPPED"), None, unmet=[], now=NOW, wanted=False)
    assert health.status == "off"


@pytest.mark.parametrize("written", [state("started"), state("waiting", "a disk"), state("upgrading"), None])
def test_held_by_a_signal_is_failed_in_every_phase(written: dict[str, Any] | None) -> None:
    health = verdict.of_service("db", SERVICE, process("RUNNING"), written, unmet=[], now=NOW, stopped=True)
    assert line(health) == "failed: db: its process is stopped by a signal"


def table(*names: str, **more: object) -> dict[str, Any]:
    return {"services": {name: SERVICE | {"priority": place} for place, name in enumerate(names)}} | more


def test_failed_before_upgrade_before_start_and_the_earlier_service_first() -> None:
    healths = {name: Health("ok") for name in "abcde"}
    assert line(overall(table(*"abcde"), healths)) == "ok"
    healths |= {"d": Health("starting", "d"), "e": Health("starting", "e")}
    assert line(overall(table(*"abcde"), healths)) == "starting (waiting for d)"
    healths["e"] = Health("upgrading", "e")
    assert line(overall(table(*"abcde"), healths)) == "upgrading (e)"
    healths["c"] = Health("failed", "c: gone")
    assert line(overall(table(*"abcde"), healths)) == "failed: c: gone"
    healths["a"] = Health("failed", "a: gone")
    assert line(overall(table(*"abcde"), healths)) == "failed: a: gone"


def test_services_that_are_off_do_not_count() -> None:
    assert line(overall(table("a", "b"), {"a": Health("ok"), "b": Health("off")})) == "ok"


def test_maintenance_looks_at_the_stub_only() -> None:
    healths = {"infinite-loop": Health("starting", "infinite-loop"), "db": Health("failed", "db: x")}
    whole = table("infinite-loop", "db", maintenance=True)
    assert line(overall(whole, healths)) == "starting (waiting for infinite-loop)"
    healths["infinite-loop"] = Health("ok")
    assert line(overall(whole, healths)) == "maintenance"


def test_nothing_to_run_is_not_ok() -> None:
    assert line(overall(table(), {})) == "failed: supervisor: there is no service to run"
    assert overall(table("db", maintenance=True), {"db": Health("ok")}).status == "failed"


def test_live_asks_for_essential_fatal_only() -> None:
    whole = table("a", "b")
    whole["services"]["b"]["essential"] = False
    healths = {"a": Health("failed", "a: why"), "b": Health("failed", "b: why")}
    found = {"a": process("EXITED", exitstatus=78), "b": process("FATAL")}
    assert line(live(whole, found, healths)) == "ok"
    found["a"] = process("FATAL")
    assert line(live(whole, found, healths)) == "failed: a: why"
    assert line(live(whole, {}, healths)) == "ok"


@pytest.mark.parametrize("status", ["failed", "starting"])
@pytest.mark.parametrize(
    "reason",
    [
        "x" * 5000,
        "two\nlines\r\nand\ttabs",
        "\x1b[31mred\x1b[0m",
        "right \u202e left",
        "\u2028\u2029\x85",
        "\udcff" * 300,
        "",
    ],
)
def test_the_line_is_one_printable_bounded_line_whatever_the_reason(status: str, reason: str) -> None:
    text = line(Health(status, reason))
    assert len(text) <= 200
    assert text.isprintable()
    assert text.startswith(("failed: ", "starting (waiting for "))
