"""What ``make COMMAND`` does, one function a command; each returns the exit code."""

import json
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from launcher import base, container, daemon, health, image, lock, process, sweep, tests, wheelhouse
from launcher.engine import Engine
from launcher.errors import LauncherError, SettingError
from launcher.progress import Progress
from launcher.settings import ENGINES, Settings
from launcher.upgrade import command as upgrade_command
from launcher.upgrade import unfinished


def run(settings: Settings, progress: Progress) -> int:
    """Build what is missing, start the container, wait until it is healthy."""
    with lock.held("run", progress):
        engine = daemon.ensure(settings.engine, progress)
        with unfinished.alone("run", engine, settings.container, progress) as standing:
            unfinished.refuse(standing, settings.container)
            name = image.ensure(engine, settings, progress)
            container.ensure(engine, settings, name, progress)
    text = health.wait(engine, settings.container, settings.wait_seconds, progress)
    _announce(engine, settings, text, progress)
    return 0


def _announce(engine: Engine, settings: Settings, text: str, progress: Progress) -> None:
    found = container.must_exist(engine, settings.container)
    variables = dict(item.split("=", 1) for item in found["Config"].get("Env") or [] if "=" in item)
    host = variables.get("OPENNEBULA_FRONTEND_HOST") or variables.get("OPENNEBULA_HOST", "localhost")
    progress.say(f"\nThe front-end is up ({text}). On {host}:")
    shapes = {
        "SSH": f"ssh -p {{}} oneadmin@{host}",
        "web, HTTP": f"http://{host}:{{}}/",
        "web, HTTPS": f"https://{host}:{{}}/",
        "XML-RPC": f"http://{host}:{{}}/RPC2",
        "XML-RPC, TLS": f"https://{host}:{{}}/RPC2",
    }
    for item in settings.published:
        address = shapes.get(item.port.what, f"port {{}}/{item.port.protocol}").format(item.outer)
        progress.say(f"  {item.port.what:<13} {address}")
    progress.say(
        f"The credentials of oneadmin: {engine.kind} exec {settings.container} cat /var/lib/one/.one/one_auth"
    )


def upgrade(_: Settings, __: Progress) -> int:
    """Go on with the image of this clone; ``main`` hands options on."""
    return upgrade_command.main([], os.environ)


def stop(settings: Settings, progress: Progress) -> int:
    """Stop the container within its grace period; that of an upgrade that was cut off too, and tell of it."""
    engine, name = daemon.existing(settings.engine), settings.container
    with unfinished.alone("stop", engine, name, progress) as standing:
        if engine.inspect("container", name) is None:
            unfinished.refuse(standing, name)
        found = container.must_exist(engine, name)
        if found["State"].get("Running"):
            with progress.step(f"Stopping the container {name}"):
                seconds = container.STOP_SECONDS
                engine.must("stop", "--time", str(seconds), name, timeout=seconds + 60)
        else:
            progress.say(f"The container {name} is stopped already.")
        if said := unfinished.text(standing, name):
            progress.say(f"{said} {unfinished.todo(name)}")
    return 0


def status(settings: Settings, progress: Progress) -> int:
    """Print the health line and the services; the probe's exit code."""
    engine = daemon.existing(settings.engine)
    found = container.must_exist(engine, settings.container)
    if not found["State"].get("Running"):
        progress.say(f"stopped (exit code {found['State'].get('ExitCode')})")
        return 1
    ended = health.probe(engine, settings.container, "--json")
    try:
        report = json.loads(ended.stdout)
    except ValueError:
        progress.say((ended.stdout + ended.stderr).strip())
        return ended.returncode
    for line in table(report):
        progress.say(line)
    return ended.returncode


def table(report: object) -> list[str]:
    """The probe's JSON as lines: its text, then a line a service."""
    if not isinstance(report, dict):
        return [str(report)]
    lines = [str(report.get("line") or "unknown")]
    for name, service in sorted((report.get("services") or {}).items()):
        pid = f"pid {service.get('pid')}" if service.get("state") == "RUNNING" else ""
        words = (service.get("status"), pid, service.get("reason"))
        lines.append(f"  {name:<28} {' '.join(str(word) for word in words if word)}")
    return lines


def logs(settings: Settings, _: Progress) -> int:
    """Follow the container's output."""
    engine = daemon.existing(settings.engine)
    container.must_exist(engine, settings.container)
    tail = os.environ.get("TAIL", "200")
    follow = [] if os.environ.get("FOLLOW", "").lower() in ("no", "false", "0") else ["--follow"]
    return _become(engine, ["logs", "--tail", tail, *follow, settings.container])


def shell(settings: Settings, _: Progress) -> int:
    """A root shell in the container."""
    engine = daemon.existing(settings.engine)
    container.must_exist(engine, settings.container)
    terminal = ["--tty"] if os.isatty(0) and os.isatty(1) else []
    return _become(engine, ["exec", "--interactive", *terminal, settings.container, "/bin/bash"])


def _become(engine: Engine, arguments: list[str]) -> int:
    """Replace this process: the engine's command owns the terminal and its signals from here on."""
    os.execve(engine.program, engine.argv(arguments), process.environment(engine.env))


def clean(settings: Settings, progress: Progress) -> int:
    """Remove container and image, with CLEAN_VOLUMES=yes the volumes too."""
    with lock.held("clean", progress):
        engine = daemon.existing(settings.engine)
        with unfinished.alone("clean", engine, settings.container, progress) as standing:
            unfinished.refuse(standing, settings.container)
            _clean(engine, settings, progress)
    return 0


