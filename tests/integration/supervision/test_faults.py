"""What goes wrong: kill -9, crash loops, failures for good, hung and missing programs. The state is always told."""

import json
import os
import re
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.integration.supervision.front import Front, entry, need, until

PREPARATIONS = "tests.integration.supervision.preparations"


def exit_code(front: Front, seconds: float) -> int:
    assert front.process
    return front.process.wait(seconds)


def test_killed_service_is_back_at_once_and_its_restarts_are_counted(front: Front) -> None:
    front.start({name: entry("sleep", "600", priority=place) for place, name in enumerate(("one", "two"))})
    front.ready()
    for name in ("one", "two"):
        pid = front.pid(name)
        os.kill(pid, signal.SIGKILL)
        until(lambda name=name, pid=pid: front.state(name).get("pid") not in (0, pid))  # type: ignore[misc]
        assert front.pauses(name)[-1] < 0.9
    front.ready()
    assert front.details("one")["restarts"] == front.details("two")["restarts"] == 1
    assert "terminated by SIGKILL" in front.log()


def test_crash_loop_is_told_while_it_lasts(front: Front) -> None:
    front.start({"loop": entry("sh", "-c", "sleep 0.1; exit 3")})
    until(lambda: front.probe() == (1, "starting (waiting for loop: restart after exit status 3)"))
    assert front.probe("--live") == (0, "ok")


def test_a_service_that_was_up_long_enough_is_not_in_a_crash_loop(front: Front) -> None:
    front.start({"one": entry("sleep", "600")})
    front.ready()
    path = front.run / "state/one.json"
    for _ in range(6):
        state = front.state("one")
        path.write_text(json.dumps(state | {"clock": state["clock"] - 11}))  # as if eleven seconds had passed
        os.kill(state["pid"], signal.SIGKILL)
        until(lambda pid=state["pid"]: front.state("one")["phase"] == "started" and front.pid("one") != pid)  # type: ignore[misc]
    assert len(front.pauses("one")) == 6
    assert max(front.pauses("one")) < 0.9


def test_program_that_ends_with_78_itself_is_not_retried_either(front: Front) -> None:
    front.start({"picky": entry("sh", "-c", "exit 78")})
    until(lambda: front.probe() == (1, "failed: picky: exit status 78"))
    time.sleep(0.5)
    assert front.state("picky")["starts"] == 1


@pytest.mark.parametrize("log", [None, "log"])
def test_program_that_ends_with_78_itself_tells_its_reason(front: Front, log: str | None) -> None:
    """Also in a native run, where the output goes to a file."""
    folder = front.root / log if log else None
    if folder:
        folder.mkdir()
    script = "echo 'ERROR: The database is newer.'; echo '       Start the newer release.'; echo bye; exit 78"
    front.start({"picky": entry("sh", "-c", script)}, log=folder)
    reason = "The database is newer. Start the newer release."
    until(lambda: front.probe() == (1, f"failed: picky: {reason}"))
    state = front.state("picky")
    assert (state["phase"], state["detail"], state["starts"]) == ("failed", reason, 1)
    assert front.process
    assert front.process.poll() is None


def test_full_disk_in_a_preparation_is_a_sentence_and_a_defect_is_a_traceback(front: Front) -> None:
    front.start({name: entry("true", prepare=[f"{PREPARATIONS}:{name}"]) for name in ("full", "defect")})
    until(lambda: "AssertionError: a defect shows its traceback" in front.log())
    until(
        lambda: "ERROR: full failed: [Errno 28] No space left on device: '/var/lib/mysql/ibdata1'" in front.log()
    )
    assert "full | Traceback" not in front.log()


@pytest.mark.parametrize(
    ("program", "mode", "told"),
    [
        ("/nowhere/oned", None, "exit status 127: /nowhere/oned does not exist"),
        ("no-such-program", None, "exit status 127: no-such-program is not in PATH ("),
        ("{root}/text", 0o644, "exit status 126: {root}/text is not executable"),
        (
            "{root}/script",
            0o755,
            "exit status 127: {root}/script or the interpreter it names does not exist",
        ),
    ],
)
def test_missing_program_is_named(front: Front, program: str, mode: int | None, told: str) -> None:
    path = Path(program.format(root=front.root))
    if mode:
        path.write_text("#!/no/such/interpreter\n")
        path.chmod(mode)
    front.start({"one": entry(str(path))})
    until(lambda: told.format(root=front.root) in json.loads(front.probe("--json")[1])["reason"])


def test_need_that_never_comes_ends_the_attempt(front: Front) -> None:
    front.start({"one": entry("sleep", "600", needs=[need("tcp", "127.0.0.1:1", "a server")], wait_seconds=0.5)})
    until(lambda: "one | " in front.log() and "ERROR: a server did not answer within 0.5 s" in front.log())
    until(lambda: front.state("one").get("starts", 0) >= 2)
    told = "restart after exit status 1: a server did not answer within 0.5 s"
    until(lambda: told in front.probe()[1])


