"""Running other programs: quick ones are captured, long ones write a log file that error messages name."""

import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from launcher.errors import LauncherError

# Administrators' programs stand in these folders, which a plain user's PATH often lacks.
_SBIN = ("/usr/local/sbin", "/usr/sbin", "/sbin")
TAIL_LINES = 20
# What one make tells another: variables of its command line in there would win over what a nested make is given.
_MAKE = ("MAKEFLAGS", "MFLAGS", "MAKEOVERRIDES", "MAKELEVEL")


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's environment with the sbin folders in PATH, without make's own, and ``extra`` on top."""
    env = {name: value for name, value in os.environ.items() if name not in _MAKE}
    folders = env.get("PATH", "/usr/bin:/bin").split(":")
    env["PATH"] = ":".join([*folders, *(folder for folder in _SBIN if folder not in folders)])
    env.update(extra or {})
    return env


def find(program: str) -> str | None:
    """The path of ``program``, ``None`` where it is not installed."""
    return shutil.which(program, path=environment()["PATH"])


def capture(
    argv: Sequence[str], env: Mapping[str, str] | None = None, timeout: float | None = 60
) -> subprocess.CompletedProcess[str]:
    """Run ``argv`` without input and keep its output; a non-zero exit is the caller's to judge.

    A program that takes longer than ``timeout`` seconds counts as failed with code 124, as ``timeout(1)`` has it.
    """
    try:
        return subprocess.run(
            argv,
            env=environment(env),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(argv, 124, "", f"{argv[0]} did not answer within {timeout:.0f} s")


def tail(text: str, lines: int = TAIL_LINES) -> str:
    """The last ``lines`` lines of ``text``, indented, without terminal colours."""
    text = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", text)
    return "\n".join(f"    {line}" for line in text.strip().splitlines()[-lines:])


def run_logged(
    argv: Sequence[str],
    log: Path,
    failure: type[LauncherError],
    what: str,
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> None:
    """Run ``argv`` with its output in ``log``; raise ``failure`` with the last lines where it does not exit 0."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as out:
        ended = subprocess.run(
            argv,
            env=environment(env),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if ended.returncode:
        text = log.read_text(errors="replace")
        raise failure(
            f"{what} failed with exit code {ended.returncode}. Its last lines:\n{tail(text)}",
            todo=f"The whole log is {log}. Mend what it names and run the same command again.",
        )
