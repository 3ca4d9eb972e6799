"""The all-in-one container: its arguments, what changed since it was made, and its life."""

import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from launcher import parameters, ports
from launcher.engine import Engine
from launcher.errors import CommandError, NoContainerError, PortTakenError
from launcher.image import drop
from launcher.progress import Progress
from launcher.settings import ROOT, Settings

LABEL = "org.oneedge.container.arguments"
PROBE = "/frontend-healthcheck.sh"
# The services' stop times add up to less (Table 1.6 and the composed deployment's grace period).
STOP_SECONDS = 90

# Table 1.2, with names for those that it leaves without one; oneprovision's keys belong to its own container.
VOLUMES = (
    ("mysql", "/var/lib/mysql"),
    ("backups", "/var/lib/one/backups"),
    ("datastores", "/var/lib/one/datastores"),
    ("shared_vmrc", "/var/lib/one/sunstone_vmrc_tokens"),
    ("oneadmin_auth", "/var/lib/one/.one"),
    ("oneadmin_ssh", "/var/lib/one/.ssh"),
    ("oneadmin_ssh_copyback", "/var/lib/one/.ssh-copyback"),
    ("oneprovision_ssh", "/var/lib/one/.ssh-oneprovision"),
    ("system_logs", "/var/log"),
    ("logs", "/var/log/one"),
    ("shared_tmp", "/var/tmp/sunstone"),  # noqa: S108 - a volume of the container
    ("srv", "/srv/one"),
    ("secret_tls", "/srv/one/secret-tls"),
    ("secret_ssh_host_keys", "/srv/one/secret-ssh-host-keys"),
)
_DOCKER_VOLUME = ("docker", "/var/lib/docker")
_TMPFS = ("/tmp:mode=1777", "/run:mode=755", "/run/lock:mode=1777")  # noqa: S108 - mount points in the container
_HEALTH = ("--health-cmd", PROBE, "--health-interval", "10s", "--health-timeout", "10s")
_HEALTH_START = ("--health-retries", "3", "--health-start-period", "2m")


@dataclass(frozen=True)
class Plan:
    """How the container shall run. ``environment`` may hold secrets and never reaches an argument list."""

    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    image: str
    image_id: str

    @property
    def fingerprint(self) -> str:
        """Hash of the arguments; the values of the environment are compared one by one instead."""
        return hashlib.sha256(json.dumps(self.arguments).encode()).hexdigest()


def plan(engine: Engine, settings: Settings, image: str) -> Plan:
    """The wanted container. Asks the engine for the image's own volumes, so that none stays anonymous."""
    found = engine.inspect("image", image) or {}
    declared = (found.get("Config") or {}).get("Volumes") or {}
    environment = parameters.chosen(os.environ, parameters.known(ROOT), settings.published)
    arguments = [
        *("--hostname", settings.container, "--restart", settings.restart, "--stop-timeout", str(STOP_SECONDS)),
        *_HEALTH,
        *_HEALTH_START,
        *(word for mount in _TMPFS for word in ("--tmpfs", mount)),
        *(word for item in settings.published for word in ("--publish", item.argument)),
        *(word for item in volumes(settings, declared) for word in ("--volume", ":".join(item))),
        *privileges(engine, settings),
        *(word for name in sorted(environment) for word in ("--env", name)),
        *settings.run_args,
    ]
    return Plan(tuple(arguments), environment, image, str(found.get("Id", "")))


