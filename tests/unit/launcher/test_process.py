import sys
from pathlib import Path

import pytest

from launcher import process
from launcher.errors import BuildError


def test_captured_output_and_exit_code() -> None:
    ended = process.capture([sys.executable, "-c", "import sys; print('out'); sys.exit('err')"])
    assert (ended.stdout, ended.stderr, ended.returncode) == ("out\n", "err\n", 1)


def test_a_program_that_hangs_counts_as_failed() -> None:
    ended = process.capture(["sleep", "30"], timeout=0.1)
    assert ended.returncode == 124
    assert "did not answer" in ended.stderr


def test_output_that_is_no_text_does_not_raise() -> None:
    assert process.capture(["printf", r"\377"]).stdout == "�"


def test_administrators_programs_are_found_without_sbin_in_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/usr/bin")
    assert process.find("dpkg-preconfigure") == "/usr/sbin/dpkg-preconfigure"
    assert process.find("no-such-program") is None


def test_a_failed_build_names_the_log_and_shows_its_end(tmp_path: Path) -> None:
    log = tmp_path / "new/folder/build.log"
    script = "for n in $(seq 50); do echo line $n; done; printf '\\033[91mred\\033[0m\\n' >&2; exit 3"
    with pytest.raises(BuildError) as error:
        process.run_logged(["sh", "-c", script], log, BuildError, "The build")
    assert "The build failed with exit code 3" in error.value.message
    assert "line 50\n    red" in error.value.message
    assert "line 20\n" not in error.value.message
    assert str(log) in error.value.todo
    assert "line 1\n" in log.read_text()


def test_a_logged_program_has_no_input_and_the_given_environment(tmp_path: Path) -> None:
    log = tmp_path / "log"
    process.run_logged(["sh", "-c", "cat; echo $WHAT"], log, BuildError, "cat", env={"WHAT": "this"})
    assert log.read_text() == "this\n"


def test_a_nested_make_does_not_inherit_the_outer_ones_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAKEFLAGS", " -- ENGINE=podman")
    monkeypatch.setenv("ENGINE", "docker")
    script = "printf 'x:\\n\\t@echo $(ENGINE)\\n' | make -f - x"
    ended = process.capture(["sh", "-c", script])
    assert ended.stdout == "docker\n", ended.stderr
