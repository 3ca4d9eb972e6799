"""The container engine under test, through its command line, as users call it."""

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence

ENGINE = os.environ.get("ONEEDGE_TEST_ENGINE", "docker")
IMAGE = os.environ.get("ONEEDGE_TEST_IMAGE", "oneedge:test")
PREFIX = os.environ.get("ONEEDGE_TEST_PREFIX", "oneedge-test-")
"""In front of every container, volume and network that a test makes, so that a sweep finds what a killed test left."""
FULL = os.environ.get("ONEEDGE_TEST_FULL") == "1"
"""Whether loops run in their long form (`make test-full`)."""


def engine(*words: str, check: bool = True, timeout: float = 120, text: str | None = None) -> str:
    """Run the engine with ``words`` and return its standard output; a failure shows what it said."""
    if shutil.which(ENGINE) is None:
        raise AssertionError(f"{ENGINE} is missing: `make test` installs it")
    done = subprocess.run(
        [ENGINE, *words], capture_output=True, text=True, timeout=timeout, check=False, input=text
    )
    if check and done.returncode != 0:
        raise AssertionError(f"{ENGINE} {' '.join(words)}: {done.returncode}\n{done.stdout}{done.stderr}"[-4000:])
    return done.stdout


def status(words: Sequence[str], timeout: float = 120) -> tuple[int, str]:
    """Exit code and both outputs of the engine with ``words``."""
    done = subprocess.run([ENGINE, *words], capture_output=True, text=True, timeout=timeout, check=False)
    return done.returncode, done.stdout + done.stderr


def until(check: Callable[[], bool], seconds: float, what: str, pause: float = 0.1) -> float:
    """Wait until ``check()`` and return the seconds it took; fail after ``seconds``."""
    began = time.monotonic()
    while not check():
        if time.monotonic() - began > seconds:
            raise AssertionError(f"not within {seconds:g} s: {what}")
        time.sleep(pause)
    return time.monotonic() - began
