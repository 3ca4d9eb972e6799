"""The wheelhouse: every locked Python package of the image, verified by hash, for the image's Python."""

import platform
import shutil
from pathlib import Path

from launcher import content, process, venv
from launcher.errors import BuildError
from launcher.progress import Progress
from launcher.settings import BUILD, ROOT

FOLDER = BUILD / "wheelhouse"
VENV = BUILD / "venv"
# The slim image takes a part of full.txt.
LOCKS = ("full.txt", "image.txt")
# Python and C library of Debian 12.
PYTHON = "311"
GLIBC_MINOR = 36
_STAMP = ".inputs"


def ensure(progress: Progress, *, refresh: bool = False) -> Path:
    """The folder with all wheels, downloaded where a lock file changed. Raises :class:`BuildError`."""
    wanted = inputs()
    stamp = FOLDER / _STAMP
    if not refresh and stamp.exists() and stamp.read_text() == wanted:
        return FOLDER
    pip = pip_program(progress)
    fresh = FOLDER.with_name("wheelhouse.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    with progress.step("Downloading the Python packages") as step:
        for name in LOCKS:
            step.note(name)
            process.run_logged(
                [*pip, "download", *_options(), "--dest", str(fresh), "-r", str(ROOT / "requirements" / name)],
                BUILD / f"log/wheelhouse-{name}",
                BuildError,
                f"Downloading the packages of requirements/{name}",
            )
    (fresh / _STAMP).write_text(wanted)
    shutil.rmtree(FOLDER, ignore_errors=True)
    fresh.rename(FOLDER)
    return FOLDER


def inputs() -> str:
    """Hash of the lock files and of the platform that the wheels are for."""
    folder = ROOT / "requirements"
    return content.digest(folder, [folder / name for name in LOCKS], PYTHON, *platforms())


def platforms() -> list[str]:
    """Wheel platform tags that Debian 12 on this machine accepts, newest first (PEP 600, PEP 599)."""
    machine = platform.machine()
    tags = [f"manylinux_2_{minor}_{machine}" for minor in range(GLIBC_MINOR, 4, -1)]
    return [*tags, *(f"{name}_{machine}" for name in ("manylinux2014", "manylinux2010", "manylinux1", "linux"))]


def pip_program(progress: Progress) -> list[str]:
    """pip in a virtual environment of our own: Debian's python3 has none. It reads the user's own pip settings."""
    python = VENV / "bin/python"
    if not venv.works(python):
        with progress.step("Making a Python environment for the build"):
            venv.make(VENV, progress)
    return [str(python), "-m", "pip", "--disable-pip-version-check", "--no-input"]


def _options() -> list[str]:
    options = ["--only-binary=:all:", "--no-deps", "--require-hashes", "--python-version", PYTHON]
    options += ["--implementation", "cp"]
    for abi in (f"cp{PYTHON}", "abi3", "none"):
        options += ["--abi", abi]
    for tag in platforms():
        options += ["--platform", tag]
    return options
