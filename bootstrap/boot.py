"""Carry out the steps, then become Supervisor."""

import os
import signal
import sys
import time
from collections.abc import Mapping
from typing import NoReturn, TextIO

from bootstrap import environment as parameters
from bootstrap.context import Context
from bootstrap.service import DEFAULT_PATH, is_kept
from bootstrap.steps import STEPS
from bootstrap.validate import settings_from
from onelib.locations import Locations


def log(text: str, stream: TextIO | None = None) -> None:
    """Print one line of the boot's log at once: a hook that hangs must not hold back what came before it."""
    out = stream or sys.stdout
    out.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} [BOOTSTRAP] {text}\n")
    out.flush()


def context_for(environment: Mapping[str, str], *, native: bool = False) -> Context:
    """The context of a boot with this environment. Raises SettingsError with everything that is wrong with it."""
    settings = settings_from(environment, native=native)
    context = Context(settings, Locations.from_environment(), environment, native=native)
    context.warnings += parameters.unknown(environment)
    return context


def plan(context: Context) -> int:
    """Print what a boot would change, and return how many actions that are. Nothing is touched."""
    count = 0
    for step in STEPS:
        for action in step(context):
            if action.needed():
                count += 1
                sys.stdout.write(f"{action.describe()}\n")
    _tell(context)
    return count


def prepare(context: Context) -> None:
    """Do all steps. Raises a OneError of the step that cannot be done."""
    began = time.monotonic()
    log(f"oneedge: service {context.settings.role}")
    count = 0
    for step in STEPS:
        for action in step(context):
            if action.needed():
                action.apply()
                count += 1
    _tell(context)
    log(f"{count} changes in {time.monotonic() - began:.2f} s")


def _tell(context: Context) -> None:
    for note in context.notes:
        log(note)
    for warning in context.warnings:
        log(f"WARNING: {warning}")


def clean_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """What Supervisor and its services get of the environment: no parameter, so no secret."""
    kept = {name: value for name, value in environment.items() if is_kept(name)}
    kept.setdefault("PATH", DEFAULT_PATH)
    return kept


def supervisor_command(context: Context) -> list[str]:
    """The command that runs the services in the foreground."""
    return [sys.executable, "-I", "-m", "bootstrap.supervise", "-c", str(context.at.run / "supervisord.conf")]


def end_on_signal() -> None:
    """Let SIGTERM end the bootstrap (143), hooks included: the kernel ignores it for a PID 1 that says nothing."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))


def hand_over(context: Context) -> NoReturn:
    """Become Supervisor. A stop that comes on the way waits until Supervisor heeds it, instead of being lost."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    command = supervisor_command(context)
    sys.stdout.flush()
    os.execve(command[0], command, clean_environment(context.environment))
