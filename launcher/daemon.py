"""Finding the container engine, installing it where there is none, and starting its daemon."""

import os
import subprocess
import time
from pathlib import Path

from launcher import host, process
from launcher.engine import Engine
from launcher.errors import AccessError, DaemonError, ProgramMissingError
from launcher.podman import podman_environment
from launcher.progress import Progress, Step
from launcher.settings import BUILD

DOCKER_PACKAGES = ("docker.io", "iptables")
PODMAN_PACKAGES = ("podman", "runc", "netavark", "aardvark-dns", "iptables")
START_SECONDS = 60.0
# Remembers the daemon that a launcher started by itself: "pid start-time", as /proc/PID/stat has it.
OWN_DAEMON = BUILD / "run/dockerd"


def ensure(wanted: str, progress: Progress) -> Engine:
    """A running engine: ``wanted`` (docker, podman), or whichever is installed, Docker where none is."""
    kind = wanted or _installed() or "docker"
    return ensure_podman(progress) if kind == "podman" else ensure_docker(progress)


def existing(wanted: str) -> Engine:
    """The engine for commands that neither install nor start anything."""
    kind = wanted or _installed()
    program = process.find(kind) if kind else None
    if not kind or program is None:
        raise ProgramMissingError(
            f"There is no {kind or 'container engine'} here.", todo="'make run' installs one."
        )
    engine = Engine(kind, program, podman_environment() if kind == "podman" else {})
    problem = _problem(engine)
    if problem:
        raise DaemonError(f"The {kind} daemon does not answer: {problem}", todo="'make run' starts it.")
    return engine


def ensure_podman(progress: Progress) -> Engine:
    """Podman, installed where needed. It has no daemon."""
    if process.find("podman") is None:
        host.install(_with_apparmor(PODMAN_PACKAGES), "Podman", progress)
    engine = Engine("podman", _program("podman"), podman_environment())
    problem = _problem(engine)
    if problem:
        raise DaemonError(f"Podman does not work here: {problem}", todo="'podman info' must work first.")
    return engine


def ensure_docker(progress: Progress) -> Engine:
    """Docker with a daemon that answers."""
    if process.find("docker") is None:
        host.install(_with_apparmor((*DOCKER_PACKAGES, *_client())), "A container engine", progress)
    engine = Engine("docker", _program("docker"))
    problem = _problem(engine)
    if problem and "permission denied" in problem.lower():
        raise AccessError(
            f"This user may not speak to Docker: {problem}",
            todo="Run as root, or put the user into the group docker and log in again, or use 'ENGINE=podman'.",
        )
    if problem:
        _start(engine, problem, progress)
    return engine


def stop_own() -> bool:
    """End the daemon that a launcher started by itself, if it still runs; whether there was one."""
    try:
        pid, since = OWN_DAEMON.read_text().split()
    except (OSError, ValueError):
        return False
    OWN_DAEMON.unlink(missing_ok=True)
    if born(int(pid)) != since:
        return False
    os.kill(int(pid), 15)
    deadline = time.monotonic() + START_SECONDS
    while born(int(pid)) == since and time.monotonic() < deadline:
        time.sleep(0.1)
    return True


def _installed() -> str:
    """``docker`` or ``podman``; the podman-docker package's ``docker`` is Podman."""
    docker = process.find("docker")
    if docker and "podman" not in process.capture([docker, "--version"]).stdout.lower():
        return "docker"
    return "podman" if process.find("podman") else ""


def _program(name: str) -> str:
    path = process.find(name)
    if path is None:
        raise ProgramMissingError(
            f"{name} is not in PATH, though its package is installed.", todo=f"Reinstall {name}."
        )
    return path


def _client() -> tuple[str, ...]:
    """Newer Debian has the client in a package of its own."""
    return ("docker-cli",) if process.capture(["apt-cache", "show", "docker-cli"]).stdout else ()


def _with_apparmor(packages: tuple[str, ...]) -> tuple[str, ...]:
    """Engines load their profile with apparmor_parser where the kernel has AppArmor on."""
    try:
        enabled = Path("/sys/module/apparmor/parameters/enabled").read_text().strip() == "Y"
    except OSError:
        enabled = False
    return (*packages, "apparmor") if enabled else packages


def _problem(engine: Engine) -> str:
    """Why the engine does not answer, in its words; empty where it does."""
    arguments = ("version", "--format", "{{.Server.Version}}") if engine.kind == "docker" else ("info",)
    ended = engine.run(*arguments, timeout=30)
    return "" if ended.returncode == 0 else (ended.stderr.strip().splitlines() or ["no reason given"])[-1]


def _start(engine: Engine, problem: str, progress: Progress) -> None:
    if engine.remote or os.environ.get("DOCKER_HOST"):
        raise DaemonError(
            f"The daemon that DOCKER_HOST names does not answer: {problem}", todo="Start it, or unset DOCKER_HOST."
        )
    if os.geteuid() != 0:
        raise DaemonError(
            f"The Docker daemon does not run: {problem}", todo="Start it as root, or use 'ENGINE=podman'."
        )
    if process.find("dockerd") is None:
        host.install(_with_apparmor((*DOCKER_PACKAGES, *_client())), "The Docker daemon", progress)
    with progress.step("Starting the Docker daemon") as step:
        argv = _init_command()
        if argv is not None:
            process.capture(argv, timeout=START_SECONDS)
            _wait(engine, None, step, f"'{' '.join(argv)}'", "its own log ('journalctl -u docker')")
        else:
            log = BUILD / "log/dockerd.log"
            _wait(engine, _detach(log), step, "dockerd", str(log))


def _init_command() -> list[str] | None:
    """How this host's init starts Docker; ``None`` where no init runs."""
    if Path("/run/systemd/system").is_dir():
        return ["systemctl", "start", "docker"]
    if Path("/proc/1/comm").read_text().strip() == "init" and Path("/etc/init.d/docker").exists():
        return ["service", "docker", "start"]
    return None


def _detach(log: Path) -> "subprocess.Popen[bytes]":
    """dockerd in a session of its own, so that it outlives this command."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as out:
        started = subprocess.Popen(
            [_program("dockerd")],
            env=process.environment(),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            cwd="/",
            start_new_session=True,
        )
    OWN_DAEMON.parent.mkdir(parents=True, exist_ok=True)
    OWN_DAEMON.write_text(f"{started.pid} {born(started.pid)}\n")
    return started


def _wait(engine: Engine, child: "subprocess.Popen[bytes] | None", step: Step, what: str, log: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while problem := _problem(engine):
        ended = child.poll() if child else None
        if ended is not None or time.monotonic() > deadline:
            how = (
                f"ended with exit code {ended}"
                if ended is not None
                else f"did not answer in {START_SECONDS:.0f} s"
            )
            raise DaemonError(
                f"{what} {how}: {problem}{_tail(log)}", todo=f"See {log}, mend the cause, run this again."
            )
        step.note("waiting for its socket")
        time.sleep(0.2)


def _tail(log: str) -> str:
    path = Path(log)
    return (
        "\nThe last lines of its log:\n" + process.tail(path.read_text(errors="replace")) if path.is_file() else ""
    )


def born(pid: int) -> str:
    """Start time of ``pid`` in clock ticks since boot (proc(5)), which tells a reused pid from the old one."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return ""
    return "" if fields[0] == "Z" else fields[19]
