"""The container engine: one small face for Docker and Podman, whose command lines agree in what is used here."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from subprocess import CompletedProcess
from typing import Any

from launcher import process
from launcher.errors import CommandError


@dataclass(frozen=True)
class Engine:
    """A usable engine: its kind, the program, and what its environment needs."""

    kind: str
    program: str
    env: Mapping[str, str] = field(default_factory=dict)

    @property
    def podman(self) -> bool:
        """Whether this is Podman, with or without the name of ``docker``."""
        return self.kind == "podman"

    @property
    def remote(self) -> bool:
        """Whether the daemon is on another machine, whose ports cannot be tested from here."""
        host = os.environ.get("DOCKER_HOST", "")
        return not self.podman and host != "" and not host.startswith("unix:")

    def run(
        self, *arguments: str, env: Mapping[str, str] | None = None, timeout: float | None = 120
    ) -> CompletedProcess[str]:
        """Run one engine command and return its result, whatever the exit code."""
        return process.capture([self.program, *arguments], env={**self.env, **(env or {})}, timeout=timeout)

    def must(self, *arguments: str, env: Mapping[str, str] | None = None, timeout: float | None = 120) -> str:
        """Run one engine command; its output, or :class:`CommandError` with what the engine said."""
        ended = self.run(*arguments, env=env, timeout=timeout)
        if ended.returncode:
            raise CommandError(
                f"'{self.kind} {arguments[0]}' failed with exit code {ended.returncode}:\n{process.tail(ended.stderr)}",
                todo="See what the engine says above; its own log tells more.",
            )
        return ended.stdout.strip()

    def inspect(self, kind: str, name: str) -> dict[str, Any] | None:
        """What the engine knows about the ``kind`` (container, image, volume) of that name; ``None`` for none."""
        ended = self.run(kind, "inspect", name)
        if ended.returncode:
            return None
        found: list[dict[str, Any]] = json.loads(ended.stdout)
        return found[0] if found else None

    def argv(self, arguments: Sequence[str]) -> list[str]:
        """A full argument list, for commands whose output goes to a log file or to the terminal."""
        return [self.program, *arguments]

    def label(self, kind: str, name: str, label: str) -> str:
        """The value of ``label`` of an image or a container, empty where there is none."""
        found = self.inspect(kind, name) or {}
        labels = (found.get("Config") or {}).get("Labels") or {}
        return str(labels.get(label, ""))
