import io
import re
import time

import pytest

from launcher import progress as module
from launcher.progress import Progress


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_step_tells_its_title_and_its_seconds(progress: Progress, output: io.StringIO) -> None:
    with progress.step("Building"):
        time.sleep(0.1)
    assert re.fullmatch(r"==> Building\n    done in 0\.[1-9] s\n", output.getvalue())


def test_a_step_that_raises_is_said_to_have_failed(progress: Progress, output: io.StringIO) -> None:
    with pytest.raises(ValueError, match="no"), progress.step("Building"):
        raise ValueError("no")
    assert "failed in" in output.getvalue()


def test_a_note_is_printed_when_it_changes(progress: Progress, output: io.StringIO) -> None:
    with progress.step("Waiting") as step:
        for text in ("starting", "starting", "upgrading"):
            step.note(text)
    assert [line.split(" (")[0].strip() for line in output.getvalue().splitlines()[1:3]] == [
        "starting",
        "upgrading",
    ]


def test_a_terminal_gets_one_line_a_step() -> None:
    terminal = _Terminal()
    with Progress(terminal).step("Waiting") as step:
        step.note("starting")
    assert terminal.getvalue().count("\n") == 1
    assert terminal.getvalue().endswith("==> Waiting (starting) done 0 s\n")


def test_a_long_step_gives_signs_of_life(
    progress: Progress, output: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "HEARTBEAT", 0.05)
    with progress.step("Building"):
        time.sleep(0.2)
    assert "still at it" in output.getvalue()
