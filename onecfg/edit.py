"""One file of a patch, changed in memory."""

import grp
import pwd
from collections.abc import Callable, Sequence

from onecfg.catalogue import Entry
from onecfg.disk import files
from onecfg.disk.transaction import Write
from onecfg.formats import Document, Kind, load
from onecfg.model import (
    Change,
    Command,
    FileError,
    NewFile,
    PatchError,
    PlaceError,
    Policy,
    Result,
)
from onelib.locations import Locations


class Edit:
    """A file and what its changes make of it. Raises ``PatchError`` when it cannot be read."""

    def __init__(self, name: str, kind: Kind, locations: Locations) -> None:
        self.name = name
        self.path = files.locate(name, locations)
        self.original = files.load(self.path)
        self.results: list[Result] = []
        self.warnings: list[str] = []
        self._kind = kind
        self._before = self.original.data if self.original else None
        self._data = self._before
        self._created: NewFile | None = None
        self._document: Document | None = None

    def take(self, change: Change, policy: Policy) -> None:
        """Make one change. Raises ``PatchError`` when it is refused."""
        match change.command:
            case Command.CREATE:
                result = self._create(change)
            case Command.DELETE:
                result = self._delete()
            case _ if self._missing and policy.skip:
                result = Result.not_applicable("the file is missing")
            case _:
                result = self._apply(change, policy)
        self.results.append(result)

    def open(self) -> None:
        """Parse the file, if there is one. Raises ``PatchError``."""
        if self._document is None and self._data is not None:
            # What is not UTF-8 (a comment in an old encoding) passes through as it is.
            self._document = load(self._kind, self._data.decode("utf-8", "surrogateescape"))
            self.warnings += [f"File {self.path.name}: {warning}" for warning in self._document.warnings()]

    def _apply(self, change: Change, policy: Policy) -> Result:
        self.open()
        if self._document is None:
            raise PatchError(f"Unknown or missing file to patch '{self.name}'.", todo=f"There is no {self.path}.")
        try:
            return self._document.apply(change, keep=policy.keep)
        except PlaceError as error:
            if not policy.skip:
                raise
            return Result.not_applicable(error.message)

    @property
    def _missing(self) -> bool:
        return self._document is None and self._data is None

    def _create(self, change: Change) -> Result:
        if not self._missing or change.content is None:
            return Result.in_place("the file exists")
        self._created, self._data = change.content, change.content.data
        return Result.applied()

    def _delete(self) -> Result:
        if self._missing:
            return Result.in_place("there is no such file")
        self._data = self._document = None
        return Result.applied()

    def check(self) -> None:
        """Raise ``PatchError`` when what the changes left could not be loaded again."""
        if self._document is not None:
            self._document.check()

    @property
    def data(self) -> bytes | None:
        """The file's content, none when there is no file any more."""
        if self._document is not None:
            return self._document.render().encode("utf-8", "surrogateescape")
        return self._data

    @property
    def changed(self) -> bool:
        """Whether the file differs from what is on the disk."""
        return self.data != self._before

    def write(self, *, unprivileged: bool) -> Write:
        """What a transaction has to do for it. Raises ``PatchError`` when the owner of a new file is nobody here."""
        made = self._created
        if self.original is not None or made is None:
            return Write(self.path, self.data, self.original)
        owner = None if unprivileged else _numbers(made)
        return Write(self.path, self.data, mode=made.mode, owner=owner)


def edit(
    name: str,
    entry: Entry,
    changes: Sequence[Change],
    locations: Locations,
    policy: Callable[[Change], Policy],
) -> Edit:
    """Make ``changes``, all of the file ``name``. Raises ``PatchError`` that names the file and the patch's line."""
    one = Edit(name, entry.kind, locations)
    if one.original is None and not policy(changes[0]).skip and changes[0].command is not Command.CREATE:
        files.read(name, locations)  # says that there is none
    origin = ""
    try:
        if changes[0].command is not Command.DELETE:
            one.open()
        for change in changes:
            origin = f"{change.origin}: " if change.origin else ""
            one.take(change, policy(change))
        one.check()
    except PatchError as error:
        raise FileError(f"Failed to patch file '{name}' - {origin}{error.message}", todo=error.todo) from None
    return one


def _numbers(made: NewFile) -> tuple[int, int]:
    try:
        return pwd.getpwnam(made.owner).pw_uid, grp.getgrnam(made.group).gr_gid
    except KeyError:
        raise PatchError(
            f"There is no user {made.owner} or no group {made.group} here to own a new file.",
            todo="Create them, or leave owners alone with --unprivileged.",
        ) from None
