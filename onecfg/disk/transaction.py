"""All files of a patch change together: killed at any instant, the next run finds all old or makes all new.

1. The journal names every file, in the state ``prepare``.
2. The new text of each file goes to ``.NAME.onecfg`` beside it; a second link ``.NAME.onecfg-old`` keeps the old file.
3. One pass flushes all of them and their folders.
4. The journal's state becomes ``forward``: from here on the patch is made.
5. Renames put the new files in place; their folders are flushed, the journal goes, then the old links.

What a killed run left is settled before anything else is read (``recover``): ``prepare`` takes the temporaries away,
``forward`` ends the renames. A rename that the system refuses (of a file that is mounted by itself) turns the journal
to ``back``, and the old files return. The journal is ``.onecfg.journal`` in ``/etc/one``.
"""

import errno
import os
import shutil
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from onecfg.disk import lock
from onecfg.disk.files import Original, flush, home, version
from onecfg.disk.journal import Entry, Journal, State
from onecfg.model import PatchError
from onelib.locations import Locations


@dataclass(frozen=True)
class Write:
    """A file as it shall be: ``data``, or gone when that is ``None``.

    ``original`` is the file as it was read, whose mode, owner and extended attributes are kept; a file that is new has
    none, and gets ``mode`` and, where it is given, ``owner`` (user and group number).
    """

    path: Path
    data: bytes | None
    original: Original | None = None
    mode: int = 0o640
    owner: tuple[int, int] | None = None


@contextmanager
def begun(locations: Locations) -> Iterator[str]:
    """Hold the tree's lock, with every interrupted patch settled; yields what was settled, empty for nothing.

    Raises ``PatchError``.
    """
    folder = home(locations)
    with lock.held(folder):
        yield _settle(Journal(folder))


def recover(locations: Locations) -> str:
    """Settle an interrupted patch if there is one, and tell which way. For those who only read.

    Raises ``PatchError``.
    """
    folder = home(locations)
    if not Journal(folder).exists():
        return ""
    with lock.held(folder):
        return _settle(Journal(folder))


def commit(writes: Sequence[Write], locations: Locations) -> None:
    """Make all of ``writes`` or none, durably; inside ``begun``. Raises ``PatchError``."""
    journal = Journal(home(locations))
    entries = [Entry(write.path, new=write.data is not None, old=write.original is not None) for write in writes]
    try:
        journal.save(State.PREPARE, entries, _make_folders(writes))
        for write, entry in zip(writes, entries, strict=True):
            _prepare(write, entry)
        for entry in entries:
            if entry.new:
                flush(entry.temporary)
        _flush_folders(entries)
        journal.save(State.FORWARD, entries, journal.folders)
    except (OSError, PatchError) as error:
        with suppress(OSError):
            _discard(journal, entries)
        if isinstance(error, PatchError):
            raise
        raise _refusal(error) from None
    _forward(journal, entries)


def _refusal(error: OSError) -> PatchError:
    todo = "Mend it and run the patch again."
    if error.errno == errno.EBUSY:
        todo = "A file that is mounted by itself cannot be replaced: mount its folder."
    return PatchError(
        f"'{error.filename or 'A file'}' cannot be written: {error.strerror}. No file was changed.", todo=todo
    )


def _make_folders(writes: Sequence[Write]) -> list[Path]:
    """The folders that new files need and nobody has, outermost first; made by ``_prepare``."""
    missing: dict[Path, None] = {}
    for write in writes:
        chain = []
        folder = write.path.parent
        while not folder.exists():
            chain.append(folder)
            folder = folder.parent
        missing |= dict.fromkeys(reversed(chain))
    return list(missing)


def _prepare(write: Write, entry: Entry) -> None:
    """The temporaries of one file."""
    _check(write)
    if write.original is not None:
        _keep(entry)
    if write.data is None:
        return
    if write.original is None:
        _folder(entry.path.parent, write.owner)
    entry.temporary.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(entry.temporary, flags, 0o600)
    with open(descriptor, "wb", buffering=0) as stream:  # noqa: PTH123 - a descriptor, not a path
        _dress(descriptor, write)
        view = memoryview(write.data)
        while view:
            view = view[stream.write(view) :]


def _folder(folder: Path, owner: tuple[int, int] | None) -> None:
    if folder.is_dir():
        return
    _folder(folder.parent, owner)
    folder.mkdir(mode=0o750)
    if owner is not None:
        os.chown(folder, *owner)


