"""The front-end of one user without a container: same bootstrap, same Supervisor, same probe, SQLite.

Everything lives below one state folder, which is the root of the usual tree (``etc/one``, ``var/lib/one`` ...).
"""

import os
import signal
import subprocess
import time
from pathlib import Path

import click

from bootstrap import boot, leftovers
from bootstrap.errors import AlreadyRunningError, NotHealthyError, VolumeError
from healthcheck import probe, verdict
from onelib.locations import ROOT_VARIABLE, Locations

PAUSE = 0.1
STOP_SECONDS = 60


def default_state() -> Path:
    """``ONEEDGE_ROOT``, or ``oneedge`` below the user's state folder (XDG base directory specification)."""
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state"
    return Path(os.environ.get(ROOT_VARIABLE) or Path(base) / "oneedge")


def in_container() -> bool:
    """Whether this is the image, where the front-end's root is ``/``."""
    return Path("/frontend-bootstrap.sh").exists()


def running(at: Locations) -> int | None:
    """The process id of the state folder's Supervisor, None if it does not run."""
    try:
        pid = int((at.run / "supervisord.pid").read_text())
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (OSError, ValueError):
        return None
    return pid if str(at.run).encode() in command else None


def up(state: Path, timeout: int) -> None:
    """Configure and start; returns when healthy.

    Raises AlreadyRunningError, NotHealthyError, VolumeError and the errors of a boot.
    """
    at = Locations(state.absolute())
    if running(at) is not None:
        raise AlreadyRunningError(
            f"The front-end of {state} runs already.", todo="`oneedge status` says how it is."
        )
    try:
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise VolumeError(
            f"{state} cannot be made: {error.strerror}.", todo="Choose another with --state."
        ) from error
    end_leftovers(at)
    os.environ[ROOT_VARIABLE] = str(at.root)
    context = boot.context_for(os.environ, native=True)
    boot.prepare(context)
    log = at.log / "supervisor.out"
    with log.open("ab") as stream:
        process = subprocess.Popen(
            boot.supervisor_command(context),
            env=boot.clean_environment(os.environ),
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            start_new_session=True,
        )
    _wait(process, at.run, timeout, log)
    click.echo(f"API          http://{context.settings.host}:2633/RPC2")
    click.echo(f"credentials  {at.auth / 'one_auth'}")
    click.echo(f"logs         {at.log}")


def _wait(process: "subprocess.Popen[bytes]", run: Path, timeout: int, log: Path) -> None:
    deadline, shown = time.monotonic() + timeout, ""
    while True:
        health, _ = probe.ask(str(run), "ready")
        if verdict.line(health) != shown:
            shown = verdict.line(health)
            click.echo(shown)
        if health.status in verdict.HEALTHY:
            return
        if process.poll() is not None:
            raise NotHealthyError(f"Supervisor ended with status {process.returncode}.", todo=f"Look at {log}.")
        if time.monotonic() > deadline:
            raise NotHealthyError(
                f"Not healthy after {timeout} s: {shown}.",
                todo="It goes on: ask `oneedge status`, or `oneedge down`.",
            )
        time.sleep(PAUSE)


def end_leftovers(at: Locations) -> bool:
    """End what a killed Supervisor left behind; whether there was something. Raises NotHealthyError."""
    names = leftovers.end(at)
    if names:
        click.echo(f"ended what ran without its Supervisor: {', '.join(names)}")
    return bool(names)


def down(state: Path) -> None:
    """Stop in order and wait for the end. Raises NotHealthyError when it does not end in time."""
    at = Locations(state.absolute())
    pid = running(at)
    if pid is None:
        click.echo("stopped" if end_leftovers(at) else "not running")
        return
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    while Path(f"/proc/{pid}").exists():
        if time.monotonic() > deadline:
            raise NotHealthyError(
                f"Process {pid} has not stopped after {STOP_SECONDS} s.", todo="Look at its logs."
            )
        time.sleep(PAUSE)
    click.echo("stopped")