def volumes(settings: Settings, declared: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Volume names and their folders, those that the image declares beyond the table included."""
    inner_docker = settings.dind or _DOCKER_VOLUME[1] in declared
    wanted = [*VOLUMES, *([_DOCKER_VOLUME] if inner_docker else [])]
    folders = {folder for _, folder in wanted}
    extra = sorted(folder for folder in declared if folder not in folders)
    wanted += [(re.sub(r"\W+", "_", folder).strip("_"), folder) for folder in extra]
    return [(settings.volume_prefix + name, folder) for name, folder in wanted]


def volume_names(engine: Engine, settings: Settings, image: str) -> list[str]:
    """Every volume that a container of these settings may have made, the inner Docker's included."""
    declared = ((engine.inspect("image", image) or {}).get("Config") or {}).get("Volumes") or {}
    return [name for name, _ in volumes(replace(settings, dind=True), declared)]


def privileges(engine: Engine, settings: Settings) -> list[str]:
    """Capabilities by name beyond the engine's defaults."""
    words = []
    if engine.podman:
        # Docker's defaults have it; Debian's sshd writes an audit record for every login.
        words += ["--cap-add", "AUDIT_WRITE"]
    if settings.dind:
        words += ["--cap-add", "SYS_ADMIN", "--cap-add", "NET_ADMIN", "--security-opt", "seccomp=unconfined"]
        words += ["--security-opt", "apparmor=unconfined"]
    return words


def changes(found: Mapping[str, Any], wanted: Plan) -> list[str]:
    """What differs between the container that is there and the wanted one; empty for nothing."""
    config = found.get("Config") or {}
    result = []
    if wanted.image_id not in (found.get("Image"), f"sha256:{found.get('Image')}"):
        result.append("the image")
    has = dict(item.split("=", 1) for item in config.get("Env") or [] if "=" in item)
    changed = [name for name, value in wanted.environment.items() if has.get(name) != value]
    if changed:
        result.append(", ".join(sorted(changed)))
    elif (config.get("Labels") or {}).get(LABEL) != wanted.fingerprint:
        result.append("ports, volumes or other settings of the launcher")
    return result


def ensure(engine: Engine, settings: Settings, image: str, progress: Progress) -> bool:
    """Let the container run as wanted; whether anything had to be done for that.

    A container of other settings or another image is replaced; its volumes stay. Ports are checked first.
    """
    wanted = plan(engine, settings, image)
    found = engine.inspect("container", settings.container)
    differing = changes(found, wanted) if found else []
    running = bool(found and found["State"].get("Running"))
    if running and not differing:
        progress.say(f"==> The container {settings.container} runs already, with the same settings")
        return False
    own = frozenset(_bound(found)) if running and found else frozenset[tuple[int, str]]()
    if not engine.remote:
        ports.check(settings.published, own, owners(engine))
    if found and differing:
        with progress.step(f"Replacing {settings.container} because of: {'; '.join(differing)} (volumes stay)"):
            remove(engine, settings.container)
            drop(engine, str(found.get("Image", "")))
        found = None
    with progress.step(f"Starting the container {settings.container}"):
        _start(engine, settings, wanted, exists=found is not None)
    return True


def _start(engine: Engine, settings: Settings, wanted: Plan, *, exists: bool) -> None:
    if exists:
        ended = engine.run("start", settings.container)
    else:
        # The label is a plain hash, the values come from the environment: neither list shows them.
        argv = ["run", "--detach", "--name", settings.container, "--label", f"{LABEL}={wanted.fingerprint}"]
        ended = engine.run(*argv, *wanted.arguments, wanted.image, env=wanted.environment, timeout=300)
    if ended.returncode:
        said = ended.stderr.strip()
        if not exists:
            engine.run("rm", "--force", settings.container)
        if re.search(r"(port is already allocated|address already in use)", said):
            raise PortTakenError(
                f"The engine could not publish a port: {said}", todo="Move it with its DEPLOY_ variable."
            )
        raise CommandError(f"The container could not be started: {said}", todo="See what the engine says above.")


def remove(engine: Engine, name: str) -> None:
    """Stop the container with its grace period and remove it; named volumes stay."""
    engine.must("stop", "--time", str(STOP_SECONDS), name, timeout=STOP_SECONDS + 60)
    engine.must("rm", "--volumes", name)


def must_exist(engine: Engine, name: str) -> dict[str, Any]:
    """What the engine knows of the container; raises :class:`NoContainerError`."""
    found = engine.inspect("container", name)
    if found is None:
        raise NoContainerError(
            f"There is no container named {name}.", todo="'make run' makes it (ONEEDGE_CONTAINER names it)."
        )
    return found


def owners(engine: Engine) -> dict[int, str]:
    """Containers of this engine by the host ports that they publish."""
    found: dict[int, str] = {}
    for line in engine.run("ps", "--format", "{{.Names}} {{.Ports}}").stdout.splitlines():
        name, _, published = line.partition(" ")
        for number in re.findall(r":(\d+)->", published):
            found[int(number)] = f"the container {name}"
    return found


def _bound(found: Mapping[str, Any]) -> list[tuple[int, str]]:
    """Host ports that a running container holds."""
    bindings = (found.get("HostConfig") or {}).get("PortBindings") or {}
    return [
        (int(item["HostPort"]), inner.partition("/")[2] or "tcp")
        for inner, items in bindings.items()
        for item in items
    ]
