"""The log that services share: upstream's line form, one line a record."""

import io
import re
import subprocess
import sys
from pathlib import Path

import pytest

from onelib.logs import DEBUG, ERROR, INFO, Log, LogError


def test_line_form_and_level() -> None:
    stream = io.StringIO()
    log = Log(INFO, 0, stream)
    log.write("ReM", ERROR, "bad")
    log.write("ReM", DEBUG, "unseen")
    assert re.fullmatch(r"\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4} \[Z0\]\[ReM\]\[E\]: bad\n", stream.getvalue())


def test_a_line_cannot_be_forged() -> None:
    stream = io.StringIO()
    Log(INFO, 0, stream).write("ReM", INFO, "a\nMon Jan 1 [Z0][ONE][I]: b\r")
    assert stream.getvalue().count("\n") == 1


def test_a_file_is_made_with_its_folder_and_goes_on(tmp_path: Path) -> None:
    program = (
        "import sys, pathlib, onelib.logs as logs\n"
        "log = logs.Log.open('file', logs.INFO, 3, pathlib.Path(sys.argv[1]), 'sched.log')\n"
        "log.write('SCHED', logs.INFO, sys.argv[2])"
    )
    for text in ("one", "two"):
        subprocess.run([sys.executable, "-c", program, str(tmp_path / "log"), text], check=True)
    lines = (tmp_path / "log/sched.log").read_text().splitlines()
    assert [line.partition(" [Z3]")[2] for line in lines] == ["[SCHED][I]: one", "[SCHED][I]: two"]


def test_a_file_that_cannot_be_opened(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("")
    with pytest.raises(LogError, match=r"sched\.log cannot be opened") as caught:
        Log.open("file", INFO, 0, tmp_path / "log", "sched.log")
    assert caught.value.exit_code == 78
    assert "std" in caught.value.todo