def _clean(engine: Engine, settings: Settings, progress: Progress) -> None:
    if engine.inspect("container", settings.container):
        with progress.step(f"Removing the container {settings.container}"):
            container.remove(engine, settings.container)
    tag = image.name(engine, settings)
    names = container.volume_names(engine, settings, tag)
    if not settings.image and engine.inspect("image", tag):
        with progress.step(f"Removing the image {tag}"):
            engine.must("image", "rm", tag)
    _clean_volumes(engine, settings, names, progress)


def _clean_volumes(engine: Engine, settings: Settings, names: list[str], progress: Progress) -> None:
    there = [name for name in engine.must("volume", "ls", "--quiet").splitlines() if name in names]
    if there and settings.clean_volumes:
        with progress.step(f"Removing {len(there)} volumes"):
            engine.must("volume", "rm", *there)
    elif there:
        progress.say(
            f"The {len(there)} volumes {settings.volume_prefix}* with the database, keys and logs stay; "
            "'make clean CLEAN_VOLUMES=yes' removes them for good."
        )


def build_image(settings: Settings, progress: Progress) -> int:
    """Build the image and what it needs."""
    with lock.held("image", progress):
        image.ensure(daemon.ensure(settings.engine, progress), settings, progress)
    return 0


def build_base(settings: Settings, progress: Progress) -> int:
    """Build and import the base system."""
    with lock.held("base", progress):
        progress.say(base.ensure(daemon.ensure(settings.engine, progress), settings, progress))
    return 0


def build_wheelhouse(settings: Settings, progress: Progress) -> int:
    """Download the image's Python packages."""
    with lock.held("wheelhouse", progress):
        progress.say(str(wheelhouse.ensure(progress, refresh=settings.refresh)))
    return 0


def test(settings: Settings, progress: Progress) -> int:
    """Everything that decides whether a change may land."""
    return _stages(tests.STAGES, settings, progress)


def test_full(settings: Settings, progress: Progress) -> int:
    """The same with the long form of every loop."""
    return _stages(tests.STAGES, settings, progress, full=True)


def _stages(stages: Sequence[tests.Stage], settings: Settings, progress: Progress, *, full: bool = False) -> int:
    return tests.run_stages(stages, tests.Run(settings, progress, full=full))


def _only(*stages: tests.Stage, full: bool = False) -> Callable[[Settings, Progress], int]:
    return lambda settings, progress: _stages((*tests.PREPARATION, *stages), settings, progress, full=full)


def sweep_up(_: Settings, progress: Progress) -> int:
    """Remove what the test run of ``ONEEDGE_TEST_PREFIX`` left; for .ci/run."""
    start = os.environ.get(sweep.VARIABLE, "")
    for kind in ENGINES if start else ():
        with suppress(LauncherError):
            sweep.sweep(daemon.existing(kind), start, progress)
    return 0


def stop_daemon(_: Settings, progress: Progress) -> int:
    """End the Docker daemon that a launcher started by itself; for .ci/run. One that an init started stays."""
    if daemon.stop_own():
        progress.say("==> Stopped the Docker daemon that this run started")
    return 0


@dataclass(frozen=True)
class Command:
    """A command and its line in ``make help``."""

    call: Callable[[Settings, Progress], int]
    help: str


COMMANDS = {
    "run": Command(run, "build what is missing, start the front-end, wait until it is healthy"),
    "upgrade": Command(upgrade, "let it go on with a new image (IMAGE=...), or put the old one back"),
    "stop": Command(stop, "stop the front-end in order (up to 90 s)"),
    "status": Command(status, "its health and services; exits with the probe's code"),
    "logs": Command(logs, "follow its output (TAIL=200 lines, FOLLOW=no)"),
    "shell": Command(shell, "a root shell inside"),
    "clean": Command(clean, "remove container and image; CLEAN_VOLUMES=yes also its data"),
    "image": Command(build_image, "build the image (REFRESH=yes: anew, with today's packages)"),
    "base": Command(build_base, "build the base system that the image stands on"),
    "wheelhouse": Command(build_wheelhouse, "download the image's Python packages"),
    "test": Command(test, "lint, types, unit, integration, image (Docker, Podman) and end-to-end tests"),
    "test-full": Command(test_full, "the same with the long form of every loop"),
    "upgrade-test": Command(
        _only(*tests.IMAGES, *tests.UPGRADES, full=True),
        "databases of old releases and failing migrations in the image, on Docker and Podman",
    ),
    "lint": Command(_only(tests.LINT, tests.FORMAT), "ruff alone"),
    "types": Command(_only(tests.TYPES), "mypy alone"),
    "unit": Command(_only(tests.UNIT), "unit tests alone (PYTEST_ARGS='-k name')"),
    "integration": Command(_only(tests.INTEGRATION), "integration tests alone"),
    "bench": Command(lambda settings, progress: _stages(tests.BENCH, settings, progress), "the figures of bench/"),
}


_HIDDEN = {"sweep": Command(sweep_up, ""), "stop-daemon": Command(stop_daemon, "")}


def find(name: str) -> Command:
    """The command of that name; raises :class:`SettingError`."""
    command = (COMMANDS | _HIDDEN).get(name)
    if command is None:
        raise SettingError(f"There is no command {name!r}.", todo=f"Commands: {', '.join(COMMANDS)}, help.")
    return command
