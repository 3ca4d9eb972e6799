"""Apply a patch: all of its files change together, or none does.

>>> report = apply(parse(text, "patch.txt"), Locations())
>>> apply([Change("/etc/one/oned.conf", Command.SET, "DB/PASSWD", quote(password))], Locations())

``report.outcomes`` tells for each change whether it was applied, is already in place (so that the same patch may run
at every boot), or has no meaning for its file. Everything else that can go wrong raises ``PatchError`` before the
first file is touched. No text of a report or an error holds a value.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from onecfg.catalogue import CATALOGUE, Entry, find
from onecfg.disk import transaction
from onecfg.disk.transaction import Write
from onecfg.edit import Edit, edit
from onecfg.formats.oned_tree import quote
from onecfg.model import Change, Command, Data, FileError, PatchError, Policy, Result, Status
from onecfg.notation import line
from onelib.locations import Locations

__all__ = [
    "Change",
    "Command",
    "Data",
    "FileError",
    "Outcome",
    "PatchError",
    "Policy",
    "Report",
    "Status",
    "Write",
    "apply",
    "overridden",
    "parse",
    "quote",
]


FORMATS = ("line", "yaml")
MAX_BYTES = line.MAX_BYTES


def parse(data: str | bytes, source: str = "patch", form: str | None = None) -> list[Change]:
    """Read a patch of ``form``; by default yaml when its first line is ``---``, as upstream tells them apart.

    ``source`` names it in messages. Raises ``LineError`` that names the place.
    """
    text = data.decode("utf-8", "surrogateescape") if isinstance(data, bytes) else data
    if form == "yaml" or (form is None and text.partition("\n")[0].strip() == "---"):
        from onecfg.notation import descriptor  # loading YAML takes longer than most patches

        return descriptor.parse(data, source)
    return line.parse(data, source)


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
    """What came of a patch.

    ``changed`` names the files whose content differs, as seen from ``/``; ``saved`` tells whether they were written.
    ``warnings`` are sentences on what is odd in the files.
    """

    outcomes: tuple[Outcome, ...]
    changed: tuple[str, ...]
    saved: bool
    warnings: tuple[str, ...] = ()

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


def _replacing(change: Change) -> Policy:  # noqa: ARG001 - the same for every change
    return Policy()


def apply(
    changes: Sequence[Change],
    locations: Locations,
    *,
    catalogue: tuple[Entry, ...] = CATALOGUE,
    require_all: bool = False,
    idempotent: bool = False,
    dry_run: bool = False,
    unprivileged: bool = False,
    policy: Callable[[Change], Policy] = _replacing,
    also: Sequence[Write] = (),
    before_saving: Callable[[], object] | None = None,
) -> Report:
    """Apply ``changes`` to the files below ``locations.root``, in one durable transaction.

    Nothing is written with ``dry_run``, when no change is effective, or with ``require_all`` when one does not count
    (``idempotent``: one that is already in place counts). ``unprivileged`` leaves the owner of new files alone.
    ``policy`` tells what becomes of a change that does not fit; ``also`` are files of the caller's own that change with
    the others. ``before_saving`` is called when every change was made in memory, whether or not files will be
    written. Raises ``PatchError`` with every file as it was.
    """
    grouped: dict[str, list[Change]] = {}
    for change in changes:
        grouped.setdefault(change.file, []).append(change)
    known = {name: _entry(name, changes, catalogue) for name in grouped}
    with transaction.begun(locations) as settled:
        edits = {name: edit(name, known[name], group, locations, policy) for name, group in grouped.items()}
        report = _report(changes, edits, settled)
        good, total = report.count(idempotent=idempotent)
        if before_saving is not None:
            before_saving()
        wanted = bool(report.changed) and not (require_all and good < total)
        writes = [edits[name].write(unprivileged=unprivileged) for name in report.changed] if wanted else []
        if dry_run or not (writes or also):
            return report
        transaction.commit([*writes, *also], locations)
    return replace(report, saved=True)


def overridden(patch: Sequence[Change], settings: Sequence[Change]) -> list[Change]:
    """The changes of ``patch`` at, above or below a place that ``settings``, applied after it, change too."""
    places = [(change.file, change.names) for change in settings]

    def meet(change: Change, file: str, path: tuple[str, ...]) -> bool:
        shared = min(len(path), len(change.names))
        return change.file == file and change.names[:shared] == path[:shared]

    return [change for change in patch if any(meet(change, *place) for place in places)]


def _entry(name: str, changes: Sequence[Change], catalogue: tuple[Entry, ...]) -> Entry:
    entry = find(name, catalogue)
    if entry is None:
        origin = next(change.origin for change in changes if change.file == name)
        raise PatchError(
            f"Unknown or missing file to patch '{name}'" + (f" ({origin})." if origin else "."),
            todo="Write the absolute path of a configuration file, e.g. /etc/one/oned.conf.",
        )
    return entry


def _report(changes: Sequence[Change], edits: Mapping[str, Edit], settled: str) -> Report:
    results = {name: iter(edit.results) for name, edit in edits.items()}
    return Report(
        outcomes=tuple(Outcome(change, next(results[change.file])) for change in changes),
        changed=tuple(name for name, edit in edits.items() if edit.changed),
        saved=False,
        warnings=tuple(filter(None, [settled, *(text for edit in edits.values() for text in edit.warnings)])),
    )
