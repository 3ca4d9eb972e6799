"""The runner as a program, without Supervisor: exit codes, phases, what it prints, how fast it is out of the way."""

import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bootstrap import service
from onelib import services
from tests.support.folders import open_to_all

START = Path(service.__file__).with_name("start.py")


class Root:
    """A root with a service table."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.run = path / "run/oneedge"
        self.run.mkdir(parents=True)

    def put(self, **entries: object) -> None:
        (self.run / "services.json").write_text(json.dumps({"services": entries}))

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-I", "-S", str(START), *arguments]

    @property
    def environment(self) -> dict[str, str]:
        return {"ONEEDGE_ROOT": str(self.path), "PATH": os.environ["PATH"], "SECRET": "x"}

    def start(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments), env=self.environment, capture_output=True, text=True, timeout=20, check=False
        )

    def state(self, name: str = "one") -> dict[str, Any]:
        state: dict[str, Any] = json.loads((self.run / "state" / f"{name}.json").read_text())
        return state


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return Root(tmp_path)


def test_it_becomes_the_service(root: Root) -> None:
    root.put(one={"command": ["sh", "-c", "echo $$ $SECRET; exit 5"]})
    with subprocess.Popen(root.command("one"), env=root.environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        lines = process.stdout.read().splitlines()
    assert process.returncode == 5
    assert lines[-1] == str(process.pid)
    assert root.state() | {"phase": "started", "pid": process.pid, "starts": 1} == root.state()
    stamp, _, text = lines[0].partition(" [SERVICE one] ")
    assert time.strptime(stamp, "%Y-%m-%d %H:%M:%S")
    assert text == "starting sh"


@pytest.mark.parametrize("arguments", [(), ("two",), ("one", "two"), ("../one",)])
def test_wrong_name_is_permanent_and_named(root: Root, arguments: tuple[str, ...]) -> None:
    root.put(one={"command": ["true"]})
    done = root.start(*arguments)
    assert done.returncode == 78
    assert done.stderr.startswith("usage: start.py NAME")
    assert not (root.run / "state").exists()


@pytest.mark.parametrize("text", [None, "", "{", "[]"])
def test_no_table_is_permanent_and_named(root: Root, text: str | None) -> None:
    if text is not None:
        (root.run / "services.json").write_text(text)
    done = root.start("one")
    assert done.returncode == 78
    assert "Traceback" not in done.stderr


def test_starts_are_counted(root: Root) -> None:
    root.put(one={"command": ["true"]})
    for count in (1, 2, 3):
        assert root.start("one").returncode == 0
        assert root.state()["starts"] == count
    (root.run / "state/one.json").write_text("broken")
    assert root.start("one").returncode == 0
    assert root.state()["starts"] == 1


@pytest.mark.parametrize(
    ("entry", "code", "told"),
    [
        ({"command": []}, 78, "it has no command"),
        ({"command": ["no-such-program"]}, 127, "no-such-program is not in PATH"),
        ({"command": ["/no/such"]}, 127, "/no/such does not exist"),
        ({"command": ["/etc/passwd"]}, 126, "/etc/passwd is not executable"),
        ({"command": ["true"], "directory": "/no/such"}, 1, "cannot work in /no/such: No such file or directory"),
        ({"command": ["true"], "user": "who-is-this"}, 67, "there is no user who-is-this"),
    ],
)
def test_what_cannot_start_is_named_and_its_reason_kept(root: Root, entry: object, code: int, told: str) -> None:
    root.put(one=entry)
    done = root.start("one")
    assert (done.returncode, done.stderr) == (code, "")
    assert f"[SERVICE one] ERROR: {told}" in done.stdout
    assert root.state()["detail"].startswith(told)
    assert (root.state()["phase"] == "failed") is (code == 78)


def test_program_is_searched_in_the_service_s_own_path(root: Root, tmp_path: Path) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "mine").write_text("#!/bin/sh\nexit 9\n")
    (folder / "mine").chmod(0o755)
    root.put(one={"command": ["mine"], "environment": {"PATH": f"{folder}:/usr/bin"}})
    assert root.start("one").returncode == 9


def test_other_user_without_privileges_is_refused(root: Root) -> None:
    assert os.getuid() == 0, "this test needs root, to be somebody else first"
    root.path.chmod(0o777)
    root.run.chmod(0o777)
    open_to_all(root.path)
    root.put(one={"command": ["true"], "user": "root"})
    done = subprocess.run(
        ["/usr/bin/python3", "-I", "-S", str(START), "one"],
        env=root.environment,
        user="nobody",
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (77, "")
    assert "cannot become root: Operation not permitted" in done.stdout


def test_deadline_of_the_needs(root: Root) -> None:
    needs = [{"kind": "file", "address": "/no/such", "label": "a key"}]
    root.put(one={"command": ["true"], "needs": needs, "wait_seconds": 0.4})
    began = time.monotonic()
    done = root.start("one")
    assert 0.4 <= time.monotonic() - began < 1.5
    assert done.returncode == 1
    assert [line.partition("] ")[2] for line in done.stdout.splitlines()] == [
        "waiting for a key",
        "ERROR: a key did not answer within 0.4 s",
    ]
    assert root.state()["phase"] == "waiting"


def test_time_does_not_run_while_what_is_needed_has_failed(root: Root) -> None:
    needs = [
        {"kind": "file", "address": "/no/such", "label": "a key"},
        {"kind": "service", "address": "db", "label": "the database"},
    ]
    root.put(db={}, one={"command": ["true"], "needs": needs, "wait_seconds": 0.3})
    services.write_state(str(root.run), "db", services.FAILED, "no disk")
    with subprocess.Popen(root.command("one"), env=root.environment, stdout=subprocess.PIPE, text=True) as process:
        wait_for(root, "db, which failed: no disk")
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(1)
        services.write_state(str(root.run), "db", services.PREPARING)  # an operator has mended it
        wait_for(root, "a key did not answer within 0.3 s")
        assert process.wait(5) == 1
        assert process.stdout
        assert [line.partition("] ")[2].rstrip() for line in process.stdout] == [
            "waiting for db, which failed: no disk",
            "waiting for a key",
            "ERROR: a key did not answer within 0.3 s",
        ]


def test_next_unmet_need_is_told_when_the_first_is_met(root: Root) -> None:
    first, second = root.path / "first", root.path / "second"
    needs = [{"kind": "file", "address": str(path), "label": path.name} for path in (first, second)]
    root.put(one={"command": ["true"], "needs": needs})
    with subprocess.Popen(root.command("one"), env=root.environment, stdout=subprocess.PIPE, text=True) as process:
        for path in (first, second):
            wait_for(root, path.name)
            time.sleep(0.1)  # the state is written before the first look
            path.write_text("x")
        assert process.wait(5) == 0
        assert process.stdout
        assert [line.partition("] ")[2].rstrip() for line in process.stdout] == [
            "waiting for first",
            "waiting for second",
            "starting true",
        ]


def wait_for(root: Root, detail: str) -> None:
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            if root.state()["detail"] == detail:
                return
        except FileNotFoundError:
            pass
        time.sleep(0.01)
    raise AssertionError(f"never waited for {detail}")


@pytest.mark.parametrize("stop_signal", ["TERM", "INT", "QUIT", "HUP", "USR1", "WINCH", "SIGTERM"])
def test_ends_at_once_on_the_signal_that_stops_the_service(root: Root, stop_signal: str) -> None:
    needs = [{"kind": "tcp", "address": "127.0.0.1:1", "label": "never"}]
    root.put(one={"command": ["true"], "needs": needs, "stop_signal": stop_signal})
    with subprocess.Popen(root.command("one"), env=root.environment, stdout=subprocess.PIPE) as process:
        wait_for(root, "never")
        time.sleep(0.1)
        began = time.monotonic()
        process.send_signal(signal.Signals["SIG" + stop_signal.removeprefix("SIG")])
        assert process.wait(5) != 0
        assert time.monotonic() - began < 0.5
        assert process.stdout
        assert b"Traceback" not in process.stdout.read()


@pytest.fixture
def silent() -> Iterator[str]:
    """A server that accepts and says nothing."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        yield f"127.0.0.1:{listener.getsockname()[1]}"


