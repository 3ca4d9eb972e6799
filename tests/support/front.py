"""A front-end in a container of its own, with volumes of its own, gone with the test."""

import contextlib
import json
import subprocess
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.support.engine import ENGINE, IMAGE, PREFIX, engine, status, until

VOLUMES = {
    "mysql": "/var/lib/mysql",
    "auth": "/var/lib/one/.one",
    "ssh": "/var/lib/one/.ssh",
    "srv": "/srv/one",
    "datastores": "/var/lib/one/datastores",
    "logs": "/var/log/one",
}
HOST = "front.test"
HEALTHY_SECONDS = 60
DOCKER_IN_DOCKER = ("--cap-add=SYS_ADMIN", "--cap-add=NET_ADMIN", "--security-opt=seccomp=unconfined")


@dataclass
class Front:
    """One container. ``options`` go to ``run``; ``volumes`` maps a short name of VOLUMES to the volume to mount."""

    environment: dict[str, str] = field(default_factory=dict)
    options: tuple[str, ...] = ()
    volumes: dict[str, str] = field(default_factory=dict)
    image: str = IMAGE
    name: str = field(default_factory=lambda: f"{PREFIX}{uuid.uuid4().hex[:10]}")

    def command(self, *words: str) -> list[str]:
        """The words after the engine's name that run this container in the background."""
        mounts = [f"--volume={volume}:{VOLUMES[key]}" for key, volume in self.volumes.items()]
        environment = [f"--env={key}={value}" for key, value in self.environment.items()]
        flags = ["run", "--detach", f"--name={self.name}", "--stop-timeout=90"]
        return [*flags, *mounts, *environment, *self.options, self.image, *words]

    def start(self) -> "Front":
        """Run it."""
        engine(*self.command())
        return self

    def exec(self, *words: str, user: str = "root", check: bool = True, timeout: float = 60) -> str:
        """Standard output of a command inside."""
        return engine("exec", f"--user={user}", self.name, *words, check=check, timeout=timeout)

    def sh(self, script: str, user: str = "root", check: bool = True, timeout: float = 60) -> str:
        """Standard output of a shell script inside."""
        return self.exec("sh", "-c", script, user=user, check=check, timeout=timeout)

    def probe(self, *options: str) -> tuple[int, str]:
        """Exit code and text of the health probe."""
        code, text = status(["exec", self.name, "/frontend-healthcheck.sh", *options])
        return code, text.strip()

    def details(self) -> dict[str, Any]:
        """What the probe says as JSON."""
        found: dict[str, Any] = json.loads(self.probe("--json")[1])
        return found

    def healthy(self, seconds: float = HEALTHY_SECONDS) -> "Front":
        """Wait until the probe says so; on failure the log tells why."""
        try:
            until(lambda: self.probe()[0] == 0, seconds, f"{self.name} healthy", pause=0.2)
        except AssertionError as error:
            raise AssertionError(f"{error}: {self.probe()}\n{self.logs()[-6000:]}") from error
        return self

    def logs(self) -> str:
        """All that the container printed."""
        return status(["logs", self.name])[1]

    def state(self) -> dict[str, Any]:
        """The engine's own view: Running, ExitCode, OOMKilled ..."""
        found: dict[str, Any] = json.loads(engine("inspect", "--format={{json .State}}", self.name))
        return found

    def ended(self, seconds: float = 60) -> int:
        """Wait until the container has ended and return its exit code."""
        until(lambda: not self.state()["Running"], seconds, f"{self.name} ended: {self.logs()[-3000:]}")
        return int(self.state()["ExitCode"])

    def pids(self, service: str) -> int:
        """The process id of a service inside, 0 when it does not run."""
        return int(self.details()["services"][service]["pid"] or 0)

    def address(self) -> str:
        """The container's IP address on its first network."""
        form = "{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}"
        return engine("inspect", f"--format={form}", self.name).split()[0]

    def stop(self, seconds: int = 90) -> float:
        """``stop`` with a grace period; the seconds it took."""
        began = time.monotonic()
        engine("stop", f"--time={seconds}", self.name, timeout=seconds + 30)
        return time.monotonic() - began

    def kill(self) -> None:
        """SIGKILL to the whole container."""
        status(["kill", self.name])

    def remove(self) -> None:
        """Remove the container and its anonymous volumes."""
        status(["rm", "--force", "--volumes", self.name])


@contextlib.contextmanager
def volumes(*keys: str) -> Iterator[dict[str, str]]:
    """Fresh named volumes for ``keys`` (all of VOLUMES without any), removed at the end."""
    found = {key: f"{PREFIX}{key}-{uuid.uuid4().hex[:10]}" for key in keys or VOLUMES}
    for volume in found.values():
        engine("volume", "create", volume)
    try:
        yield found
    finally:
        for volume in found.values():
            status(["volume", "rm", "--force", volume])


@contextlib.contextmanager
def front(
    environment: Mapping[str, str] | None = None,
    *options: str,
    mounts: Mapping[str, str] | None = None,
    image: str = IMAGE,
) -> Iterator[Front]:
    """A running front-end (not yet healthy), removed at the end."""
    one = Front(
        {"OPENNEBULA_FRONTEND_HOST": HOST, **(environment or {})}, options, dict(mounts or {}), image=image
    )
    try:
        yield one.start()
    finally:
        one.remove()


def once(environment: Mapping[str, str], *words: str, options: tuple[str, ...] = ()) -> tuple[int, str]:
    """Exit code and output of a container that ends by itself."""
    variables = [f"--env={key}={value}" for key, value in environment.items()]
    command = [ENGINE, "run", "--rm", *variables, *options, IMAGE, *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    return done.returncode, done.stdout + done.stderr
