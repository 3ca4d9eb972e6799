"""The probe as a program, where no Supervisor is needed: before the bootstrap, and against hostile files."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xmlrpc.client import dumps

import pytest

from healthcheck import probe

MAIN = Path(probe.__file__).with_name("__main__.py")
Answering = Callable[..., tuple[int, str]]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "run/oneedge"
    folder.mkdir(parents=True)
    return folder


def ask(root: Path, *options: str, **environment: str) -> tuple[int, str, str]:
    command = [sys.executable, "-I", "-S", str(MAIN), *options]
    done = subprocess.run(
        command,
        env={"ONEEDGE_ROOT": str(root), **environment},
        capture_output=True,
        text=True,
        timeout=10,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def put_table(run: Path, **more: object) -> None:
    table = {"version": 1, "boot": time.time(), "services": {"db": {"priority": 1}}} | more
    (run / "services.json").write_text(json.dumps(table))


@pytest.mark.parametrize("options", [(), ("--ready",), ("--live",), ("--startup",)])
def test_before_the_bootstrap_is_through(tmp_path: Path, options: tuple[str, ...]) -> None:
    assert ask(tmp_path, *options) == (1, "starting (waiting for the bootstrap)\n", "")


def test_supervisor_not_yet_there_and_no_more_there(run: Path, tmp_path: Path) -> None:
    put_table(run)
    assert ask(tmp_path)[1] == "starting (waiting for the bootstrap)\n"
    for boot in (time.time() - 60, time.time() + 60, None, "now"):
        put_table(run, boot=boot)
        assert ask(tmp_path)[:2] == (1, "failed: supervisor: it is not running\n")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"services": 1}', "[" * 10**5, " " * (1 << 21)])
def test_unreadable_table(run: Path, tmp_path: Path, text: str) -> None:
    (run / "services.json").write_text(text)
    code, out, err = ask(tmp_path)
    assert (code, err) == (1, "")
    assert out.startswith("failed: bootstrap: its service table is unreadable: ")


def test_socket_that_accepts_and_never_answers_ends_in_time(run: Path, tmp_path: Path) -> None:
    put_table(run)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(run / "supervisor.sock"))
        listener.listen()
        began = time.monotonic()
        assert ask(tmp_path)[:2] == (1, "failed: supervisor: no answer within 2.5 s\n")
        assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    "options",
    [("--what",), ("--live", "--ready"), ("ready",), ("",), ("--live", "--live")],
)
def test_wrong_use_is_64(tmp_path: Path, options: tuple[str, ...]) -> None:
    code, out, err = ask(tmp_path, *options)
    assert (code, out) == (64, "")
    assert err.startswith("usage: ")


def test_help(tmp_path: Path) -> None:
    code, out, err = ask(tmp_path, "--help")
    assert (code, err) == (0, "")
    assert "--startup" in out


def test_json_is_one_object_with_the_line(tmp_path: Path) -> None:
    code, out, _ = ask(tmp_path, "--json")
    assert code == 1
    assert json.loads(out) == {
        "status": "starting",
        "reason": "the bootstrap",
        "line": "starting (waiting for the bootstrap)",
        "services": {},
    }


def test_closed_output_does_not_change_the_exit_code(tmp_path: Path) -> None:
    command = f"exec {sys.executable} -I -S {MAIN} >&-"
    done = subprocess.run(
        ["sh", "-c", command], env={"ONEEDGE_ROOT": str(tmp_path)}, capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (1, b"")


class TestWithAnAnswer:
    """A socket that answers as Supervisor would, so that the files beside it can be anything."""

    @pytest.fixture
    def answering(self, run: Path) -> Answering:
        """Ask once with the given processes and state text."""

        def once(
            states: dict[str, str | bytes], *options: str, table: dict[str, Any] | None = None, **encoding: str
        ) -> tuple[int, str]:
            put_table(run, **(table or {}))
            (run / "state").mkdir(exist_ok=True)
            for name, text in states.items():
                (run / "state" / f"{name}.json").write_bytes(text if isinstance(text, bytes) else text.encode())
            process = {"name": "db", "statename": "RUNNING", "pid": 7, "exitstatus": 0, "start": 1, "spawnerr": ""}
            data = b"HTTP/1.0 200 OK\r\n\r\n" + dumps(([process],), methodresponse=True).encode()
            path = run / "supervisor.sock"
            path.unlink(missing_ok=True)
            with socket.socket(socket.AF_UNIX) as listener:
                listener.bind(str(path))
                listener.listen()
                child = os.fork()
                if child == 0:
                    with listener.accept()[0] as link:
                        link.recv(65536)
                        link.sendall(data)
                    os._exit(0)
                code, out, err = ask(run.parents[1], *options, **encoding)
                os.waitpid(child, 0)
            assert err == ""
            return code, out

        return once

    def state(self, **more: object) -> str:
        clock = time.monotonic()
        return json.dumps({"phase": "started", "detail": "", "since": 1, "pid": 7, "clock": clock} | more)

    def test_ok(self, answering: Answering) -> None:
        assert answering({"db": self.state()}) == (0, "ok\n")

    @pytest.mark.parametrize("text", ["", "{", "[]", '{"phase": "x"}', "x" * 10**6, b"\xff\xff", "[" * 10**4])
    def test_hostile_state_is_never_ok(self, answering: Answering, text: str | bytes) -> None:
        assert answering({"db": text}) == (1, "failed: db: its state file is unreadable\n")

    @pytest.mark.parametrize("encoding", [{}, {"LC_ALL": "C"}, {"LC_ALL": "POSIX", "PYTHONUTF8": "0"}])
    def test_detail_of_a_service_cannot_break_the_line(
        self, answering: Answering, encoding: dict[str, str]
    ) -> None:
        detail = "a\nok\n\x1b[2J" + "\u202e" + "é" * 900
        code, out = answering({"db": self.state(phase="waiting", detail=detail)}, **encoding)
        assert code == 1
        assert out.count("\n") == 1
        assert out.startswith("starting (waiting for a ok [2J é")
        assert len(out) <= 201

    def test_startup_is_remembered_for_this_boot_only(self, answering: Answering, run: Path) -> None:
        waits = {"db": self.state(phase="waiting", detail="a disk")}
        table = {"boot": 12.5}
        assert answering(waits, "--startup", table=table)[0] == 1
        assert answering({"db": self.state()}, table=table)[0] == 0
        assert answering(waits, "--startup", table=table) == (0, "ok\n")
        assert answering(waits, "--ready", table=table)[0] == 1
        assert answering(waits, "--startup", table={"boot": 13.5})[0] == 1
        assert sorted(path.name for path in run.iterdir()) == [
            "ready",
            "services.json",
            "state",
            "supervisor.sock",
        ]

    def test_wrong_ready_checks_are_not_met_and_do_not_break_it(self, answering: Answering) -> None:
        services = {"db": {"start_seconds": 0, "ready": [{"kind": "telepathy", "label": "a thought"}]}}
        assert answering({"db": self.state()}, table={"services": services}) == (
            1,
            "failed: db: a thought does not answer\n",
        )