def _check(write: Write) -> None:
    """Raise ``PatchError`` when the file is no longer as it was read."""
    try:
        now = version(write.path.lstat())
    except FileNotFoundError:
        now = None
    if now != (write.original and write.original.version):
        raise PatchError(f"'{write.path}' was changed meanwhile.", todo="Run the patch again.")


def _keep(entry: Entry) -> None:
    """A second link to the old file, or a copy on a file system that has no links."""
    entry.kept.unlink(missing_ok=True)
    try:
        os.link(entry.path, entry.kept, follow_symlinks=False)
    except OSError:
        shutil.copy2(entry.path, entry.kept, follow_symlinks=False)
        status = entry.path.lstat()
        os.chown(entry.kept, status.st_uid, status.st_gid)
        flush(entry.kept)


def _dress(descriptor: int, write: Write) -> None:
    """Mode, owner and extended attributes for a new file."""
    status, original = os.fstat(descriptor), write.original
    owner = write.owner if original is None else (original.status.st_uid, original.status.st_gid)
    if owner is not None and owner != (status.st_uid, status.st_gid):
        os.fchown(descriptor, *owner)
    os.fchmod(descriptor, write.mode if original is None else stat.S_IMODE(original.status.st_mode))
    if original is not None:
        with suppress(OSError):  # a file system without them, or a label that only its owner may set
            for name in os.listxattr(original.path):
                os.setxattr(descriptor, name, os.getxattr(original.path, name))


def _settle(journal: Journal) -> str:
    """Finish or undo what a killed run left."""
    state, entries = journal.load()
    try:
        match state:
            case None:
                return ""
            case State.PREPARE:
                _discard(journal, entries)
                return "An interrupted patch had not begun to write: its temporary files were removed."
            case State.FORWARD:
                _forward(journal, entries)
                return "An interrupted patch was finished: all of its files are new."
            case State.BACK:
                _back(journal, entries)
                return "An interrupted patch was undone: all of its files are old."
    except OSError as error:
        raise _half_done(journal, error) from None


def _half_done(journal: Journal, error: OSError) -> PatchError:
    return PatchError(
        f"An interrupted patch cannot be settled: '{error.filename or 'a file'}': {error.strerror}.",
        todo=f"Mend that and run onecfg again; {journal.path} tells it how to go on.",
    )


def _forward(journal: Journal, entries: Sequence[Entry]) -> None:
    """Put the new files in place; where the system refuses one, bring all the old ones back."""
    try:
        for entry in entries:
            if not entry.new:
                entry.path.unlink(missing_ok=True)
            else:
                # A temporary that is gone was renamed before the run was killed.
                with suppress(FileNotFoundError):
                    entry.temporary.rename(entry.path)
        _flush_folders(entries)
    except OSError as error:
        if not all(entry.kept.exists() for entry in entries if entry.old):
            raise _half_done(journal, error) from None
        try:
            journal.save(State.BACK, entries, journal.folders)
            _back(journal, entries)
        except OSError as second:
            raise _half_done(journal, second) from None
        raise _refusal(error) from None
    _finish(journal, entries)


def _back(journal: Journal, entries: Sequence[Entry]) -> None:
    """Put the old files back: those whose new text is no longer beside them, which means that it took their place."""
    for entry in entries:
        replaced = not (entry.temporary.exists() if entry.new else entry.path.exists())
        if replaced and entry.old:
            with suppress(FileNotFoundError):  # it is back since before the run was killed
                entry.kept.rename(entry.path)
        elif replaced:
            entry.path.unlink(missing_ok=True)
    _flush_folders(entries)
    _finish(journal, entries)


def _flush_folders(entries: Sequence[Entry]) -> None:
    for folder in {entry.path.parent for entry in entries}:
        if folder.is_dir():
            flush(folder)


def _finish(journal: Journal, entries: Sequence[Entry]) -> None:
    """The files are as they shall be: clear up. Raises ``PatchError`` where even that fails."""
    try:
        _discard(journal, entries)
    except OSError as error:
        raise _half_done(journal, error) from None


def _discard(journal: Journal, entries: Sequence[Entry]) -> None:
    """Take away what ``_prepare`` made; the files themselves are untouched.

    The second link goes before the temporary: ``_back`` takes a file without the latter for one to bring back.
    """
    for entry in entries:
        entry.kept.unlink(missing_ok=True)
        entry.temporary.unlink(missing_ok=True)
    _remove_folders(journal)
    journal.remove()


def _remove_folders(journal: Journal) -> None:
    """Remove the folders that were made, where they are empty."""
    for folder in reversed(journal.folders):
        with suppress(OSError):  # it was not made yet, or somebody else uses it by now
            folder.rmdir()
