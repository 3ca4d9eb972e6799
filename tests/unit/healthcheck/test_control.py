"""Supervisor's answer, and everything that is not one, from a real socket."""

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from xmlrpc.client import Fault, dumps

import pytest

from healthcheck import control

OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\n\r\n"
PROCESS = {"name": "db", "statename": "RUNNING", "pid": 7, "exitstatus": 0, "start": 99, "spawnerr": "a & b <c>"}
Answer = Callable[..., str]


@pytest.fixture
def answer(tmp_path: Path) -> Iterator[Answer]:
    """A socket that gives ``data`` as its answer; with ``hold`` it does not close."""
    listeners: list[socket.socket] = []
    held: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def start(data: bytes, *, hold: bool = False, pause: float = 0.0) -> str:
        listener = socket.socket(socket.AF_UNIX)
        listeners.append(listener)
        path = str(tmp_path / f"s{len(listeners)}")
        listener.bind(path)
        listener.listen()

        def work() -> None:
            try:
                link, _ = listener.accept()
                held.append(link)
                link.recv(65536)
                for start in range(0, len(data), 1 << 16) if pause else ():
                    link.sendall(data[start : start + (1 << 16)])
                    time.sleep(pause)
                if not pause:
                    link.sendall(data)
                if not hold:
                    link.close()
            except OSError:
                return

        threads.append(threading.Thread(target=work, daemon=True))
        threads[-1].start()
        return path

    yield start
    for thread in threads:
        thread.join(5)
    for one in listeners + held:
        one.close()


def reply(*processes: object) -> bytes:
    return OK + dumps((list(processes),), methodresponse=True).encode()


def test_process_list(answer: Answer) -> None:
    found = control.processes(answer(reply(PROCESS, PROCESS | {"name": "web", "group": "web", "now": -3})), 2)
    assert found["db"] == PROCESS
    assert list(found) == ["db", "web"]
    assert control.processes(answer(reply()), 2) == {}


def test_what_is_missing_in_a_process_is_filled_in(answer: Answer) -> None:
    assert control.processes(answer(reply({"name": "db"})), 2)["db"]["statename"] == "UNKNOWN"


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "not a success"),
        (b"HTTP/1.1 500 Oops\r\n\r\n", "not a success"),
        (b"SSH-2.0-x\r\n", "not a success"),
        (OK, "breaks off"),
        (reply(PROCESS)[:-40], "breaks off"),
        (OK + b"<html>", "breaks off"),
        (OK + dumps(Fault(1, "UNKNOWN_METHOD"), methodresponse=True).encode(), "not a process list"),
        (
            OK + b"<struct><member><name>pid</name><value><int>x</int></value></member></struct>",
            "not a process list",
        ),
        (OK + b"<struct></struct>", "not a process list"),
        (OK + b'<!DOCTYPE a [<!ENTITY b "c">]><struct>&b;</struct>', "not a process list"),
    ],
)
def test_no_process_list_is_said_in_a_few_words(answer: Answer, data: bytes, told: str) -> None:
    with pytest.raises(control.ControlError, match=told):
        control.processes(answer(data), 2)


def test_silence_ends_at_the_time_limit_also_when_it_trickles(answer: Answer) -> None:
    for path in (answer(b"", hold=True), answer(OK + b" " * (1 << 20), hold=True, pause=0.05)):
        began = time.monotonic()
        with pytest.raises(control.ControlError, match=r"no answer within 0\.3 s"):
            control.processes(path, 0.3)
        assert time.monotonic() - began < 0.8


def test_endless_answer_is_cut(answer: Answer) -> None:
    with pytest.raises(control.ControlError, match="does not end"):
        control.processes(answer(OK + b" " * (control.LONGEST_ANSWER + 1)), 5)


def test_nobody_there(tmp_path: Path) -> None:
    with pytest.raises(control.AbsentError):
        control.processes(str(tmp_path / "none"), 1)
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / "left"))
    with pytest.raises(control.AbsentError):
        control.processes(str(tmp_path / "left"), 1)
    with pytest.raises(control.ControlError, match="cannot ask it"):
        control.processes(f"{tmp_path}/{'x' * 200}", 1)


def test_other_users_are_told_why(answer: Answer, tmp_path: Path) -> None:
    assert os.getuid() == 0, "this test needs root, to become another user"
    path = answer(reply(PROCESS))
    Path(path).chmod(0o700)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            control.processes(path, 1)
        except control.ControlError as error:
            code = 0 if "own user and root" in str(error) else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
