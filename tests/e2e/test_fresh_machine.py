"""``make run`` on a Debian 12 that has git, make and python3 and nothing else, in a container with an engine inside."""

import os
import re
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from launcher import base
from launcher.engine import Engine
from launcher.settings import ROOT
from tests.e2e.conftest import PREFIX, make_base

pytestmark = [pytest.mark.full, pytest.mark.timeout(1800)]

CONTAINERFILE = """\
ARG BASE_IMAGE
FROM ${BASE_IMAGE}
RUN apt-get update -qq && apt-get install -qq --no-install-recommends git make python3 ca-certificates >/dev/null
"""
# An engine inside needs the control groups and the network's settings writable.
WRITABLE = """\
awk '$3 ~ "^cgroup" {print $2}' /proc/mounts | while read -r folder; do mount -o remount,bind,rw "$folder"; done
mount -o remount,bind,rw /proc/sys
git config --global --add safe.directory "*"
git clone --quiet /source /root/oneedge
"""
PRIVILEGES = ("--cap-add=SYS_ADMIN", "--cap-add=NET_ADMIN", "--security-opt=seccomp=unconfined")
FOLDERS = {"docker": "/var/lib/docker", "podman": "/var/lib/containers"}


def _pip_settings() -> list[str]:
    """Mounts and variables that give the machine inside this one's pip settings: index, proxy, authorities."""
    words = [word for name in os.environ if name.startswith("PIP_") for word in ("--env", name)]
    settings = Path("/etc/pip.conf")
    text = settings.read_text() if settings.exists() else ""
    named = {Path(path) for path in re.findall(r"(?:file://|[\s=])(/[^\s]+)", text)}
    indexes = {path.parent for path in named if path.name == "simple"}
    for path in sorted({settings} | named | indexes):
        words += ["--volume", f"{path}:{path}:ro"] if path.exists() else []
    return words


@pytest.fixture
def machine(engine: Engine, tmp_path: Path) -> Iterator["Machine"]:
    """A fresh machine; ``engine`` tells which one it shall install."""
    docker = Engine("docker", "docker")
    make_base("docker")
    (tmp_path / "Containerfile").write_text(CONTAINERFILE)
    name = f"{PREFIX}fresh-{uuid.uuid4().hex[:8]}"
    docker.must(
        *("build", "--tag", name, "--file", f"{tmp_path}/Containerfile"),
        *("--build-arg", f"BASE_IMAGE={base.NAME}", str(tmp_path)),
        timeout=600,
    )
    docker.must(
        *("run", "--detach", "--name", name, *PRIVILEGES, "--volume", f"{name}:{FOLDERS[engine.kind]}"),
        *("--volume", f"{ROOT}:/source:ro", *_pip_settings(), name, "sleep", "infinity"),
    )
    try:
        docker.must("exec", name, "sh", "-ec", WRITABLE)
        yield Machine(docker, name, engine.kind)
    finally:
        docker.run("rm", "--force", "--volumes", name)
        docker.run("volume", "rm", name)
        docker.run("image", "rm", name)


class Machine:
    """The machine inside."""

    def __init__(self, docker: Engine, name: str, kind: str) -> None:
        self._docker = docker
        self._name = name
        self.kind = kind

    def make(self, command: str) -> "subprocess.CompletedProcess[str]":
        # Without ENGINE the launcher takes Docker, as for a user who has no engine.
        engine = ["--env", "ENGINE=podman"] if self.kind == "podman" else []
        return self._docker.run(
            "exec", *engine, "--workdir", "/root/oneedge", self._name, "make", command, timeout=1500
        )


def test_one_command_from_nothing_to_healthy(machine: Machine) -> None:
    first = machine.make("run")
    assert first.returncode == 0, first.stdout + first.stderr
    assert f"==> Installing {'docker.io' if machine.kind == 'docker' else 'podman'}" in first.stdout
    assert "The front-end is up (ok)." in first.stdout
    again = machine.make("run")
    assert again.returncode == 0, again.stderr
    assert "Installing" not in again.stdout
    assert "runs already" in again.stdout
    status = machine.make("status")
    assert status.stdout.splitlines()[0] == "ok"
