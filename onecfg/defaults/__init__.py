"""The configuration files that the front-end ships, and putting them in place.

``TREE`` is the root of package data: the keys and value types of OpenNebula 6.0, so that patches written for it apply,
with the production defaults of SR1.3 and comments of this project. Of the catalogue it lacks the web GUI's
``sunstone-views`` and ``sunstone-logos.yaml``, and files of drivers that are not part of the front-end (ec2, az,
packet, and vCenter's XML).
"""

import os
import stat
from collections.abc import Collection, Iterator
from pathlib import Path

from onecfg.catalogue import find

TREE = Path(__file__).parent
ETC, REMOTES = "etc/one", "var/lib/one/remotes/etc"
BASES = (ETC, REMOTES)
"""The folders below ``TREE``, and below any root, that hold the files."""


def names(bases: Collection[str] = BASES) -> Iterator[str]:
    """The paths of the shipped files below ``bases``, relative to the root."""
    for base in bases:
        for folder, folders, files in os.walk(TREE / base):
            folders.sort()
            prefix = os.path.relpath(folder, TREE)
            yield from (f"{prefix}/{name}" for name in sorted(files))


def install(
    root: Path, *, bases: Collection[str] = BASES, oneadmin: tuple[int, int] | None = None, keep: bool = False
) -> list[str]:
    """Copy the shipped files of ``bases`` below ``root`` and return their names relative to it.

    Made for a boot on an empty tmpfs: nothing is flushed. ``oneadmin`` is that user's number and its group's: the
    group gets all files, the user those of the drivers; by default the owner is that of the process. Files
    that exist are replaced, or left alone with ``keep``; what the front-end does not ship is never touched. Raises
    ``OSError``.
    """
    installed = []
    for base in bases:
        made: set[Path] = set()
        target = (root / base).resolve()  # may be a link to a tmpfs that is still empty
        uid, gid = oneadmin or (-1, -1)
        owner = (uid if base == REMOTES else -1, gid)
        for name in names([base]):
            path = target / name[len(base) + 1 :]
            if path.parent not in made:
                _folder(path.parent, target, owner)
                made.add(path.parent)
            if not (keep and path.exists()):
                _copy(name, path, owner)
                installed.append(name)
    return installed


def _folder(path: Path, target: Path, owner: tuple[int, int]) -> None:
    """Make ``path`` and what is missing above it; new folders below ``target`` are 0750."""
    if path.is_dir():
        return
    if path != target:
        _folder(path.parent, target, owner)
    path.mkdir(mode=0o750, parents=True)
    if owner != (-1, -1):
        os.chown(path, *owner)


def _copy(name: str, path: Path, owner: tuple[int, int]) -> None:
    """Write one file anew, never through a link."""
    entry = find(f"/{name}")
    mode = entry.mode if entry else 0o640
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, stat.S_IRUSR | stat.S_IWUSR)
    with open(descriptor, "wb") as stream:  # noqa: PTH123 - a descriptor, not a path
        stream.write((TREE / name).read_bytes())
        if owner != (-1, -1):
            os.fchown(descriptor, *owner)
        os.fchmod(descriptor, mode)
