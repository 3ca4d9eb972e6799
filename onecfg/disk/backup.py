"""Backups of the files that a patch touches, made before it does; the oldest go.

A backup is a folder called after the local time and the process. It holds the files at their paths, as upstream's
backups do, and ``manifest.json``, which also names the files that did not exist, so that bringing it back removes them.
"""

import json
import os
import re
import shutil
import stat
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from onecfg.catalogue import find
from onecfg.disk import files
from onecfg.disk.files import BASES, Original, flush
from onecfg.disk.transaction import Write
from onecfg.model import PatchError
from onelib.locations import Locations

FOLDER = "ONECFG_BACKUP_DIR"
KEEP = "ONECFG_BACKUP_KEEP"
DEFAULT_KEEP = 20
MANIFEST = "manifest.json"
_NAME = re.compile(r"\d{4}-\d\d-\d\d_\d\d:\d\d:\d\d_\d+(\.\d+)?")


def base(locations: Locations) -> Path:
    """The folder of all backups: the variable ``ONECFG_BACKUP_DIR``, or ``/var/lib/one/backups/config``."""
    return Path(os.environ.get(FOLDER) or locations.backups / "config")


def retention() -> int:
    """How many backups are kept, 0 for all: the variable ``ONECFG_BACKUP_KEEP``. Raises ``PatchError``."""
    text = os.environ.get(KEEP) or str(DEFAULT_KEEP)
    if re.fullmatch(r"\d{1,6}", text, re.ASCII):
        return int(text)
    raise PatchError(f"{KEEP} is not a number.", todo="Write how many backups to keep, or 0 for all.")


def store(names: Iterable[str], locations: Locations, folder: Path, *, command: str = "patch") -> Path:
    """Copy the files ``names``, as seen from ``/``, into a new folder below ``folder``, and drop the oldest backups.

    Mode and time are kept, the owner where the process may; everything is flushed. When the newest backup holds just
    these files as they are, it serves again: a patch that is run at every boot pushes no other backup out. Raises
    ``PatchError``.
    """
    keep = retention()
    names = list(names)
    if (same := _serving(names, locations, folder)) is not None:
        return same
    stem = f"{time.strftime('%Y-%m-%d_%H:%M:%S')}_{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        target = _fresh(folder, stem)
        saved, absent = [], []
        for name in names:
            source = locations.under(name)
            if source.is_file():
                _copy(source, target / name.lstrip("/"))
                saved.append(name)
            else:
                absent.append(name)
        _write_manifest(target, {"version": 1, "command": command, "files": saved, "absent": absent})
        _flush_all(target)
        flush(folder)
        _prune(folder, keep, target)
    except OSError as error:
        raise PatchError(
            f"Error making backup due to '{error.filename or folder}': {error.strerror}",
            todo=f"Mend it, or name another folder in {FOLDER}.",
        ) from None
    return target


def _serving(names: Sequence[str], locations: Locations, folder: Path) -> Path | None:
    """The newest backup, when a new one would hold the same."""
    newest = next(iter(every(folder)), None)
    if newest is None or not (newest.path / MANIFEST).is_file():
        return None
    try:
        known = read(newest.path)
    except PatchError:
        return None
    if {*known.files, *known.absent} != set(names):
        return None
    for name in names:
        now, kept = files.load(locations.under(name)), files.load(known.path / name.lstrip("/"))
        if (now and (now.data, _owner(now), now.status.st_mode)) != (
            kept and (kept.data, _owner(kept), kept.status.st_mode)
        ):
            return None
    return known.path


def _owner(original: Original) -> tuple[int, int]:
    return original.status.st_uid, original.status.st_gid


def _fresh(folder: Path, stem: str) -> Path:
    """A new folder; a process number repeats quickly in containers, so a taken name gets a suffix."""
    for suffix in range(1000):
        target = folder / (f"{stem}.{suffix}" if suffix else stem)
        try:
            target.mkdir(mode=0o700)
        except FileExistsError:
            continue
        return target
    raise PatchError(f"'{folder}' has too many backups of this second.", todo="Try again.")


