import ast
import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from launcher import commands, errors, usage
from launcher.errors import LauncherError
from launcher.ports import PORTS
from launcher.settings import ROOT


def _launcher(*arguments: str, **env: str) -> "subprocess.CompletedProcess[str]":
    """The launcher as the Makefile calls it, with Python's own library and nothing else (-S)."""
    return subprocess.run(
        [sys.executable, "-S", "-m", "launcher", *arguments],
        cwd=ROOT,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_help_needs_no_installed_package_and_lists_everything() -> None:
    ended = _launcher("help")
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.strip() == usage.text()
    for name in [*commands.COMMANDS, *(port.variable for port in PORTS)]:
        assert re.search(rf"^  {name}\b", ended.stdout, re.MULTILINE), name


def test_no_module_of_the_launcher_needs_an_installed_package() -> None:
    names = [path.stem for path in (ROOT / "launcher").glob("*.py") if path.stem != "__main__"]
    code = "import " + ", ".join(f"launcher.{name}" for name in names if name != "__init__")
    ended = subprocess.run(
        [sys.executable, "-S", "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ended.stderr == ""


def test_the_makefile_has_the_same_commands() -> None:
    text = (ROOT / "Makefile").read_text().replace("\\\n", " ")
    found = re.search(r"^COMMANDS := (.*)$", text, re.MULTILINE)
    assert found is not None
    assert set(found[1].split()) == {*commands.COMMANDS, "help"}


def test_an_unknown_command_is_refused_with_the_known_ones() -> None:
    ended = _launcher("rnu")
    assert ended.returncode == 64
    assert "'rnu'" in ended.stderr
    assert "run, upgrade, stop, status" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_bad_settings_end_a_command_before_it_does_anything() -> None:
    ended = _launcher("run", ENGINE="lxc", WAIT_SECONDS="soon")
    assert ended.returncode == 64
    assert "ENGINE='lxc'" in ended.stderr
    assert "WAIT_SECONDS='soon'" in ended.stderr
    assert ended.stdout == ""


@pytest.mark.parametrize("command", ["stop", "status", "logs", "shell", "clean"])
def test_a_host_without_an_engine_is_told_how_to_get_one(command: str, tmp_path: Path) -> None:
    for program in ("git", "env"):
        (tmp_path / program).symlink_to(f"/usr/bin/{program}")
    script = (
        "import sys; from launcher import process; process._SBIN = (); "
        "from launcher.__main__ import main; sys.exit(main(sys.argv[1:]))"
    )
    ended = subprocess.run(
        [sys.executable, "-S", "-c", script, command],
        cwd=ROOT,
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 69, ended.stderr
    assert "make run" in ended.stderr


def _classes() -> list[type[LauncherError]]:
    found = [
        value for value in vars(errors).values() if inspect.isclass(value) and issubclass(value, LauncherError)
    ]
    return [value for value in found if value is not LauncherError]


def test_every_error_has_an_exit_code_of_its_own_that_is_documented() -> None:
    codes = {cls.exit_code: cls.__name__ for cls in _classes()}
    assert len(codes) == len(_classes())
    text = (ROOT / "docs/exit-codes.md").read_text()
    section = text.split("## The launcher", 1)[1].split("\n## ", 1)[0]
    assert {int(code) for code in re.findall(r"^\| (\d+) \|", section, re.MULTILINE)} == {*codes, 0, 130, 141, 143}


def test_every_error_that_is_raised_says_what_to_do() -> None:
    names = {cls.__name__ for cls in _classes()} - {"StageError"}
    calls = [
        node
        for path in (ROOT / "launcher").glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names
    ]
    assert len(calls) > 15
    for call in calls:
        assert any(word.arg == "todo" for word in call.keywords), ast.unparse(call)


def test_status_shows_one_line_a_service() -> None:
    report = {
        "line": "failed: mysqld: no space",
        "services": {
            "sshd": {"state": "RUNNING", "status": "ok", "pid": 7, "reason": ""},
            "mysqld": {"state": "EXITED", "status": "failed", "pid": 8, "reason": "mysqld: no space"},
        },
    }
    lines = [re.sub(" +", " ", line) for line in commands.table(report)]
    assert lines == ["failed: mysqld: no space", " mysqld failed mysqld: no space", " sshd ok pid 7"]
