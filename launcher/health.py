"""Waiting until the front-end is healthy, with its own words on the way."""

import time
from dataclasses import dataclass
from subprocess import CompletedProcess
from typing import Any

from launcher import container, process
from launcher.engine import Engine
from launcher.errors import ContainerEndedError, NotHealthyError
from launcher.progress import Progress, Step

# Seconds between two looks, and how long a state of failure has to last before it is believed.
PAUSE = 0.5
FAILED_SECONDS = 15.0
# Restarts by the engine after which another one is not waited for.
RESTARTS = 3
# In the text of a database upgrade that failed: nothing tries it again, so there is nothing to wait for.
FINAL = "the database upgrade failed"


def probe(engine: Engine, name: str, *arguments: str) -> CompletedProcess[str]:
    """Run the image's probe in the container: the only way where no timers run the engine's health checks."""
    return engine.run("exec", name, container.PROBE, *arguments, timeout=30)


@dataclass
class _Watch:
    """What has been seen so far."""

    text: str = ""
    since: float = 0.0

    def saw(self, text: str) -> float:
        """Note ``text``; the seconds for which it has been the same."""
        if text != self.text:
            self.text, self.since = text, time.monotonic()
        return time.monotonic() - self.since


def wait(engine: Engine, name: str, seconds: int, progress: Progress) -> str:
    """Wait until the probe says yes and return its text.

    Raises :class:`ContainerEndedError` for a container that ended or ends over and over,
    :class:`NotHealthyError` for a failed service or after ``seconds``.
    """
    with progress.step("Waiting until it is healthy") as step:
        watch = _Watch()
        deadline = time.monotonic() + seconds
        while True:
            text = _look(engine, name, watch, step)
            if text is not None:
                return text
            if time.monotonic() > deadline:
                raise _not_healthy(engine, name, f"is not healthy after {seconds} s: {watch.text or 'no answer'}")
            time.sleep(PAUSE)


def _look(engine: Engine, name: str, watch: _Watch, step: Step) -> str | None:
    state: dict[str, Any] = container.must_exist(engine, name)
    if not state["State"].get("Running") or int(state.get("RestartCount", 0)) >= RESTARTS:
        _ended(engine, name, state)
        return None
    ended = probe(engine, name)
    text = (ended.stdout.strip() or ended.stderr.strip() or f"the probe ended with code {ended.returncode}")[:300]
    same = watch.saw(text)
    if ended.returncode == 0:
        return text
    step.note(text)
    if text.startswith("failed") and (same > FAILED_SECONDS or FINAL in text):
        raise _not_healthy(engine, name, f"says {text}")
    return None


def _ended(engine: Engine, name: str, state: dict[str, Any]) -> None:
    """Raise for a container that will not come back; one that the engine is restarting gets another chance."""
    restarts = int(state.get("RestartCount", 0))
    inner = state["State"]
    coming_back = inner.get("Restarting") or inner.get("Status") in ("created", "restarting", "initialized")
    if coming_back and restarts < RESTARTS:
        return
    # Podman restarts without a pause: then the container is found running, and its last exit code nowhere.
    how = "keeps ending" if inner.get("Running") else f"ended with exit code {inner.get('ExitCode')}"
    again = f" (restarted {restarts} times)" if restarts else ""
    memory = " for want of memory" if inner.get("OOMKilled") else ""
    raise ContainerEndedError(
        f"The container {name} {how}{memory}{again}. Its last lines:\n{logs(engine, name)}",
        todo=f"Mend what it names and run this again; 'make logs' shows all of it ({engine.kind} logs {name}).",
    )


def _not_healthy(engine: Engine, name: str, what: str) -> NotHealthyError:
    return NotHealthyError(
        f"The container {name} {what}. Its last lines:\n{logs(engine, name)}",
        todo="It stays up for inspection: 'make status', 'make logs', 'make shell'. WAIT_SECONDS waits longer.",
    )


def logs(engine: Engine, name: str, lines: int = process.TAIL_LINES) -> str:
    """The container's last lines, from both of its streams."""
    ended = engine.run("logs", "--tail", str(lines), name)
    return process.tail(f"{ended.stdout}\n{ended.stderr}", lines)