def _copy(source: Path, copy: Path) -> None:
    copy.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(source, copy, follow_symlinks=False)
    if os.geteuid() == 0:
        status = source.lstat()
        os.chown(copy, status.st_uid, status.st_gid)


def _write_manifest(target: Path, data: object) -> None:
    path = target / MANIFEST
    path.write_text(json.dumps(data, indent=1))
    path.chmod(0o600)


def _flush_all(target: Path) -> None:
    for folder, _, names in os.walk(target):
        for name in names:
            flush(Path(folder, name))
        flush(Path(folder))


def _prune(folder: Path, keep: int, newest: Path) -> None:
    """Drop the oldest backups of this program; what others put there stays."""
    if not keep:
        return
    own = [one for one in every(folder) if one.path != newest and (one.path / MANIFEST).is_file()]
    for old in own[max(keep - 1, 0) :]:
        shutil.rmtree(old.path)


@dataclass(frozen=True)
class Backup:
    """A backup: the files in it, and those that did not exist, as seen from ``/``."""

    path: Path
    command: str = ""
    files: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()


def every(folder: Path) -> list[Backup]:
    """All backups in ``folder``, newest first; their lists of files are not read yet. Raises ``OSError``."""
    if not folder.is_dir():
        return []
    found = [path for path in folder.iterdir() if _NAME.fullmatch(path.name) and path.is_dir()]
    return [Backup(path) for path in sorted(found, key=_age, reverse=True)]


def _age(path: Path) -> tuple[str, int, str]:
    """Backups of one second are told apart by when they were made: the numbers of processes wrap."""
    return path.name[:19], path.stat().st_mtime_ns, path.name


def read(path: Path) -> Backup:
    """The backup in the folder ``path``, one of upstream's (without a manifest) too. Raises ``PatchError``."""
    try:
        text = (path / MANIFEST).read_text()
    except FileNotFoundError:
        return _foreign(path)
    except (OSError, UnicodeDecodeError):
        raise _damaged(path) from None
    try:
        data = json.loads(text)
        saved, absent = (_names(data[key]) for key in ("files", "absent"))
        backup = Backup(path, str(data["command"]), saved, absent)
    except (ValueError, KeyError, TypeError):
        raise _damaged(path) from None
    if missing := [name for name in saved if not (path / name.lstrip("/")).is_file()]:
        raise PatchError(f"The backup '{path}' has lost '{missing[0]}'.", todo="Choose another backup.")
    return backup


def _names(data: Sequence[object]) -> tuple[str, ...]:
    """Names that a patch may have touched; a backup must not lead anywhere else."""
    names = tuple(str(name) for name in data)
    if any(find(name) is None and name not in files.OTHERS for name in names):
        raise ValueError
    return names


def _damaged(path: Path) -> PatchError:
    return PatchError(f"'{path}' is no backup that can be read.", todo="Choose another: onecfg restore --list.")


def _foreign(path: Path) -> Backup:
    """A backup without a manifest: all files in it that a patch may name."""
    found = [
        f"/{one.relative_to(path)}"
        for base in BASES
        for one in sorted((path / base.lstrip("/")).rglob("*"))
        if one.is_file() and not one.is_symlink()
    ]
    names = tuple(name for name in found if find(name) is not None)
    if not names:
        raise _damaged(path)
    return Backup(path, files=names)


def writes(backup: Backup, locations: Locations) -> list[Write]:
    """What a transaction has to do so that the files are as in ``backup``. Raises ``PatchError``."""
    wanted: list[Write] = []
    for name in backup.absent:
        path = files.locate(name, locations)
        if (original := files.load(path)) is not None:
            wanted.append(Write(path, None, original))
    for name in backup.files:
        path, kept = files.locate(name, locations), files.load(backup.path / name.lstrip("/"))
        if kept is None:
            raise _damaged(backup.path)
        original = files.load(path)
        if original is None:
            owner = (kept.status.st_uid, kept.status.st_gid) if os.geteuid() == 0 else None
            wanted.append(Write(path, kept.data, mode=stat.S_IMODE(kept.status.st_mode), owner=owner))
        elif original.data != kept.data:
            wanted.append(Write(path, kept.data, original))
    return wanted
