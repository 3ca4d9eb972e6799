import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from launcher import base, daemon, sweep
from launcher.engine import Engine
from launcher.ports import PORTS
from launcher.progress import Progress
from launcher.settings import ROOT
from tests.e2e import standin

PREFIX = os.environ.get(sweep.VARIABLE) or sweep.prefix()


def free_ports(count: int) -> list[int]:
    """Numbers that are free for TCP and UDP now, all distinct."""
    with ExitStack() as held:
        found: list[int] = []
        while len(found) < count:
            tcp = held.enter_context(socket.socket())
            tcp.bind(("0.0.0.0", 0))
            udp = held.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            try:
                udp.bind(("0.0.0.0", tcp.getsockname()[1]))
            except OSError:
                continue
            found.append(tcp.getsockname()[1])
        return found


def make_base(kind: str) -> None:
    """The base image, as a user makes it; at once where it is there."""
    built = subprocess.run(
        ["make", "base", f"PYTHON={sys.executable}"],
        cwd=ROOT,
        env={**os.environ, "ENGINE": kind},
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr


@dataclass
class Deployment:
    """One front-end of a test: names and ports of its own, driven by ``make`` as a user does."""

    engine: Engine
    name: str
    env: dict[str, str] = field(default_factory=dict)

    @property
    def volume_prefix(self) -> str:
        return f"{self.name}_"

    def make(self, command: str, given: str = "", **more: str) -> "subprocess.CompletedProcess[str]":
        """``make COMMAND`` with this deployment's variables; output and errors as the user sees them."""
        values = {"ENGINE": self.engine.kind, "ONEEDGE_CONTAINER": self.name, "VOLUME_PREFIX": self.volume_prefix}
        return subprocess.run(
            ["make", "--no-print-directory", command, f"PYTHON={sys.executable}"],
            cwd=ROOT,
            env={**os.environ, **self.env, **values, **more},
            input=given,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )

    def inspect(self, template: str) -> str:
        """A field of the container as the engine tells it."""
        return self.engine.must("container", "inspect", "--format", template, self.name)

    def exec(self, *argv: str) -> str:
        return self.engine.must("exec", self.name, *argv)

    @property
    def volumes(self) -> set[str]:
        names = self.engine.must("volume", "ls", "--quiet").split()
        return {name for name in names if name.startswith(self.volume_prefix)}


@pytest.fixture(scope="session", params=["docker", "podman"])
def engine(request: pytest.FixtureRequest) -> Engine:
    """A real engine; a missing one fails the tests that need it."""
    if shutil.which(request.param) is None:
        pytest.fail(f"{request.param} is not installed; 'make test' installs it")
    return daemon.ensure(request.param, Progress(sys.stderr))


@pytest.fixture(scope="session")
def standin_image(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The stand-in image, on the same base as the real one."""
    make_base(engine.kind)
    folder = tmp_path_factory.mktemp("standin")
    (folder / "Containerfile").write_text(standin.CONTAINERFILE)
    (folder / "boot").write_text(standin.BOOT)
    (folder / "probe").write_text(standin.PROBE)
    name = base.local(engine, f"{PREFIX}standin")
    argument = f"BASE_IMAGE={base.local(engine, base.NAME)}"
    engine.must("build", "--tag", name, "--file", f"{folder}/Containerfile", "--build-arg", argument, str(folder))
    yield name
    engine.must("image", "rm", "--force", name)


@pytest.fixture
def deployment(engine: Engine, request: pytest.FixtureRequest) -> Iterator[Deployment]:
    """A deployment with free ports; its container and its volumes are gone afterwards."""
    variables = sorted({port.variable for port in PORTS})
    numbers = free_ports(len(variables))
    short = "".join(char for char in request.node.originalname if char.isalnum())[-20:]
    found = Deployment(engine, f"{PREFIX}{short}", dict(zip(variables, map(str, numbers), strict=True)))
    found.env["DEPLOY_BIND_ADDR"] = "127.0.0.1"
    yield found
    engine.run("kill", found.name)
    engine.run("rm", "--force", "--volumes", found.name)
    if found.volumes:
        engine.must("volume", "rm", *found.volumes)


@pytest.fixture
def quick(deployment: Deployment, standin_image: str) -> Deployment:
    """The same with the stand-in image."""
    deployment.env |= {"IMAGE": standin_image, "OPENNEBULA_FRONTEND_HOST": "one.example.com"}
    return deployment


@pytest.fixture
def observed(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file with every argument list that the engine's program was called with; the real program runs."""
    record = tmp_path / "calls"
    program = tmp_path / "bin" / engine.kind
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$*" >>{record}\nexec {engine.program} "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    return record
