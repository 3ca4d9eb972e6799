"""Work that is killed at an event it tells of, as a process of its own."""

import os
import signal
from collections.abc import Callable

from onedb.upgrade.progress import Event, Listener


def killed_at(instant: Callable[[Event], bool], work: Callable[[Listener], object]) -> None:
    """Run ``work`` until ``instant`` says yes to an event; nothing of it may survive that."""
    child = os.fork()
    if child == 0:

        def kill(event: Event) -> None:
            if instant(event):
                os.kill(os.getpid(), signal.SIGKILL)

        try:
            work(kill)
        finally:
            os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
