"""``onecfg restore``: bring a backup back."""

from pathlib import Path

import click

from onecfg.cli.output import Log, logging
from onecfg.disk import backup, transaction
from onecfg.model import PatchError
from onelib.locations import Locations


@click.command()
@click.argument("name", required=False)
@click.option("-l", "--list", "listing", is_flag=True, help="List the backups, newest first.")
@click.option("-n", "--noop", is_flag=True, help="Tell what would be done, change nothing.")
@click.option("--prefix", metavar="DIR", help="Root of the tree to restore to (default: /).")
@logging
def restore(name: str | None, *, listing: bool, noop: bool, prefix: str | None, log: Log) -> int:
    """Bring the files of the backup NAME back, by default of the newest one.

    NAME is that of a listed backup, or the path of its folder. What is there now is backed up first, so a second
    restore takes the first one back. The exit code is 0, or 255 when something failed and nothing was changed.
    """
    here = Locations.from_environment()
    locations = Locations(Path(prefix)) if prefix else here
    folder = backup.base(here)
    if listing:
        return _list(folder, log)
    chosen = backup.read(_find(name, folder))
    with transaction.begun(locations) as settled:
        if settled:
            log.print("WARN", settled)
        writes = backup.writes(chosen, locations)
        stored = None
        if writes and not noop:
            names = [*chosen.files, *chosen.absent]
            stored = backup.store(names, locations, folder, command="restore")
            log.print("ANY", f"Backup stored in '{stored}'")
            transaction.commit(writes, locations)
    changed = [str(write.path) for write in writes]
    for path in changed:
        log.info(f"Restored '{path}'")
    log.print("ANY", f"Restored {len(changed)} files from '{chosen.path}'" if changed else "Nothing to restore")
    if noop:
        log.info("Changes ARE NOT saved in no-op mode!")
    log.result(
        {"backup": str(chosen.path), "saved": bool(stored), "undo": stored and str(stored), "files": changed}
    )
    return 0


def _find(name: str | None, folder: Path) -> Path:
    if name is not None:
        path = Path(name) if "/" in name else folder / name
        if path.is_dir() and name not in {".", ".."}:
            return path
        raise PatchError(f"There is no backup '{name}'.", todo="List them: onecfg restore --list.")
    newest = next(iter(backup.every(folder)), None)
    if newest is None:
        raise PatchError(f"There is no backup in '{folder}'.", todo=f"Name another folder in {backup.FOLDER}.")
    return newest.path


def _list(folder: Path, log: Log) -> int:
    found: list[dict[str, object]] = []
    lines: list[str] = []
    for path in (one.path for one in backup.every(folder)):
        try:
            one = backup.read(path)
        except PatchError as error:
            found.append({"name": path.name, "error": error.message})
            lines.append(f"{path.name}  {error.message}")
            continue
        names = [*one.files, *one.absent]
        found.append({"name": path.name, "command": one.command, "files": names})
        lines.append(f"{path.name}  {one.command:<8} {' '.join(names)}")
    log.result(found, "\n".join(lines) or None)
    return 0
