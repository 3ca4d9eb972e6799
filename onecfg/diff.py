"""What differs between two trees of configuration, as a patch of the first.

>>> comparison = compare(Locations(Path("/srv/before")), Locations())
>>> apply(comparison.changes, Locations(Path("/srv/before")))

Changes hold the values of the files, passwords too: that is what they are for.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from onecfg.catalogue import CATALOGUE, Entry, existing
from onecfg.disk import files
from onecfg.formats import Document, Kind, load
from onecfg.model import ABSENT, Change, ChangeError, Command, FileError, NewFile, PatchError
from onecfg.notation.line import parse
from onecfg.notation.line_writer import Inexpressible, write
from onelib.locations import Locations


@dataclass(frozen=True)
class Line:
    """A change in the line format: its line, or the reason why it has none."""

    change: Change
    text: str = field(default="", repr=False)
    reason: str = ""


@dataclass(frozen=True)
class Difference:
    """What differs in one file: ``changes`` of the text ``before``, which is empty for a file that is new."""

    file: str
    kind: Kind
    changes: tuple[Change, ...]
    before: str = field(default="", repr=False)

    def lines(self) -> Iterator[Line]:
        """Each change in the line format. Those that have a line apply one after the other, the others left out."""
        document = load(self.kind, self.before)
        for change in self.changes:
            try:
                text = write(change)
                document.apply(*parse(text))
            except Inexpressible as error:
                yield Line(change, reason=error.reason)
            except ChangeError:
                yield Line(change, reason="it needs another change that has no line")
            else:
                yield Line(change, text)


@dataclass(frozen=True)
class Problem:
    """A file that could not be compared, and why."""

    file: str
    error: PatchError

    def __str__(self) -> str:
        return f"Unable to process file '{self.file}' - {self.error}"


@dataclass(frozen=True)
class Comparison:
    """What differs, in the order of the catalogue."""

    differences: tuple[Difference, ...]
    problems: tuple[Problem, ...] = ()

    @property
    def changes(self) -> list[Change]:
        """The changes of all files."""
        return [change for one in self.differences for change in one.changes]


def compare(
    before: Locations,
    after: Locations,
    *,
    deletions: bool = True,
    catalogue: tuple[Entry, ...] = CATALOGUE,
) -> Comparison:
    """Compare the files of the catalogue that are in either tree.

    A file that only ``after`` has is created by the changes, one that only ``before`` has is deleted, unless
    ``deletions`` is false. A file that cannot be compared is among the problems, and the others are compared.
    """
    found = {**existing(before, catalogue), **existing(after, catalogue)}
    order = {id(entry): index for index, entry in enumerate(catalogue)}
    differences, problems = [], []
    for name, entry in sorted(found.items(), key=lambda item: (order[id(item[1])], item[0])):
        try:
            difference = _compare(name, entry, before, after, deletions=deletions)
        except PatchError as error:
            problems.append(Problem(name, error))
        else:
            differences += [difference] if difference.changes else []
    return Comparison(tuple(differences), tuple(problems))


def _compare(name: str, entry: Entry, before: Locations, after: Locations, *, deletions: bool) -> Difference:
    """What differs in one file. Raises ``PatchError``."""
    old, new = (files.load(files.locate(name, tree)) for tree in (before, after))
    if new is None:
        gone = Change(name, Command.DELETE, (), native=True)
        return Difference(name, entry.kind, (gone,) if deletions else ())
    if old is None:
        content = NewFile(new.data, entry.owner, entry.group, entry.mode)
        return Difference(name, entry.kind, (Change(name, Command.CREATE, (), native=True, content=content),))
    if old.data == new.data:
        return Difference(name, entry.kind, ())
    one, other = (_load(original, entry.kind) for original in (old, new))
    changes = tuple(_sayable(change) for change in one.difference(other, name))
    return Difference(name, entry.kind, changes, one.render())


def _load(original: files.Original, kind: Kind) -> Document:
    """Parse one of the files. Raises ``FileError`` that tells which."""
    try:
        return load(kind, original.data.decode("utf-8", "surrogateescape"))
    except PatchError as error:
        raise FileError(f"'{original.path}' {error.message}", todo=error.todo) from None


def _sayable(change: Change) -> Change:
    """``change`` without an old value that no patch can hold. Raises ``ChangeError`` when it is not the only one."""
    if not _is_text(change.old):
        change = replace(change, old=ABSENT)
    if all(map(_is_text, (change.value, *change.components))):
        return change
    raise ChangeError(
        f"What differs at {change.where.encode('ascii', 'replace').decode()} is not UTF-8.",
        todo="Save the file with that encoding, a patch has no other.",
    )


def _is_text(value: object) -> bool:
    """Whether a text has no bytes that are not UTF-8; YAML files have none at all."""
    return not isinstance(value, str) or not any("\udc80" <= character <= "\udcff" for character in value)
