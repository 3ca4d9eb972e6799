"""Driver programs for the tests, and a log that can be read."""

import io
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from oned.drivers.manager import Handle
from onelib.driver import DriverSettings
from onelib.logs import DDEBUG, Log

ODD = Path(__file__).with_name("odd.py")


@dataclass
class Bench:
    """Makes drivers on a folder."""

    folder: Path
    stream: io.StringIO = field(default_factory=io.StringIO)

    @property
    def journal(self) -> list[str]:
        """What the programs were asked, in order."""
        path = self.folder / "journal"
        return path.read_text().splitlines() if path.exists() else []

    @property
    def log(self) -> str:
        return self.stream.getvalue()

    def program(self) -> Path:
        """The odd driver as one executable file."""
        path = self.folder / "odd"
        path.write_text(f'#!/bin/sh\nexec {sys.executable} -S -E {ODD} {self.folder / "journal"} "$@"\n')
        path.chmod(0o755)
        return path

    def driver(self, *arguments: str, kind: str = "vmm", executable: str = "", **attributes: str) -> Handle:
        settings = DriverSettings(
            kind, "odd", executable or str(self.program()), arguments, attributes, self.folder
        )
        return Handle(settings, Log(DDEBUG, 0, self.stream))


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def alive(folder: Path) -> list[int]:
    """Processes of the program of ``folder``."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                command = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if str(folder / "journal").encode() in command:
                found.append(int(entry.name))
    return found
