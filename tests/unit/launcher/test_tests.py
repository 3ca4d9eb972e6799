import io
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from launcher import settings, sweep, tests
from launcher.engine import Engine
from launcher.errors import ProgramMissingError, StageError
from launcher.progress import Progress
from launcher.settings import ROOT
from launcher.tests import Run, Stage


@pytest.fixture
def run(progress: Progress, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.delenv(sweep.VARIABLE, raising=False)
    return Run(settings.read({}), progress)


def _pass(_: Run) -> None:
    pass


def _fail(_: Run) -> None:
    raise ProgramMissingError("There is no compiler.", todo="Install one.")


def test_a_failure_hides_no_other_stage_and_ends_in_one_error(
    run: Run, output: io.StringIO, capsys: pytest.CaptureFixture[str]
) -> None:
    stages = [
        Stage("one", _pass),
        Stage("two", _fail),
        Stage("three", _pass, ("two",)),
        Stage("four", _pass, ("one",)),
    ]
    with pytest.raises(StageError) as error:
        tests.run_stages(stages, run)
    assert error.value.exit_code == 1
    assert "two, three" in error.value.message
    text = output.getvalue().split("=== summary ===")[1]
    assert re.findall(r"^  (\w+) +[0-9.]+ s  (.+)$", text, re.MULTILINE) == [
        ("one", "passed"),
        ("two", "failed (69)"),
        ("three", "not run (needs two)"),
        ("four", "passed"),
    ]
    assert "There is no compiler." in capsys.readouterr().err


def test_all_passed(run: Run, output: io.StringIO) -> None:
    assert tests.run_stages([Stage("one", _pass)], run) == 0
    assert "  all " in output.getvalue()


def test_a_stage_that_needs_one_of_another_command_runs(run: Run) -> None:
    assert tests.run_stages([Stage("one", _pass, ("elsewhere",))], run) == 0


def test_every_need_is_a_stage_that_comes_before() -> None:
    seen: set[str] = set()
    for stage in tests.STAGES:
        assert set(stage.needs) <= seen, stage.name
        seen.add(stage.name)


def test_tests_are_told_the_prefix_and_the_long_form(run: Run) -> None:
    found = run.environment()
    assert found[sweep.VARIABLE].startswith("oneedge-test-")
    assert "ONEEDGE_TEST_FULL" not in found
    run.full = True
    assert run.environment()["ONEEDGE_TEST_FULL"] == "1"


def test_tests_are_told_the_engine_and_its_images(run: Run) -> None:
    run.engines["podman"] = Engine("podman", "/usr/bin/podman", {"CONTAINERS_CONF": "/x"})
    run.images["podman"] = ("localhost/oneedge:1", "localhost/oneedge:1-slim")
    found = run.environment("podman")
    assert found["ONEEDGE_TEST_ENGINE"] == "podman"
    assert found["CONTAINERS_CONF"] == "/x"
    assert found["ONEEDGE_TEST_IMAGE"] == "localhost/oneedge:1"
    assert found["ONEEDGE_TEST_SLIM_IMAGE"] == "localhost/oneedge:1-slim"
    assert "ONEEDGE_TEST_ENGINE" not in run.environment("docker")


def test_a_stages_program_that_fails_fails_the_stage(run: Run) -> None:
    with pytest.raises(StageError, match="exit code 4"):
        tests.execute(["sh", "-c", "exit 4"], run)


def _sleeper(name: str) -> Stage:
    script = f"echo {name} begins; sleep 0.5; echo {name} ends >&2"
    return Stage(name, lambda run: tests.execute(["sh", "-c", script], run), beside=True)


def test_stages_side_by_side_overlap_and_their_output_does_not(run: Run, output: io.StringIO) -> None:
    stages = [Stage("first", _pass), _sleeper("a"), _sleeper("b"), Stage("failing", _fail, beside=True)]
    started = time.monotonic()
    with pytest.raises(StageError, match="Not passed: failing"):
        tests.run_stages(stages, run)
    assert time.monotonic() - started < 0.95
    assert "ERROR: There is no compiler." in output.getvalue().split("=== failing ===")[1]
    for name in "ab":
        assert f"=== {name} ===\n{name} begins\n{name} ends\n" in output.getvalue()


def test_an_interrupted_run_leaves_no_program_behind(tmp_path: Path) -> None:
    script = (
        "from launcher import __main__, settings, tests; from launcher.progress import Progress\n"
        "import signal; signal.signal(signal.SIGTERM, __main__.ended)\n"
        "call = lambda run: tests.execute(['sh', '-c', 'echo $$ >>pids; exec sleep 60'.replace('pids', PIDS)], run)\n"
        "stages = [tests.Stage(name, call, beside=True) for name in 'ab']\n"
        "tests.run_stages(stages, tests.Run(settings.read({}), Progress()))"
    )
    pids = tmp_path / "pids"
    program = [sys.executable, "-c", f"PIDS = {str(pids)!r}\n{script}"]
    with subprocess.Popen(program, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as started:
        while not pids.exists() or len(pids.read_text().split()) < 2:
            assert started.poll() is None
            time.sleep(0.02)
        started.terminate()
        assert started.wait(20) == 143
    for pid in pids.read_text().split():
        assert not Path("/proc", pid).exists()


def test_a_stage_started_in_the_background_of_a_shell_ignores_no_signal(run: Run, tmp_path: Path) -> None:
    found = tmp_path / "status"
    script = (
        "from launcher import settings, tests; from launcher.progress import Progress\n"
        f"show = lambda run: tests.execute(['cp', '/proc/self/status', '{found}'], run)\n"
        "tests.run_stages([tests.Stage('show', show)], tests.Run(settings.read({}), Progress()))"
    )
    command = f"trap '' INT QUIT HUP; exec {sys.executable} -c \"$0\""
    subprocess.run(["sh", "-c", command, script], cwd=ROOT, check=True, capture_output=True)
    ignored = re.search(r"^SigIgn:\t([0-9a-f]+)$", found.read_text(), re.MULTILINE)
    assert ignored is not None
    assert int(ignored[1], 16) & 0b111 == 0


def test_nothing_but_a_test_runs_prefix_may_be_swept(run: Run, progress: Progress) -> None:
    for prefix in ("", "one", "opennebula_"):
        with pytest.raises(ValueError, match="no prefix"):
            sweep.sweep(run.engines.get("docker"), prefix, progress)  # type: ignore[arg-type]
