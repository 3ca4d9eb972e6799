"""``make test``: everything it needs, then stage after stage, then one summary."""

import os
import shlex
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from itertools import groupby
from tempfile import TemporaryFile
from typing import IO

from launcher import daemon, host, image, lock, process, sweep, venv
from launcher.engine import Engine
from launcher.errors import LauncherError, StageError
from launcher.progress import Progress
from launcher.settings import ROOT, Settings
from onelib.errors import report

# Programs that tests and benches run on the host, and the Debian packages that bring them.
PROGRAMS = {
    "dockerd": "docker.io",
    "podman": "podman",
    "runc": "runc",
    "/usr/lib/podman/netavark": "netavark",
    "/usr/lib/podman/aardvark-dns": "aardvark-dns",
    "mmdebstrap": "mmdebstrap",
    "mariadbd": "mariadb-server-core",
    "mariadb": "mariadb-client-core",
    "mariadb-dump": "mariadb-client",
    "memcached": "memcached",
    "sshd": "openssh-server",
    "ssh": "openssh-client",
    "stunnel": "stunnel4",
    "ip": "iproute2",
    "faketime": "faketime",
    "git": "git",
    "make": "make",
    "augtool": "augeas-tools",
    "sqlite3": "sqlite3",
}


@dataclass
class Run:
    """What one ``make test`` knows on its way."""

    settings: Settings
    progress: Progress
    full: bool = False
    engines: dict[str, Engine] = field(default_factory=dict)
    images: dict[str, tuple[str, str]] = field(default_factory=dict)
    output: IO[bytes] | None = None
    children: list["subprocess.Popen[bytes]"] = field(default_factory=list)
    prefix: str = field(default_factory=lambda: os.environ.get(sweep.VARIABLE) or sweep.prefix())

    def environment(self, kind: str = "docker") -> dict[str, str]:
        """What tests are told: engine, images, and the prefix of every container and volume they make."""
        values = {sweep.VARIABLE: self.prefix, "PYTHONDONTWRITEBYTECODE": "1"}
        if self.full:
            values["ONEEDGE_TEST_FULL"] = "1"
        if kind in self.engines:
            values |= {"ONEEDGE_TEST_ENGINE": kind, **self.engines[kind].env}
        if kind in self.images:
            values["ONEEDGE_TEST_IMAGE"], values["ONEEDGE_TEST_SLIM_IMAGE"] = self.images[kind]
        return values


@dataclass(frozen=True)
class Stage:
    """One line of the summary.

    ``needs`` are stages without which this one cannot run; neighbours that are all ``beside`` run at the same time:
    they wait for containers more than they compute.
    """

    name: str
    call: Callable[[Run], None]
    needs: tuple[str, ...] = ()
    beside: bool = False


def packages(run: Run) -> None:
    """The programs that tests use, installed on Debian as root."""
    absent = [package for program, package in PROGRAMS.items() if process.find(program) is None]
    if absent:
        with lock.held("test", run.progress):
            host.install(absent, "What the tests run", run.progress, start_services=False)


def environment(run: Run) -> None:
    """The virtual environment."""
    with lock.held("test", run.progress):
        venv.ensure(run.progress)


def _image(kind: str) -> Callable[[Run], None]:
    def build(run: Run) -> None:
        with lock.held("test", run.progress):
            run.engines[kind] = daemon.ensure(kind, run.progress)
            full, slim = (
                image.ensure(run.engines[kind], replace(run.settings, target=target), run.progress)
                for target in ("frontend", "slim")
            )
            run.images[kind] = full, slim

    return build


def _tool(*arguments: str) -> Callable[[Run], None]:
    return lambda run: execute([str(venv.PYTHON), "-m", *arguments], run)


def _pytest(folder: str, kind: str = "docker", *, processes: int = 1) -> Callable[[Run], None]:
    """The tests of a folder; files are dealt out to ``processes`` that test at the same time."""

    def call(run: Run) -> None:
        words = shlex.split(os.environ.get("PYTEST_ARGS", ""))
        dealt = ["-n", str(processes), "--dist", "loadfile"] if processes > 1 else []
        execute([str(venv.PYTHON), "-m", "pytest", folder, *dealt, *words], run, kind)

    return call