def test_silent_server_does_not_hold_the_deadline(root: Root, silent: str) -> None:
    needs = [{"kind": "http", "address": f"http://{silent}/", "label": "the API"}]
    root.put(one={"command": ["true"], "needs": needs, "wait_seconds": 0.5})
    began = time.monotonic()
    assert root.start("one").returncode == 1
    assert time.monotonic() - began < 1.5


def test_asks_less_and_less_often(root: Root) -> None:
    """10, 20, 40, 80 ms apart, and then a dozen times a second while the boot is young."""
    times: list[float] = []
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        listener.settimeout(3)

        def count() -> None:
            while True:
                try:
                    link, _ = listener.accept()
                except OSError:
                    return
                times.append(time.monotonic())
                with link:
                    link.recv(1000)
                    link.sendall(b"HTTP/1.0 503 Not yet\r\n\r\n")

        thread = threading.Thread(target=count)
        thread.start()
        address = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        needs = [{"kind": "http", "address": address, "label": "the API"}]
        root.put(one={"command": ["true"], "needs": needs, "wait_seconds": 2})
        assert root.start("one").returncode == 1
        thread.join(5)
    assert 10 <= len(times) <= 30
    pauses = [late - early for early, late in itertools.pairwise(times)]
    assert pauses[0] < 0.06
    assert sorted(pauses)[len(pauses) // 2] > 0.07
    assert max(pauses) < 0.5


def test_full_state_folder_does_not_keep_the_service_down(root: Root) -> None:
    root.put(one={"command": ["true"]})
    (root.run / "state").write_text("not a folder")
    done = root.start("one")
    assert done.returncode == 0
    assert "cannot write the state: " in done.stdout


def test_service_has_nothing_of_ours_in_its_environment(root: Root) -> None:
    root.put(one={"command": ["env"], "environment": {"A": "1", "B": 2}})
    lines = root.start("one").stdout.splitlines()[1:]
    assert {"A=1", "B=2", f"ONEEDGE_ROOT={root.path}"} <= set(lines)
    assert "SECRET=x" not in lines


def test_an_account_is_not_needed(root: Root) -> None:
    """An arbitrary uid, as some platforms give to containers."""
    assert os.getuid() == 0, "this test needs root, to take another uid"
    for folder in (root.path, root.run):
        folder.chmod(0o777)
    open_to_all(root.path)
    root.put(one={"command": ["env"]})
    done = subprocess.run(
        ["/usr/bin/python3", "-I", "-S", str(START), "one"],
        env=root.environment,
        user=4242424,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "HOME=/" in done.stdout.splitlines()