def test_hung_service_is_seen_by_its_ready_check(front: Front, free_port: int, server: list[str]) -> None:
    ready = [need("http", f"http://127.0.0.1:{free_port}/", "its API")]
    front.start({"api": entry(*server, str(free_port), ready=ready, start_seconds=1)})
    front.ready()
    pid = front.pid("api")
    time.sleep(1)
    os.kill(pid, signal.SIGUSR1)  # it still listens, and answers nobody
    began = time.monotonic()
    with ThreadPoolExecutor() as pool:
        ready_now, once_ready, live = pool.map(front.probe, ("--ready", "--startup", "--live"))
    assert ready_now == (1, "failed: api: its API does not answer")
    assert once_ready == live == (0, "ok")  # it has been ready once, and a restart of the container is no remedy
    assert time.monotonic() - began < 3
    os.kill(pid, signal.SIGUSR1)
    front.ready()


def test_service_that_a_signal_stopped_is_told_as_such(front: Front, free_port: int, server: list[str]) -> None:
    ready = [need("listen", free_port, "its port")]
    services = {"plain": entry("sleep", "600"), "api": entry(*server, str(free_port), ready=ready, priority=200)}
    front.start(services)
    front.ready()
    for name in services:
        pid = front.pid(name)
        os.kill(pid, signal.SIGSTOP)
        try:
            until(lambda name=name: front.probe()[1].startswith(f"failed: {name}"))  # type: ignore[misc]
            assert front.probe() == (1, f"failed: {name}: its process is stopped by a signal")
            assert front.probe("--live") == (0, "ok")
        finally:
            os.kill(pid, signal.SIGCONT)
        front.ready()


def test_ready_check_that_fails_is_starting_first_and_failed_after_its_time(front: Front) -> None:
    ready = [need("unix", "/nowhere/socket", "its socket")]
    front.start({"one": entry("sleep", "600", ready=ready, start_seconds=1)})
    until(lambda: front.probe() == (1, "starting (waiting for one: its socket)"))
    until(lambda: front.probe() == (1, "failed: one: its socket does not answer"), 4)


def test_stopped_supervisor_is_told_within_the_time_limit(front: Front) -> None:
    front.start({"one": entry("sleep", "600")})
    front.ready()
    assert front.process
    front.process.send_signal(signal.SIGSTOP)
    try:
        began = time.monotonic()
        assert front.probe() == (1, "failed: supervisor: no answer within 2.5 s")
        assert time.monotonic() - began < 5
    finally:
        front.process.send_signal(signal.SIGCONT)
    assert front.probe() == (0, "ok")


def test_dead_supervisor_is_told(front: Front) -> None:
    front.start({"one": entry("sleep", "5")})
    front.ready()
    assert front.process
    front.process.kill()
    front.process.wait(5)
    table = json.loads((front.run / "services.json").read_text())
    (front.run / "services.json").write_text(json.dumps(table | {"boot": time.time() - 60}))
    assert front.probe() == (1, "failed: supervisor: it is not running")
    os.kill(front.pid("one"), signal.SIGKILL)


def test_as_pid_1_it_reaps_orphans_quietly(front: Front) -> None:
    """In a PID namespace of its own, as in a container."""
    assert os.getuid() == 0, "this test needs root, to make a PID namespace"
    orphan = "(sh -c 'sleep 0.3; exit 4' &) ; exec sleep 600"
    front.start({"one": entry("sh", "-c", orphan)}, "unshare", "--pid", "--fork", "--mount-proc", "--kill-child")
    until(lambda: "[SERVICE one] starting" in front.log())
    time.sleep(0.8)
    assert front.process
    (inner,) = Path(f"/proc/{front.process.pid}/task/{front.process.pid}/children").read_text().split()
    children = Path(f"/proc/{inner}/task/{inner}/children").read_text().split()
    assert len(children) == 1, "the orphan is a zombie"
    assert "reaped" not in front.log()
    assert re.search(r"supervisord started with pid 1$", front.log(), re.MULTILINE)
    os.kill(int(inner), signal.SIGTERM)
    assert exit_code(front, 5) == 0


def test_idle_supervisor_uses_no_processor(front: Front) -> None:
    front.start({name: entry("sleep", "600") for name in "abcdefgh"})
    front.ready()
    assert front.process
    ticks = os.sysconf("SC_CLK_TCK")

    def used() -> float:
        assert front.process
        fields = Path(f"/proc/{front.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / ticks

    before = used()
    time.sleep(1.5)
    assert used() - before < 0.075
