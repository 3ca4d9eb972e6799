"""A real Supervisor with small real services under a temporary root, and the real probe."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

CHECKOUT = Path(__file__).resolve().parents[3]


def entry(*command: str, **changes: object) -> dict[str, Any]:
    """An entry of the service table."""
    return {
        "kind": "service",
        "command": list(command),
        "user": None,
        "directory": "/",
        "environment": {},
        "umask": "0022",
        "essential": True,
        "autostart": True,
        "priority": 100,
        "stop_seconds": 5,
        "stop_signal": "TERM",
        "wait_seconds": 20,
        "start_seconds": 10,
        "needs": [],
        "ready": [],
        "prepare": [],
    } | changes


def need(kind: str, address: object, label: str = "") -> dict[str, str]:
    return {"kind": kind, "address": str(address), "label": label or f"{kind} {address}"}


def until(condition: Callable[[], object], seconds: float = 10.0, what: str = "") -> float:
    """Wait until ``condition`` holds; how long it took."""
    begin = time.monotonic()
    while not condition():
        assert time.monotonic() - begin < seconds, f"not within {seconds} s: {what or condition}"
        time.sleep(0.02)
    return time.monotonic() - begin


class Front:
    """One front-end: a service table, Supervisor in the foreground, the probe."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.run = root / "run/oneedge"
        self.run.mkdir(parents=True)
        self.output = root / "output"
        self.environment = {"PATH": os.environ["PATH"], "ONEEDGE_ROOT": str(root)}
        self.process: subprocess.Popen[bytes] | None = None

    def write(self, services: dict[str, Any], *, maintenance: bool = False, log: Path | None = None) -> None:
        """What the bootstrap leaves behind."""
        table = {"version": 1, "maintenance": maintenance, "boot": time.time(), "services": services}
        loader = FileSystemLoader(CHECKOUT / "supervisor")
        template = Environment(loader=loader, undefined=StrictUndefined, autoescape=False).get_template(  # noqa: S701
            "supervisord.conf.j2"
        )
        text = template.render(
            services=services,
            maintenance=maintenance,
            run=str(self.run),
            python=sys.executable,
            library=str(CHECKOUT),
            log=str(log) if log else None,
        )
        (self.run / "supervisord.conf").write_text(text)
        (self.run / "services.json").write_text(json.dumps(table))

    def start(
        self, services: dict[str, Any], *prefix: str, maintenance: bool = False, log: Path | None = None
    ) -> None:
        """Supervise ``services``; ``prefix`` is a command to run Supervisor under."""
        self.write(services, maintenance=maintenance, log=log)
        command = [*prefix, sys.executable, "-m", "bootstrap.supervise", "-c", str(self.run / "supervisord.conf")]
        environment = self.environment | {"PYTHONPATH": str(CHECKOUT)}
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                command, stdout=output, stderr=subprocess.STDOUT, env=environment, cwd="/"
            )

    def probe(self, *options: str) -> tuple[int, str]:
        """Exit code and output of the probe."""
        command = [sys.executable, "-I", "-S", str(CHECKOUT / "healthcheck/__main__.py"), *options]
        done = subprocess.run(
            command, env=self.environment, capture_output=True, text=True, timeout=10, check=False
        )
        assert done.stderr == ""
        return done.returncode, done.stdout.rstrip("\n")

    def details(self, name: str) -> dict[str, Any]:
        """What the probe knows of one service."""
        answer: dict[str, Any] = json.loads(self.probe("--json")[1])
        details: dict[str, Any] = answer["services"].get(name, {})
        return details

    def control(self, *words: str) -> str:
        """Use supervisorctl as an operator does."""
        command = [str(Path(sys.executable).parent / "supervisorctl"), "-c", str(self.run / "supervisord.conf")]
        done = subprocess.run([*command, *words], capture_output=True, text=True, timeout=30, check=False)
        return done.stdout + done.stderr

    def state(self, name: str) -> dict[str, Any]:
        """The state file of service ``name``; empty when there is none."""
        try:
            state: dict[str, Any] = json.loads((self.run / "state" / f"{name}.json").read_text())
        except FileNotFoundError:
            return {}
        return state

    def pid(self, name: str) -> int:
        return int(self.state(name)["pid"])

    def log(self) -> str:
        return self.output.read_text(errors="replace")

    def moments(self, *words: str) -> list[datetime]:
        """When Supervisor wrote lines into its log that have one of ``words``."""
        lines = [line.split(maxsplit=2) for line in self.log().splitlines() if any(word in line for word in words)]
        return [
            datetime.strptime(f"{day} {clock}", "%Y-%m-%d %H:%M:%S,%f").astimezone() for day, clock, _ in lines
        ]

    def pauses(self, name: str) -> list[float]:
        """The seconds for which service ``name`` was away each time: what Supervisor let pass, nothing else."""
        found = self.moments(f"spawned: '{name}'", f"exited: {name} ")
        return [(back - gone).total_seconds() for gone, back in zip(found[1::2], found[2::2], strict=False)]

    def ready(self, seconds: float = 10.0) -> float:
        """Wait until the probe says ok; how long it took."""
        return until(lambda: self.probe() == (0, "ok"), seconds, "ok")

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Stop Supervisor; its exit code."""
        assert self.process
        self.process.send_signal(number)
        return self.process.wait(30)
