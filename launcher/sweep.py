"""Removing what tests leave: containers, volumes and networks that carry the run's prefix."""

import os

from launcher.engine import Engine
from launcher.progress import Progress

VARIABLE = "ONEEDGE_TEST_PREFIX"


def prefix() -> str:
    """The prefix of one test run, distinct from every other run on this machine."""
    return f"oneedge-test-{os.getpid()}-"


def sweep(engine: Engine, start: str, progress: Progress) -> None:
    """Remove every container, volume and network of ``engine`` whose name begins with ``start``."""
    if not start.startswith("oneedge-test-"):
        raise ValueError(f"{start!r} is no prefix of a test run")
    containers = _names(engine, start, "ps", "--all", "--format", "{{.Names}}")
    if containers:
        progress.say(f"==> Removing {len(containers)} containers that tests left: {', '.join(containers)}")
        engine.run("rm", "--force", "--volumes", *containers)
    volumes = _names(engine, start, "volume", "ls", "--format", "{{.Name}}")
    if volumes:
        engine.run("volume", "rm", *volumes)
    networks = _names(engine, start, "network", "ls", "--format", "{{.Name}}")
    if networks:
        engine.run("network", "rm", *networks)


def _names(engine: Engine, start: str, *arguments: str) -> list[str]:
    return [name for name in engine.run(*arguments).stdout.split() if name.startswith(start)]
