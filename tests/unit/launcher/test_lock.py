import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from launcher import lock
from launcher.errors import BusyError
from launcher.progress import Progress
from launcher.settings import ROOT

HOLDER = """
import sys
from pathlib import Path
from launcher import lock
from launcher.progress import Progress
with lock.held("run", Progress(sys.stderr), Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def _holder(path: Path) -> "subprocess.Popen[str]":
    """Another process that holds the lock until its input ends."""
    started = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert started.stdout is not None
    assert started.stdout.readline() == "held\n"
    return started


def test_a_second_launcher_is_told_who_holds_the_lock(
    tmp_path: Path, progress: Progress, output: io.StringIO
) -> None:
    path = tmp_path / "lock"
    with _holder(path) as holder:
        named = f"pid {holder.pid}, user {os.getuid()}, make run"
        with pytest.raises(BusyError, match=named) as error, lock.held("image", progress, path, wait=0.2):
            pytest.fail("the lock was given twice")
        holder.communicate()
    assert error.value.exit_code == 75
    assert f"held by pid {holder.pid}" in output.getvalue()


def test_a_killed_launcher_leaves_no_lock(tmp_path: Path, progress: Progress) -> None:
    path = tmp_path / "lock"
    with _holder(path) as holder:
        holder.kill()
    with lock.held("image", progress, path, wait=0):
        assert f"pid {os.getpid()}" in path.read_text()


def test_every_user_may_take_the_lock_after_another(tmp_path: Path, progress: Progress) -> None:
    path = tmp_path / "lock"
    with lock.held("run", progress, path):
        assert path.stat().st_mode & 0o777 == 0o666


def test_a_link_in_the_locks_place_is_not_followed(tmp_path: Path, progress: Progress) -> None:
    target = tmp_path / "precious"
    target.write_text("precious")
    (tmp_path / "lock").symlink_to(target)
    with pytest.raises(OSError, match="symbolic links"), lock.held("run", progress, tmp_path / "lock"):
        pytest.fail("the link was followed")
    assert target.read_text() == "precious"
