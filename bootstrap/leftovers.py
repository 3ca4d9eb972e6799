"""What a killed Supervisor leaves behind in a native run: its services, which nobody watches and nobody ends.

In a container the end of PID 1 ends them. The kernel's own remedy, ``PR_SET_PDEATHSIG``, is forgotten at the exec of
a program with a group of its own, and OpenSSH's agent, with the keys, is one (prctl(2)). So the next ``up`` or
``down`` ends them, and of the processes that the state files name only those that prove to be this front-end's.
"""

import contextlib
import os
import signal
import time
from pathlib import Path

from bootstrap.errors import NotHealthyError
from onelib import services
from onelib.locations import ROOT_VARIABLE, Locations

PATIENCE = ((signal.SIGTERM, 15.0), (signal.SIGKILL, 5.0))
"""Signals, and the seconds that each has to end them."""
PAUSE = 0.02


def end(at: Locations) -> list[str]:
    """End the services that run without their Supervisor; their names. Raises NotHealthyError when one stays."""
    left = {name: pid for name, pid in _noted(at).items() if _is_ours(at, name, pid)}
    names = sorted(left)
    for number, seconds in PATIENCE:
        for pid in left.values():
            _signal(pid, number)
        deadline = time.monotonic() + seconds
        while left and time.monotonic() < deadline:
            time.sleep(PAUSE)
            left = {name: pid for name, pid in left.items() if _is_ours(at, name, pid)}
    if left:
        raise NotHealthyError(
            f"Left behind by a killed Supervisor and not to be ended: {', '.join(sorted(left))}.",
            todo=f"End {', '.join(map(str, left.values()))} by hand.",
        )
    return names


def _noted(at: Locations) -> dict[str, int]:
    """The process of each service whose state was written."""
    found = {}
    for path in (at.run / "state").glob("*.json"):
        with contextlib.suppress(OSError, ValueError):
            state = services.read_state(str(at.run), path.stem)
            if state and state["pid"] > 1:
                found[path.stem] = int(state["pid"])
    return found


def _is_ours(at: Locations, name: str, pid: int) -> bool:
    """Whether ``pid`` is service ``name`` of this state folder, and not a stranger who got its number."""
    place = Path(f"/proc/{pid}")
    try:
        variables = (place / "environ").read_bytes().split(b"\0")
    except PermissionError:  # the kernel hides it of a program with a group of its own
        return _is_its_command(at, name, place)
    except OSError:
        return False
    return f"{ROOT_VARIABLE}={at.root}".encode() in variables


def _is_its_command(at: Locations, name: str, place: Path) -> bool:
    try:
        command = [str(word) for word in services.read_table(str(at.run))["services"][name]["command"]]
        words = (place / "cmdline").read_bytes().split(b"\0")[:-1]
    except (OSError, ValueError, KeyError):
        return False
    named = any(word.startswith(f"{at.root}/") for word in command)
    return named and words == [word.encode() for word in command]


def _signal(pid: int, number: int) -> None:
    """To its whole process group, as Supervisor does."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if os.getpgid(pid) == pid:
            os.killpg(pid, number)
        else:
            os.kill(pid, number)
