"""Processes from their start until they are reaped: how long they take, and how much memory."""

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass

_RUN = """
import json, os, sys, time
begin = time.perf_counter()
pid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ)
_, status, usage = os.wait4(pid, 0)
print(json.dumps([time.perf_counter() - begin, usage.ru_maxrss / 1024, os.waitstatus_to_exitcode(status)]))
"""
"""Run by an interpreter of 9 MiB: a child's peak memory counts what its parent had when it was made."""


@dataclass(frozen=True)
class Life:
    """One process: seconds from its start until it is reaped, and its peak memory in MiB."""

    seconds: float
    memory: float


def process(*command: str, environment: Mapping[str, str] | None = None) -> Life:
    """Run a command that must succeed, in this ``environment`` instead of our own."""
    done = subprocess.run(
        [sys.executable, "-S", "-E", "-c", _RUN, *command],
        check=True,
        capture_output=True,
        text=True,
        env=environment,
    )
    seconds, memory, code = json.loads(done.stdout.splitlines()[-1])
    if code:
        raise RuntimeError(f"{command[0]} ended with {code}: {done.stderr[-500:]}")
    return Life(seconds, memory)