LINT = Stage("lint", _tool("ruff", "check", "."), ("environment",))
FORMAT = Stage("format", _tool("ruff", "format", "--check", "."), ("environment",))
TYPES = Stage("types", _tool("mypy", "."), ("environment",))
UNIT = Stage("unit", _pytest("tests/unit", processes=2), ("environment",))
INTEGRATION = Stage("integration", _pytest("tests/integration"), ("environment", "packages"))
PREPARATION = (Stage("packages", packages), Stage("environment", environment))
IMAGES = (
    Stage("docker image", _image("docker"), ("packages",)),
    Stage("podman image", _image("podman"), ("packages",)),
)
UPGRADES = (
    Stage("upgrade, docker", _pytest("tests/upgrade"), ("environment", "docker image")),
    Stage("upgrade, podman", _pytest("tests/upgrade", "podman"), ("environment", "podman image")),
)
STAGES = (
    *PREPARATION,
    LINT,
    FORMAT,
    TYPES,
    UNIT,
    INTEGRATION,
    *IMAGES,
    *UPGRADES,
    Stage("image, docker", _pytest("tests/image"), ("environment", "docker image"), beside=True),
    Stage("image, podman", _pytest("tests/image", "podman"), ("environment", "podman image"), beside=True),
    Stage("end to end", _pytest("tests/e2e"), ("environment", "docker image", "podman image"), beside=True),
)
BENCH = (*PREPARATION, IMAGES[0], Stage("bench", _tool("bench"), ("environment", "docker image")))


def run_stages(stages: Sequence[Stage], run: Run) -> int:
    """Run every stage whose needs are met and print the summary; raises :class:`StageError` where one failed."""
    results: dict[str, tuple[str, float]] = {}
    known = {stage.name for stage in stages}
    started = time.monotonic()
    heed_signals()
    try:
        for beside, group in groupby(stages, lambda stage: stage.beside):
            ready = []
            for stage in group:
                unmet = [need for need in stage.needs if need in known and results[need][0] != "passed"]
                if unmet:
                    results[stage.name] = (f"not run (needs {unmet[0]})", 0.0)
                elif beside:
                    ready.append(stage)
                else:
                    run.progress.say(f"\n=== {stage.name} ===")
                    results[stage.name] = _timed(stage, run)
            results |= _side_by_side(ready, run)
    finally:
        _end(run.children)
        for engine in run.engines.values():
            sweep.sweep(engine, run.prefix, run.progress)
    for line in summary(results, time.monotonic() - started):
        run.progress.say(line)
    failed = [name for name, (result, _) in results.items() if result != "passed"]
    if failed:
        raise StageError(f"Not passed: {', '.join(failed)}.", todo="The output of each stands above its line.")
    return 0


def heed_signals() -> None:
    """Undo what a shell's ``&`` and ``nohup`` do: programs started by tests would inherit the ignored signals."""
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)


def summary(results: Mapping[str, tuple[str, float]], total: float) -> list[str]:
    """A line a stage: name, seconds, result; the last one has the seconds of all, where stages may overlap."""
    lines = [f"  {name:<16} {seconds:7.1f} s  {result}" for name, (result, seconds) in results.items()]
    return ["", "=== summary ===", *lines, f"  {'all':<16} {total:7.1f} s"]


def _timed(stage: Stage, run: Run) -> tuple[str, float]:
    started = time.monotonic()
    try:
        stage.call(run)
        result = "passed"
    except LauncherError as error:
        if run.output:
            run.output.write(f"ERROR: {error}\n".encode())
        else:
            report(error)
        result = f"failed ({error.exit_code})"
    return result, time.monotonic() - started


def _side_by_side(stages: Sequence[Stage], run: Run) -> dict[str, tuple[str, float]]:
    """Run ``stages`` at the same time; each one's output is printed in one piece when it ends."""
    results: dict[str, tuple[str, float]] = {}
    if not stages:
        return results
    title = f"Running side by side: {'; '.join(stage.name for stage in stages)}"
    with run.progress.step(title), ThreadPoolExecutor(len(stages)) as pool, ExitStack() as files:
        running = {}
        for stage in stages:
            output = files.enter_context(TemporaryFile())
            running[pool.submit(_timed, stage, replace(run, output=output))] = stage, output
        try:
            for done in as_completed(running):
                stage, output = running[done]
                results[stage.name] = done.result()
                output.seek(0)
                run.progress.say(f"\n=== {stage.name} ===\n{output.read().decode(errors='replace')}")
        except BaseException:
            # The pool waits for its threads, and these for their programs.
            _end(run.children)
            raise
    return results


def execute(argv: Sequence[str], run: Run, kind: str = "docker") -> None:
    """Run a stage's program with its output on ours, or in the stage's own file."""
    child = subprocess.Popen(
        argv,
        env=process.environment(run.environment(kind)),
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=run.output,
        stderr=run.output and subprocess.STDOUT,
    )
    run.children.append(child)
    code = child.wait()
    run.children.remove(child)
    if code:
        raise StageError(f"'{' '.join(argv[1:])}' ended with exit code {code}.")


def _end(children: Sequence["subprocess.Popen[bytes]"]) -> None:
    """End programs that still run, with ten seconds to leave by themselves."""
    for child in children:
        child.terminate()
    for child in list(children):
        try:
            child.wait(10)
        except subprocess.TimeoutExpired:
            child.kill()
