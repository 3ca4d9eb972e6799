"""The developers' virtual environment ``.venv``, exactly as requirements/dev.txt locks it."""

import sys
from pathlib import Path

from launcher import content, host, process
from launcher.errors import BuildError
from launcher.progress import Progress
from launcher.settings import BUILD, ROOT

FOLDER = ROOT / ".venv"
PYTHON = FOLDER / "bin/python"
_STAMP = FOLDER / ".inputs"


def make(folder: Path, progress: Progress) -> None:
    """Make a virtual environment with pip in ``folder``; Debian has both in a package of their own."""
    if process.capture([sys.executable, "-c", "import ensurepip"]).returncode:
        host.install(("python3-venv",), "Python's venv with pip", progress)
    process.run_logged(
        [sys.executable, "-m", "venv", "--clear", str(folder)],
        BUILD / "log/venv.log",
        BuildError,
        "Making a virtual environment",
    )


def works(python: Path) -> bool:
    """Whether ``python`` is there and has pip; a virtual environment breaks with the Python it was made from."""
    return python.exists() and process.capture([str(python), "-m", "pip", "--version"]).returncode == 0


def ensure(progress: Progress) -> Path:
    """The environment's Python with everything that tests need, this distribution (editable) included."""
    lock = ROOT / "requirements/dev.txt"
    wanted = content.digest(ROOT, [lock, ROOT / "pyproject.toml"], sys.version)
    if _STAMP.exists() and _STAMP.read_text() == wanted and PYTHON.exists():
        return PYTHON
    if not works(PYTHON):
        with progress.step("Making the virtual environment .venv"):
            make(FOLDER, progress)
    with progress.step("Installing requirements/dev.txt into .venv"):
        # The lock file is complete; without --no-deps pip would add what it leaves out on purpose.
        _pip("--no-deps", "--require-hashes", "--requirement", str(lock))
        _pip("--no-deps", "--no-build-isolation", "--editable", str(ROOT))
    _STAMP.write_text(wanted)
    return PYTHON


def _pip(*arguments: str) -> None:
    process.run_logged(
        [str(PYTHON), "-m", "pip", "--disable-pip-version-check", "--no-input", "install", *arguments],
        BUILD / "log/pip.log",
        BuildError,
        "pip install",
    )
