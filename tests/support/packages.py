"""Clients of other people that cannot live in the tests' own environment: each in a folder of its own below build/."""

import hashlib
import importlib
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[2]
_FOLDERS = ROOT / "build/clients"


@cache
def installed(name: str) -> Path:
    """The folder with what ``requirements/NAME.txt`` locks by hash; made where it is not there yet."""
    lock = ROOT / "requirements" / f"{name}.txt"
    digest = hashlib.sha256(lock.read_bytes() + sys.version.encode()).hexdigest()[:16]
    folder = _FOLDERS / f"{name}-{digest}"
    if not folder.exists():
        _FOLDERS.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=_FOLDERS) as text:
            made = Path(text) / "made"
            words = ["--no-deps", "--only-binary", ":all:", "--require-hashes", "--requirement", str(lock)]
            command = [
                sys.executable,
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
                "--no-input",
            ]
            command += ["--target", str(made), *words]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stdout + done.stderr
            try:
                made.rename(folder)
            except OSError:
                assert folder.exists(), "only another run that was faster may be in the way"
    return folder


def loaded(name: str, module: str) -> ModuleType:
    """``module`` out of that folder, beside one of the same name in this environment, which stays as it is."""
    folder = installed(name)
    own = {entry.name.partition(".")[0] for entry in folder.iterdir()}
    before = _taken(own)
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    try:
        return importlib.import_module(module)
    finally:
        sys.path.remove(str(folder))
        _taken(own)
        sys.modules.update(before)


def _taken(names: set[str]) -> dict[str, ModuleType]:
    """Take modules of the packages ``names`` out of the interpreter's list."""
    found = {name: module for name, module in sys.modules.items() if name.partition(".")[0] in names}
    for name in found:
        del sys.modules[name]
    return found
