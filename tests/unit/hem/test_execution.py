"""Running programs: their input, output, code, end; and the journal of what is to be run and reported."""

import asyncio
import os
import time
from pathlib import Path

import pytest
from lxml import etree

from hem.execution import FAILURE, OUTPUT_BYTES, Result, run, run_remote, words
from hem.journal import Journal, JournalError, State
from hem.record import report, result_xml
from oned.hooks.hooklog import parse_report


def sh(script: str, stdin: bytes | None = None, seconds: float = 0) -> Result:
    return asyncio.run(run(["/bin/sh", "-c", script], stdin, seconds))


def test_code_and_outputs() -> None:
    assert sh("echo out; echo err >&2; exit 3") == Result(3, b"out\n", b"err\n")


def test_input() -> None:
    assert sh("cat; read x", b"a\xffb").stdout == b"a\xffb"
    assert sh("cat").stdout == b""
    assert sh("exit 0", b"x" * 2**20) == Result(0), "a program that does not read its input"


def test_a_program_that_a_signal_ended_has_failed() -> None:
    assert sh("kill -9 $$").code == FAILURE


@pytest.mark.parametrize("command", [["/nonexistent"], ["/etc"], ["/bin/echo", "x" * 2**18], ["/bin/echo", "\0"]])
def test_what_cannot_be_started(command: list[str]) -> None:
    result = asyncio.run(run(command, None, 0))
    assert result.code == FAILURE
    assert result.stderr.startswith(b"Internal error: ")


def test_a_long_output_is_cut_and_does_not_block() -> None:
    result = sh(f"head -c {2 * OUTPUT_BYTES} /dev/zero; exit 1")
    assert (result.code, len(result.stdout)) == (1, OUTPUT_BYTES)


def test_a_program_that_hangs_is_ended_with_its_children(tmp_path: Path) -> None:
    begin = time.monotonic()
    result = sh(f"echo begun; sleep 60 & echo $! > {tmp_path}/pid; trap '' TERM; wait; wait", seconds=0.3)
    assert time.monotonic() - begin < 5
    assert result == Result(FAILURE, b"begun\n", b"Timeout executing /bin/sh\n")
    pid = int((tmp_path / "pid").read_text())
    state = Path(f"/proc/{pid}/stat")
    assert not state.exists() or state.read_text().rpartition(")")[2].split()[0] == "Z"


def test_children_that_are_left_behind_are_not_waited_for(tmp_path: Path) -> None:
    begin = time.monotonic()
    result = sh(f"echo done; sleep 30 & echo $! > {tmp_path}/pid")
    assert result == Result(0, b"done\n")
    assert time.monotonic() - begin < 3
    os.kill(int((tmp_path / "pid").read_text()), 9)


def test_no_descriptor_is_left_open() -> None:
    sh("true")
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(5):
        sh("true", b"x")
        asyncio.run(run(["/nonexistent"], None, 0))
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_remote_program_goes_through_ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = tmp_path / "ssh"
    fake.write_text('#!/bin/sh\nfor word; do echo "[$word]"; done; cat\n')
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    result = asyncio.run(run_remote("-oProxyCommand=x", ["/h/a", "b c", "$(d)"], b"in", 5))
    assert result.stdout.decode().splitlines()[-4:] == [
        *("[--]", "[-oProxyCommand=x]", "[/h/a 'b c' '$(d)']", "in")
    ]
    assert asyncio.run(run_remote("", ["a"], None, 5)).code == FAILURE


def test_words() -> None:
    assert words("a 'b c' \"d\"") == ["a", "b c", "d"]
    assert words("it's so") == ["it's", "so"]


def test_the_journal_keeps_what_a_process_leaves(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j")
    numbers = [journal.add(hook, f"args {hook}", "h", retry=hook == 3) for hook in range(1, 5)]
    first, second, third, fourth = (number or 0 for number in numbers)
    journal.started(first)
    journal.started(second)
    journal.done(second, 4, "<A/>")
    journal.remove(fourth)
    with pytest.raises(JournalError):
        Journal(tmp_path / "j")
    journal.close()
    journal = Journal(tmp_path / "j")
    assert journal.numbers(State.RUNNING) == [first]
    assert journal.numbers(State.DONE) == [second]
    assert journal.numbers(State.WAITING) == [third]
    execution = journal.get(third)
    assert execution is not None
    assert (execution.hook, execution.arguments, execution.host, execution.retry) == (3, "args 3", "h", True)
    done = journal.get(second)
    assert done is not None
    assert (done.code, done.result) == (4, "<A/>")
    assert journal.get(fourth) is None
    assert (tmp_path / "j").stat().st_mode & 0o777 == 0o600
    journal.close()


def test_the_journal_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hem.journal.MOST_WAITING", 2)
    journal = Journal(tmp_path / "j")
    assert journal.add(1, "", "")
    running = journal.add(1, "", "")
    assert journal.add(1, "", "") is None
    journal.started(running or 0)
    assert journal.add(1, "", "")
    journal.close()


def test_a_damaged_journal_is_named(tmp_path: Path) -> None:
    (tmp_path / "j").write_bytes(b"no database" * 100)
    with pytest.raises(JournalError, match=str(tmp_path / "j")):
        Journal(tmp_path / "j")


def test_a_record_is_what_the_server_takes(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j")
    number = journal.add(7, "a <b> &", "h<1", retry=True) or 0
    execution = journal.get(number)
    assert execution is not None
    text = result_xml(execution, "/c <x>", Result(2, b"\xff", b"no\n"), remote=True)
    journal.done(number, 2, text)
    done = journal.get(number)
    assert done is not None
    sent = parse_report(report(done))
    assert (sent.hook, sent.code, sent.uuid) == (7, 2, execution.uuid)
    root = etree.fromstring(f"<R>{sent.inner}</R>")
    paths = ("ARGUMENTS", "EXECUTION_RESULT/COMMAND", "EXECUTION_RESULT/STDOUT", "EXECUTION_RESULT/STDERR")
    assert [root.findtext(path) for path in paths] == ["a <b> &", "/c <x>", "/w==", "bm8K"]
    assert [root.findtext(path) for path in ("REMOTE_HOST", "RETRY")] == ["h<1", "yes"]
    journal.close()
