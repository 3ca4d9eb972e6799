"""Scripts of OpenNebula 6.0's layout: ``/var/lib/one/remotes/<kind>/<name>/<action>``.

A script gets its request on standard input, so that no secret is among its arguments. What it prints is the answer; one
that does not exit with 0 has failed, and says why on standard error between two lines::

    ERROR MESSAGE --8<------
    the reason
    ERROR MESSAGE ------>8--
"""

import asyncio
import contextlib
import os
import re
import signal
from collections.abc import Sequence
from pathlib import Path

from onelib.driver import DriverError, DriverSettings

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*")
_REASON = re.compile(rb"ERROR MESSAGE --8<-*\n(.*?)\n?ERROR MESSAGE -*>8--", re.DOTALL)


def folder(settings: DriverSettings, kind: str, name: str) -> Path | None:
    """Where the scripts of a driver are; None without any."""
    if not _NAME.fullmatch(name):
        return None
    found = settings.folder / "remotes" / kind / name
    return found if found.is_dir() else None


async def run(script: Path, arguments: Sequence[str], request: bytes) -> str:
    """What ``script`` prints. It ends with all it has started when nobody waits for it any more.

    Raises :class:`DriverError`.
    """
    try:
        process = await asyncio.create_subprocess_exec(
            script,
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        raise DriverError(f"The script {script} cannot be run: {error.strerror}.") from None
    try:
        output, errors = await process.communicate(request)
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    if process.returncode:
        found = _REASON.search(errors)
        reason = found[1].decode(errors="replace").strip() if found else ""
        raise DriverError(reason or f"The script {script} failed with exit code {process.returncode}.")
    return output.decode(errors="replace").strip()
