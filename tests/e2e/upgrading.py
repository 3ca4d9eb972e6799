"""A container with many settings, and ``oneedge upgrade`` on it as an operator types it."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from launcher.engine import Engine
from launcher.settings import ROOT
from tests.support.engine import until

SECRET = "rosebud-4711"
Done = subprocess.CompletedProcess[str]


@dataclass
class Operator:
    """Who upgrades the container ``name``; ``path`` is a folder with another program of the engine's name."""

    engine: Engine
    name: str
    path: str = ""
    env: dict[str, str] = field(default_factory=dict)

    def words(self, *arguments: str) -> list[str]:
        given = ("--name", self.name, "--engine", self.engine.kind)
        return [sys.executable, "-m", "launcher", "upgrade", *given, *arguments]

    @property
    def environment(self) -> dict[str, str]:
        path = f"{self.path}:{os.environ['PATH']}" if self.path else os.environ["PATH"]
        return {**os.environ, "PATH": path, **self.env}

    def upgrade(self, *arguments: str) -> Done:
        """``oneedge upgrade`` with those words, to its end."""
        return subprocess.run(
            self.words(*arguments),
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )

    def begin(self, *arguments: str) -> "subprocess.Popen[str]":
        """The same in the background."""
        return subprocess.Popen(
            self.words(*arguments),
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def start(self, image: str, *options: str) -> dict[str, Any]:
        """Run the container and wait until it is healthy; what the engine tells of it."""
        self.engine.must("run", "--detach", "--name", self.name, *options, image, timeout=120)
        self.healthy()
        return self.inspect()

    def probe(self) -> str:
        return self.engine.run("exec", self.name, "/frontend-healthcheck.sh").stdout.strip()

    def healthy(self) -> None:
        until(lambda: self.probe() == "ok", 60, f"{self.name} healthy: {self.probe()}")

    def inspect(self) -> dict[str, Any]:
        found = self.engine.inspect("container", self.name)
        assert found is not None
        return found

    def file(self, name: str) -> str:
        """A file of the stand-in's "database", empty where there is none."""
        return self.engine.run("exec", self.name, "cat", f"/var/lib/mysql/{name}").stdout.strip()

    @property
    def containers(self) -> list[str]:
        """Every container whose name begins with this one's."""
        names = self.engine.must("ps", "--all", "--format", "{{.Names}}").split()
        return sorted(name for name in names if name.startswith(self.name))

    def alone_and_well(self, number: str) -> None:
        """One container, healthy, on the database of that release; never two at once on it."""
        assert self.containers == [self.name]
        self.healthy()
        assert self.file("number") == number
        history = self.file("history").splitlines()
        assert "twice" not in history, history

    def remove(self) -> None:
        """Remove the containers with their volumes: an upgrade has given a name to those that had none."""
        found = [self.engine.inspect("container", name) or {} for name in self.containers]
        mounts = [mount for item in found for mount in item.get("Mounts") or []]
        volumes = {mount["Name"] for mount in mounts if mount["Type"] == "volume"}
        if found:
            self.engine.run("rm", "--force", "--volumes", *self.containers)
        for volume in volumes:
            self.engine.run("volume", "rm", volume)


def killing_engine(folder: Path, program: str, kind: str, turn: int) -> Path:
    """A program of the engine's name that kills its caller right after the ``turn``-th act; 0 for never.

    Only what changes something counts: the real program does it, and its caller never hears of it.
    """
    file = folder / kind
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "count").write_text("")
    file.write_text(f"""#!/bin/bash
case "$1 $3" in
    create*|update*|stop*|rename*|start*|rm*|"network "*|"exec onedb") ;;
    *) exec {program} "$@" ;;
esac
echo "$1" >>{folder}/count
{program} "$@"
code=$?
[ "$(wc -l <{folder}/count)" != {turn} ] || kill -9 $PPID
exit $code
""")
    file.chmod(0o755)
    return folder


def wait_for(child: "subprocess.Popen[str]", text: str, seconds: float = 60) -> str:
    """Read the child's output until ``text`` is in it; what was read."""
    assert child.stdout is not None
    read, limit = "", time.monotonic() + seconds
    while text not in read:
        line = child.stdout.readline()
        assert line, f"the output ended without {text!r}: {read}"
        assert time.monotonic() < limit, read
        read += line
    return read


def kill(child: "subprocess.Popen[str]") -> None:
    child.send_signal(signal.SIGKILL)
    child.communicate(timeout=30)


def result(done: Done) -> dict[str, Any]:
    """The last line of ``--json``."""
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found
