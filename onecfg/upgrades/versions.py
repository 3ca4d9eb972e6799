"""Versions of OpenNebula and of its configuration, which has that of the last release that changed it."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from functools import total_ordering
from pathlib import Path

from onecfg.model import PatchError

DETECTION_SECONDS = 10.0
_PRINTED = re.compile(r"^OpenNebula (\d+\.\d+\.\d+(?:\.\d+)?)\b", re.MULTILINE | re.ASCII)
_TEXT = re.compile(r"\d{1,6}(?:\.\d{1,6}){0,3}", re.ASCII)


class VersionError(PatchError):
    """A version is unknown, malformed, or one that no upgrade leads from or to."""


@total_ordering
@dataclass(frozen=True)
class Version:
    """Numbers with dots between them; ``6.0`` is the same as ``6.0.0``."""

    numbers: tuple[int, ...]
    text: str = field(compare=False)

    @classmethod
    def parse(cls, text: str) -> "Version":
        """The version that ``text`` is. Raises ``VersionError``."""
        if not _TEXT.fullmatch(text):
            raise VersionError("A version is malformed.", todo="Write numbers with dots between them: 6.0.0.")
        numbers = [int(part) for part in text.split(".")]
        while len(numbers) > 1 and not numbers[-1]:
            numbers.pop()
        return cls(tuple(numbers), text)

    def bumped(self) -> "Version":
        """The first version after the ones that differ from this in the last number alone: 6.1 for 6.0.0."""
        *kept, last = self.text.split(".")[:-1] or ["0"]
        return Version.parse(".".join([*kept, str(int(last) + 1)]))

    def __lt__(self, other: "Version") -> bool:
        return self.numbers < other.numbers

    def __str__(self) -> str:
        return self.text


def detect() -> Version:
    """The version of the OpenNebula that is installed: what ``oned --version`` prints.

    ``oned`` is looked for where commands are, then beside this Python. Raises ``VersionError`` when it is missing,
    fails, does not answer within ten seconds, or prints something else.
    """
    beside = str(Path(sys.executable).parent)
    program = shutil.which("oned", path=os.pathsep.join([os.environ.get("PATH", os.defpath), beside]))
    if program is None:
        raise _unknown("there is no program 'oned'")
    try:
        done = subprocess.run(
            [program, "--version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=DETECTION_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise _unknown(f"'{program} --version' did not end within {DETECTION_SECONDS:g} seconds") from None
    except OSError as error:
        raise _unknown(f"'{program}' cannot be run: {error.strerror}") from None
    if done.returncode:
        raise _unknown(f"'{program} --version' ended with code {done.returncode}")
    found = _PRINTED.search(done.stdout.decode(errors="replace"))
    if found is None:
        raise _unknown(f"'{program} --version' printed no version")
    return Version.parse(found[1])


def _unknown(reason: str) -> VersionError:
    return VersionError(f"The version of OpenNebula is unknown: {reason}.", todo="Name the version with --to.")
