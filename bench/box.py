"""Driving the container that is measured."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.support.engine import IMAGE, engine
from tests.support.front import Front

PYTHON = "/opt/oneedge/bin/python"
PROBE = "/frontend-healthcheck.sh"
_INSIDE = Path(__file__).with_name("inside.py").read_text()


def healthy(one: Front, seconds: int = 60) -> None:
    """Return at the probe's first exit 0, as one ``exec`` sees it: one for each try would be a load of its own."""
    one.sh(
        f"for i in $(seq {seconds * 10}); do {PROBE} >/dev/null && exit 0; sleep 0.1; done; {PROBE}", timeout=600
    )


def inside(one: Front, *words: str, timeout: float = 120) -> Any:  # noqa: ANN401 - whatever the job answers
    """The answer of a job of :mod:`bench.inside` in that container."""
    command = ("exec", "--interactive", one.name, PYTHON, "-I", "-", *words)
    return json.loads(engine(*command, text=_INSIDE, timeout=timeout))


def seconds(call: Callable[[], object]) -> float:
    """How long ``call`` takes."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def empty_container() -> float:
    """Seconds of the engine for a container of the image that does nothing: the yardstick of every boot."""
    return seconds(lambda: engine("run", "--rm", "--entrypoint=/bin/true", IMAGE))
