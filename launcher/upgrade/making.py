"""Making containers like a given one, and the small acts on them that an upgrade is made of."""

import os
import time
from dataclasses import replace
from typing import Any

from launcher import container
from launcher.engine import Engine
from launcher.errors import CommandError, NoContainerError
from launcher.upgrade import docker, podman
from launcher.upgrade.copying import LABEL, RESTART, Copy, Inspect, hand_over, restart, section
from launcher.upgrade.standing import ran, running

PAUSE = 1.0
"""In which Podman has started a container again that ended."""
SETTLE_SECONDS = 60
CREATE_SECONDS = 300
"""For the engine to make or remove a container on a slow disk."""


def copy(engine: Engine, found: Inspect, image: Inspect) -> Copy:
    """The words for a container like ``found``. Raises :class:`RefusedError`."""
    return podman.copy(found, image) if engine.podman else docker.copy(found, image)


def create(engine: Engine, name: str, image: str, like: Copy, old: Inspect) -> dict[str, Any]:
    """Make a container in place of ``old``, without starting it; what the engine tells of it."""
    file = os.memfd_create("environment")
    try:
        given = hand_over(like.environment or {}, file)
        labels = ("--name", name, "--label", f"{LABEL}={old['Id']}", "--label", f"{RESTART}={restart(old)}")
        words = (*labels, *like.options, *like.ports, *like.life, *given.words, *like.entrypoint)
        engine.must("create", *words, image, *like.command, env=given.values, timeout=CREATE_SECONDS)
    finally:
        os.close(file)
    for network in like.networks:
        engine.must("network", "connect", *network, name)
    return must_inspect(engine, name)


def helper(like: Copy, command: tuple[str, ...]) -> Copy:
    """The same volumes, networks and limits for a container that only runs ``command`` and publishes nothing."""
    entrypoint = ("--entrypoint", command[0])
    return replace(like, ports=(), life=("--no-healthcheck",), entrypoint=entrypoint, command=command[1:])


def must_inspect(engine: Engine, name: str) -> dict[str, Any]:
    """What the engine tells of the container; raises :class:`NoContainerError`."""
    found = engine.inspect("container", name)
    if found is None:
        raise NoContainerError(
            f"The container {name} is gone.", todo="'oneedge upgrade --resume' looks what stands."
        )
    return found


def own_image(engine: Engine, found: Inspect) -> dict[str, Any] | None:
    """The image that the container was made of, ``None`` where it is gone."""
    return engine.inspect("image", str(found.get("Image", "")))


def rename(engine: Engine, found: Inspect, name: str) -> None:
    """Give the container that name, unless it has it."""
    if str(found.get("Name", "")).lstrip("/") != name:
        engine.must("rename", str(found["Id"]), name)


def set_restart(engine: Engine, found: Inspect, policy: str) -> None:
    """Set the restart policy where the engine can do it later; an old Podman heeds it at the machine's start only."""
    ended = engine.run("update", f"--restart={policy}", str(found["Id"]))
    if ended.returncode and not engine.podman:
        raise CommandError(f"The restart policy cannot be set: {ended.stderr.strip()}", todo="See what it says.")


def restart_before(new: Inspect) -> str:
    """The restart policy of the container that ``new`` replaces."""
    return str((section(new, "Config").get("Labels") or {}).get(RESTART) or restart(new))


def stop(engine: Engine, found: Inspect) -> None:
    """Stop the container in order, with the time that its services need."""
    identifier = str(found["Id"])
    seconds = max(int(section(found, "Config").get("StopTimeout") or 0), container.STOP_SECONDS)
    deadline = time.monotonic() + seconds + SETTLE_SECONDS
    while not _settled(engine, identifier):
        if time.monotonic() > deadline:
            raise CommandError(f"The container {identifier[:12]} does not stop.", todo="Stop it by hand.")
        engine.must("stop", "--time", str(seconds), identifier, timeout=seconds + 60)


def _settled(engine: Engine, identifier: str) -> bool:
    """Whether the container is stopped for good: Podman starts one again that ended by itself, after a moment."""
    first = engine.inspect("container", identifier)
    if running(first):
        return False
    if not engine.podman or first is None or restart(first) == "no" or not ran(first):
        return True
    time.sleep(PAUSE)
    later = engine.inspect("container", identifier)
    return not running(later) and section(first, "State") == section(later, "State")


def start(engine: Engine, found: Inspect) -> None:
    """Start the container, unless it runs."""
    identifier = str(found["Id"])
    if not running(engine.inspect("container", identifier)):
        engine.must("start", identifier, timeout=CREATE_SECONDS)


def remove(engine: Engine, found: Inspect, *, volumes: bool) -> None:
    """Remove a stopped container; with ``volumes`` those without a name that no other container uses."""
    engine.must("rm", *(["--volumes"] if volumes else []), str(found["Id"]), timeout=CREATE_SECONDS)
