"""What a new container needs to be like a given one: the words for the engine's ``create``, apart from image and name.

Two ways to the same result: Docker's ``inspect`` tells every setting; Podman's leaves some out and has the command
that made the container instead. Neither is trusted: :mod:`launcher.upgrade.comparing` holds the new against the old.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from launcher.errors import RefusedError

LABELS = "org.oneedge.upgrade."
"""In front of the labels that an upgrade gives; they are no settings of the user's."""
LABEL = f"{LABELS}from"
"""On a container that an upgrade made: the identifier of the one that it replaces."""
RESTART = f"{LABELS}restart"
"""The restart policy that the old one had: it has none while the new one is in its place."""
# Set by Podman in every container; not the user's.
PODMAN_OWN = ("TERM", "container", "HOME", "HOSTNAME")
Inspect = Mapping[str, Any]


@dataclass(frozen=True)
class Copy:
    """Words for ``create``; ``environment`` may hold secrets and never reaches an argument list.

    ``ports`` and ``life`` (restart policy, health check) are apart: a container that only repairs does without.
    ``networks`` are those beyond the first, as words for ``network connect``.
    """

    options: tuple[str, ...]
    ports: tuple[str, ...] = ()
    life: tuple[str, ...] = ()
    environment: Mapping[str, str] | None = None
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    networks: tuple[tuple[str, ...], ...] = ()


def section(found: Inspect | None, name: str) -> dict[str, Any]:
    """A part of what ``inspect`` told, empty where it has none."""
    return dict((found or {}).get(name) or {})


def pairs(words: Sequence[str]) -> dict[str, str]:
    """``NAME=value`` words as a mapping."""
    return dict(word.split("=", 1) for word in words if "=" in word)


def own_environment(found: Inspect, image: Inspect) -> dict[str, str]:
    """The variables that the container has beyond, or unlike, its image."""
    given = pairs(section(image, "Config").get("Env") or [])
    has = pairs(section(found, "Config").get("Env") or [])
    return {name: value for name, value in has.items() if given.get(name) != value}


def own_labels(found: Inspect, image: Inspect) -> dict[str, str]:
    """The labels that the container has beyond, or unlike, its image; those of an upgrade are left out."""
    given = section(image, "Config").get("Labels") or {}
    has = section(found, "Config").get("Labels") or {}
    return {name: value for name, value in has.items() if given.get(name) != value and not name.startswith(LABELS)}


def ports(found: Inspect) -> tuple[str, ...]:
    """The words that publish the same ports."""
    words: list[str] = []
    for inner, items in sorted((section(found, "HostConfig").get("PortBindings") or {}).items()):
        for item in items or []:
            address = item.get("HostIp") or ""
            address = f"[{address}]:" if ":" in address else f"{address}:" if address else ""
            outer = item.get("HostPort") or ""
            words += ["--publish", f"{address}{outer}:{inner}" if address or outer else inner]
    return tuple(words)


def restart(found: Inspect) -> str:
    """The restart policy as the command line spells it."""
    policy = section(found, "HostConfig").get("RestartPolicy") or {}
    name, most = policy.get("Name") or "no", policy.get("MaximumRetryCount") or 0
    return f"{name}:{most}" if name == "on-failure" and most else str(name)


def entrypoint(found: Inspect, image: Inspect) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Options and command words for the container's program, both empty where they are the image's own."""
    config, given = section(found, "Config"), section(image, "Config")
    command = tuple(config.get("Cmd") or ())
    if _words(config.get("Entrypoint")) == _words(given.get("Entrypoint")):
        return (), (() if command == tuple(given.get("Cmd") or ()) else command)
    program = _words(config.get("Entrypoint"))
    return ("--entrypoint", program[0] if program else ""), (*program[1:], *command)


def _words(value: object) -> tuple[str, ...]:
    """An entrypoint as words; Podman tells it as one text."""
    if isinstance(value, str):
        return tuple(value.split())
    return tuple(str(word) for word in value) if isinstance(value, list) else ()


def refuse_strangers(found: Inspect, name: str) -> None:
    """Raise :class:`RefusedError` for containers whose life is somebody else's."""
    labels = section(found, "Config").get("Labels") or {}
    host = section(found, "HostConfig")
    reason, todo = "", ""
    if host.get("AutoRemove"):
        reason = "was started with --rm: stopped, it would be gone, and there were no way back"
        todo = "Start it without --rm first; its named volumes stay."
    elif labels.get("com.docker.swarm.service.id"):
        reason, todo = "belongs to a Swarm service", "Upgrade the service: 'docker service update --image IMAGE'."
    elif found.get("Pod"):
        reason, todo = "is part of a pod", "Make the pod anew with the new image."
    if reason:
        raise RefusedError(f"The container {name} {reason}.", todo=f"{todo} Nothing was changed.")


def reserved(name: str) -> bool:
    """Whether a variable of this name would change what the engine's own program does."""
    starts = ("DOCKER_", "CONTAINER", "PODMAN_", "LD_", "XDG_", "STORAGE_", "BUILD", "GO", "SSL_", "_")
    return name.startswith(starts) or name in {"PATH", "HOME", "TMPDIR", "USER", "LOGNAME", "REGISTRY_AUTH_FILE"}


@dataclass(frozen=True)
class Handover:
    """How the environment reaches the engine's program: words for the command line, and the values beside it."""

    words: tuple[str, ...]
    values: Mapping[str, str]


def hand_over(environment: Mapping[str, str], file: int) -> Handover:
    """Values go by this process's environment; those that the engine's program would heed itself, by ``file``.

    ``file`` is an open memory file, so that nothing is left of it. Raises :class:`RefusedError` for what neither can.
    """
    words: list[str] = []
    values, lines = {}, []
    for name, value in sorted(environment.items()):
        if not reserved(name):
            words += ["--env", name]
            values[name] = value
        elif "\n" in value:
            raise RefusedError(
                f"The variable {name} of the container has more than one line and cannot be handed on.",
                todo="Make the container anew by hand. Nothing was changed.",
            )
        else:
            lines.append(f"{name}={value}\n")
    if lines:
        os.pwrite(file, "".join(lines).encode(), 0)
        # By this process's number, because the engine's program gets no descriptors of ours.
        words = ["--env-file", f"/proc/{os.getpid()}/fd/{file}", *words]
    return Handover(tuple(words), values)
