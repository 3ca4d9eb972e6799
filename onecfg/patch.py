"""Apply a patch: all of its files change together, or none does.

>>> report = apply(parse(text, "patch.txt"), Locations())
>>> apply([Change("/etc/one/oned.conf", Command.SET, "DB/PASSWD", quote(password))], Locations())

``report.outcomes`` tells for each change whether it was applied, is already in place (so that the same patch may run
at every boot), or has no meaning for its file. Everything else that can go wrong raises ``PatchError`` before the
first file is touched. No text of a report or an error holds a value.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from onecfg import files
from onecfg.catalogue import CATALOGUE, Entry, find
from onecfg.formats import load
from onecfg.formats.oned import quote
from onecfg.line import parse
from onecfg.model import Change, Command, FormatError, Json, PatchError, Result, Status
from onelib.locations import Locations

__all__ = [
    "Change",
    "Command",
    "Json",
    "Outcome",
    "PatchError",
    "Report",
    "Status",
    "apply",
    "overridden",
    "parse",
    "quote",
]


@dataclass(frozen=True)
class Outcome:
    """What came of one change."""

    change: Change
    result: Result

    @property
    def status(self) -> Status:
        """Applied, already in place, or not applicable."""
        return self.result.status

    def __str__(self) -> str:
        reason = f" ({self.result.reason})" if self.result.reason else ""
        return f"{self.change}: {self.status.value}{reason}"


@dataclass(frozen=True)
class Report:
    """What came of a patch; ``saved`` when files were written, ``changed`` names them as seen from ``/``."""

    outcomes: tuple[Outcome, ...]
    changed: tuple[str, ...]
    saved: bool

    def count(self, file: str | None = None, *, idempotent: bool = False) -> tuple[int, int]:
        """How many changes count as applied, and of how many; of ``file`` alone when it is given.

        Counted as upstream counts, or with ``idempotent`` also those that were already in place.
        """
        chosen = [one for one in self.outcomes if file is None or one.change.file == file]
        good = [one for one in chosen if one.result.counts or (idempotent and one.status is Status.IN_PLACE)]
        return len(good), len(chosen)

    @property
    def not_applicable(self) -> tuple[Outcome, ...]:
        """The changes that were left out, each with its reason."""
        return tuple(one for one in self.outcomes if one.status is Status.NOT_APPLICABLE)


def apply(
    changes: Sequence[Change],
    locations: Locations,
    *,
    catalogue: tuple[Entry, ...] = CATALOGUE,
    require_all: bool = False,
    idempotent: bool = False,
    dry_run: bool = False,
) -> Report:
    """Apply ``changes`` to the files below ``locations.root``.

    Nothing is written with ``dry_run``, when no change is effective, or with ``require_all`` when one does not count
    (``idempotent``: one that is already in place counts). Raises ``PatchError`` with every file as it was.
    """
    names = list(dict.fromkeys(change.file for change in changes))
    known = {name: _entry(name, changes, catalogue) for name in names}
    originals = {name: files.read(name, locations) for name in names}
    with files.locked(sorted({original.path.parent for original in originals.values()})):
        originals = {name: files.read(name, locations) for name in names}
        pending: dict[Path, tuple[files.Original, bytes]] = {}
        results: dict[int, Result] = {}
        for name, original in originals.items():
            own = [(index, change) for index, change in enumerate(changes) if change.file == name]
            data = _edit(known[name], original, own, results)
            if data != original.data:
                pending[original.path] = (original, data)
        changed = tuple(name for name, original in originals.items() if original.path in pending)
        outcomes = tuple(Outcome(change, results[index]) for index, change in enumerate(changes))
        report = Report(outcomes, changed, saved=False)
        good, total = report.count(idempotent=idempotent)
        if dry_run or not pending or (require_all and good < total):
            return report
        files.replace(pending)
    return Report(outcomes, changed, saved=True)


def overridden(patch: Sequence[Change], settings: Sequence[Change]) -> list[Change]:
    """The changes of ``patch`` at a place that ``settings``, applied after it, change too."""
    places = {(change.file, change.components) for change in settings}
    return [change for change in patch if (change.file, change.components) in places]


def _entry(name: str, changes: Sequence[Change], catalogue: tuple[Entry, ...]) -> Entry:
    entry = find(name, catalogue)
    if entry is None:
        origin = next(change.origin for change in changes if change.file == name)
        raise PatchError(
            _placed(origin, f"Unknown or missing file to patch '{name}'."),
            todo="Write the absolute path of a configuration file, e.g. /etc/one/oned.conf.",
        )
    return entry


def _edit(
    entry: Entry, original: files.Original, changes: list[tuple[int, Change]], results: dict[int, Result]
) -> bytes:
    """The new content of one file; what came of each change goes to ``results``."""
    name = changes[0][1].file
    place = changes[0][1]
    try:
        # What is not UTF-8 (a comment in an old encoding) passes through as it is.
        document = load(entry.kind, original.data.decode("utf-8", "surrogateescape"))
        for index, change in changes:
            place = change
            results[index] = document.apply(change.command, change.components, change.value)
        document.check()
    except PatchError as error:
        message = f"Failed to patch file '{name}' - {error.message}"
        where = "" if isinstance(error, FormatError) else place.origin
        raise PatchError(_placed(where, message), todo=error.todo) from None
    return document.render().encode("utf-8", "surrogateescape")


def _placed(origin: str, message: str) -> str:
    return f"{origin}: {message}" if origin else message
