"""Content hashes: what decides whether something must be built again."""

import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

# 2026-01-01. Times of files say nothing about a build; one that moved would change every layer with every commit.
EPOCH = 1767225600


def epoch() -> int:
    """The time that no file of base and image is younger than: SOURCE_DATE_EPOCH, or a fixed one."""
    return int(os.environ.get("SOURCE_DATE_EPOCH") or EPOCH)


def files_below(root: Path, skip: Iterable[str] = ()) -> Iterator[Path]:
    """Every file below ``root``, sorted, without what tools leave behind and without paths in ``skip``."""
    skipped = set(skip)
    for folder, names, files in os.walk(root):
        here = Path(folder)
        names[:] = sorted(
            name
            for name in names
            if name != "__pycache__"
            and not name.endswith(".egg-info")
            and not name.startswith(".")
            and str((here / name).relative_to(root)) not in skipped
        )
        for name in sorted(files):
            path = here / name
            if not name.endswith((".pyc", "~", ".swp")) and str(path.relative_to(root)) not in skipped:
                yield path


def digest(root: Path, paths: Iterable[Path], *words: str) -> str:
    """SHA-256 over names, executable bits and contents of ``paths``, and over ``words``."""
    total = hashlib.sha256()
    for word in words:
        total.update(f"{len(word)}:{word}".encode())
    for path in paths:
        data = str(path.readlink()).encode() if path.is_symlink() else path.read_bytes()
        mode = "l" if path.is_symlink() else "x" if os.access(path, os.X_OK) else "-"
        total.update(f"{path.relative_to(root)}\0{mode}\0{len(data)}\0".encode())
        total.update(data)
    return total.hexdigest()


def stage(root: Path, paths: Iterable[Path], target: Path, links: Iterable[Path] = ()) -> None:
    """Copy ``paths`` to a fresh ``target`` with the modes 0644 and 0755 and one time, whoever's clone this is.

    ``links`` are large files, below ``root`` too, that get hard links instead: whoever uses ``target`` only reads.
    """
    shutil.rmtree(target, ignore_errors=True)
    for path in paths:
        copy = target / path.relative_to(root)
        copy.parent.mkdir(parents=True, exist_ok=True)
        if path.is_symlink():
            copy.symlink_to(path.readlink())
            continue
        shutil.copyfile(path, copy)
        copy.chmod(0o755 if os.access(path, os.X_OK) else 0o644)
        os.utime(copy, (epoch(), epoch()))
    for path in links:
        copy = target / path.relative_to(root)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.hardlink_to(path)
    for folder, _, _ in os.walk(target, topdown=False):
        Path(folder).chmod(0o755)
        os.utime(folder, (epoch(), epoch()))
