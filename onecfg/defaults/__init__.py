"""The configuration files that the front-end ships, and putting them in place.

The files below ``etc/one`` are package data: the keys and value types of OpenNebula 6.0, so that patches written for it
apply, with the production defaults of SR1.3 and comments of this project.
"""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from onecfg.catalogue import find

TREE = Path(__file__).parent / "etc/one"


def names() -> Iterator[str]:
    """The paths of the shipped files relative to ``/etc/one``, folders before what is in them."""
    for folder, folders, files in os.walk(TREE):
        folders.sort()
        prefix = os.path.relpath(folder, TREE)
        yield from (os.path.normpath(f"{prefix}/{name}") for name in sorted(files))


def install(target: Path, *, gid: int | None = None, keep: bool = False) -> list[str]:
    """Copy the shipped files into the folder ``target`` and return their names relative to it.

    Made for a boot on an empty tmpfs: nothing is flushed. ``gid`` is the group that may read them (oneadmin's); by
    default the group stays that of the process. Files that exist are replaced, or left alone with ``keep``; what the
    front-end does not ship is never touched. Raises ``OSError``.
    """
    installed = []
    made: set[Path] = set()
    target = target.resolve()  # /etc/one may be a link to a tmpfs that is still empty
    for name in names():
        path = target / name
        if path.parent not in made:
            _folder(path.parent, target, gid)
            made.add(path.parent)
        if not (keep and path.exists()):
            _copy(TREE / name, path, name, gid)
            installed.append(name)
    return installed


def _folder(path: Path, target: Path, gid: int | None) -> None:
    """Make ``path`` and what is missing above it; new folders below ``target`` are 0750."""
    if path.is_dir():
        return
    if path != target:
        _folder(path.parent, target, gid)
    path.mkdir(mode=0o750, parents=True)
    if gid is not None:
        os.chown(path, -1, gid)


def _copy(source: Path, path: Path, name: str, gid: int | None) -> None:
    """Write one file anew, never through a link."""
    entry = find(f"/etc/one/{name}")
    mode = entry.mode if entry else 0o640
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, stat.S_IRUSR | stat.S_IWUSR)
    with open(descriptor, "wb") as stream:  # noqa: PTH123 - a descriptor, not a path
        stream.write(source.read_bytes())
        if gid is not None:
            os.fchown(descriptor, -1, gid)
        os.fchmod(descriptor, mode)
