"""The front-end of one user without a container, as the README tells: venv, pip install, up, status, down."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyone
import pytest

from onecfg.defaults import install
from tests.support.engine import until
from tests.support.folders import open_to_all

ROOT = Path(__file__).resolve().parents[2]
NOBODY = 65534


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ``oneedge`` of an ordinary installation."""
    venv = tmp_path_factory.mktemp("venv")
    venv.chmod(0o755)
    open_to_all(venv)
    # The system's Python: one below root's home would be out of an ordinary user's reach.
    system = "/usr/bin/python3" if Path("/usr/bin/python3").exists() else sys.executable
    subprocess.run([sys.executable, "-m", "virtualenv", "--quiet", "--python", system, venv], check=True)
    install = [str(venv / "bin/pip"), "install", "--quiet", "--disable-pip-version-check", str(ROOT)]
    subprocess.run(install, check=True, stderr=subprocess.DEVNULL)
    return venv / "bin/oneedge"


def run(program: Path, state: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    """Run it as an ordinary user who has a home."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(state.parent), "TZ": "UTC"}
    return subprocess.run(
        [program, *words, "--state", state], user=NOBODY, group=NOBODY, extra_groups=[], env=environment,
        capture_output=True, text=True, timeout=90, check=False, cwd="/",
    )  # fmt: skip


@pytest.fixture
def state(tmp_path: Path, program: Path) -> Iterator[Path]:
    assert os.getuid() == 0, "becoming an ordinary user needs root"
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", 2633)) != 0, "port 2633 is in use: end what listens there"
    tmp_path.chmod(0o755)
    open_to_all(tmp_path)
    os.chown(tmp_path, NOBODY, NOBODY)
    folder = tmp_path / "state"
    yield folder
    run(program, folder, "down")


def test_up_use_status_down_and_up_again(program: Path, state: Path) -> None:
    began = time.monotonic()
    up = run(program, state, "up")
    assert up.returncode == 0, up.stdout + up.stderr
    assert time.monotonic() - began < 20
    assert "\nok\n" in up.stdout
    session = (state / "var/lib/one/.one/one_auth").read_text().strip()
    assert session.split(":")[1] not in up.stdout
    one: Any = pyone.OneServer("http://127.0.0.1:2633/RPC2", session=session)
    number = one.document.allocate({"NAME": "kept"}, 199)
    assert run(program, state, "status").stdout.startswith("ok\n")

    again = run(program, state, "up")
    assert again.returncode == 85
    assert "runs already" in again.stderr

    down = run(program, state, "down")
    assert (down.returncode, down.stdout) == (0, "stopped\n")
    assert run(program, state, "status").returncode == 1
    assert run(program, state, "down").stdout == "not running\n"

    assert run(program, state, "up").returncode == 0
    assert one.document.info(number).NAME == "kept"
    assert {path.lstat().st_uid for path in state.rglob("*")} == {NOBODY}


def test_kill_minus_nine_and_up_again(program: Path, state: Path) -> None:
    assert run(program, state, "up").returncode == 0
    supervisor = int((state / "run/oneedge/supervisord.pid").read_text())
    auth = (state / "var/lib/one/.one/one_auth").read_text()
    children = [int(pid) for pid in Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text().split()]
    for pid in (supervisor, *children):
        os.kill(pid, signal.SIGKILL)
    until(
        lambda: not any(Path(f"/proc/{pid}/exe").exists() for pid in (supervisor, *children)), 10, "all are gone"
    )
    assert run(program, state, "status").returncode == 1
    assert run(program, state, "up").returncode == 0
    assert (state / "var/lib/one/.one/one_auth").read_text() == auth


@pytest.mark.parametrize("command", ["up", "down"])
def test_services_of_a_supervisor_that_was_killed_alone_are_ended(
    program: Path, state: Path, command: str
) -> None:
    """Also the SSH agent, whose environment the kernel hides; a stranger with a number that we noted lives on."""
    assert run(program, state, "up").returncode == 0
    supervisor = int((state / "run/oneedge/supervisord.pid").read_text())
    until((state / "var/lib/one/.one/showback").exists, 20, "what nobody waits for has begun too, and sleeps")
    children = [int(pid) for pid in Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text().split()]
    assert len(children) >= 3
    with subprocess.Popen(["sleep", "600"], user=NOBODY, group=NOBODY, extra_groups=[]) as stranger:
        noted = state / "run/oneedge/state/opennebula-ssh-add.json"
        noted.write_text(json.dumps(json.loads(noted.read_text()) | {"pid": stranger.pid}))
        os.kill(supervisor, signal.SIGKILL)
        until(lambda: not Path(f"/proc/{supervisor}/exe").exists(), 10, "Supervisor is gone")
        done = run(program, state, command)
        assert stranger.poll() is None
        stranger.kill()
    assert done.returncode == 0, done.stdout + done.stderr
    names = ("hem", "scheduler", "showback", "ssh-agent", "ssh-socks-cleaner")
    ended = ", ".join(["opennebula", *(f"opennebula-{name}" for name in names)])
    assert done.stdout.startswith(f"ended what ran without its Supervisor: {ended}\n")
    assert not [pid for pid in children if Path(f"/proc/{pid}/exe").exists()]
    assert run(program, state, "down").stdout == {"up": "stopped\n", "down": "not running\n"}[command]


def test_a_state_folder_that_cannot_be_made(program: Path, state: Path) -> None:
    failed = run(program, Path("/proc/nowhere/state"), "up")
    assert failed.returncode == 82
    assert "Choose another with --state" in failed.stderr
    assert "Traceback" not in failed.stderr
    assert not state.exists()


def onecfg(program: Path, root: Path, *words: str) -> str:
    """What ``onecfg`` of that installation prints about the tree below ``root``."""
    command = [str(program.with_name("onecfg")), *words]
    environment = {"PATH": "/usr/bin:/bin", "ONEEDGE_ROOT": str(root)}
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=60, check=False, cwd="/"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_onecfg_patches_a_packaged_front_end(program: Path, tmp_path: Path) -> None:
    """The files of a front-end from packages, another user's, and nothing of ours beside them."""
    root = tmp_path / "root"
    (root / "etc/one").mkdir(parents=True)
    install(root, oneadmin=(NOBODY, NOBODY))
    conf, remote = root / "etc/one/oned.conf", root / "var/lib/one/remotes/etc/vmm/kvm/kvmrc"
    before = {path: (path.read_text(), path.stat()) for path in (conf, remote)}
    patch = tmp_path / "my.patch"
    patch.write_text(
        "/etc/one/oned.conf set LOG/DEBUG_LEVEL 4\n"
        "/var/lib/one/remotes/etc/vmm/kvm/kvmrc set SHUTDOWN_TIMEOUT 300\n"
    )
    onecfg(program, root, "init")
    onecfg(program, root, "patch", str(patch))
    for path, (text, status) in before.items():
        now = path.stat()
        assert (now.st_mode, now.st_uid, now.st_gid) == (status.st_mode, status.st_uid, status.st_gid)
        old, new = text.splitlines(), path.read_text().splitlines()
        assert len([line for line in new if line not in old]) == 1, path
    assert "DEBUG_LEVEL = 4" in conf.read_text()
    differences = onecfg(program, root, "diff")
    assert re.findall(r"^- set (.*)$", differences, re.MULTILINE) == [
        'LOG/DEBUG_LEVEL "4"',
        'SHUTDOWN_TIMEOUT "300"',
    ]
    onecfg(program, root, "restore")
    assert {path: path.read_text() for path in before} == {path: text for path, (text, _) in before.items()}
    assert onecfg(program, root, "diff").strip() == ""
