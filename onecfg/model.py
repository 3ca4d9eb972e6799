"""The vocabulary of a patch: a change, what came of it, and the errors that stop one.

``PatchError``            the whole patch is refused, nothing is written; exit code 255
    ├── ``LineError``     the patch itself is malformed (``source:line:column``)
    ├── ``FormatError``   a configuration file cannot be read (``line:column`` in that file)
    ├── ``ChangeError``   one change cannot be made, or would do something else than it says
    │       └── ``PlaceError``  its place is missing
    └── ``FileError``     one of the two above, with the file and the patch's line that it is about

No text of these classes ever holds the value of a change: a value may be a password.
"""

from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import ClassVar, TypeAlias

from onelib.errors import OneError


@dataclass(frozen=True, slots=True)
class Symbol:
    """A Ruby symbol, written ``:name``."""

    name: str


@dataclass(frozen=True, slots=True)
class Tagged:
    """A scalar of a type that only Ruby knows (dates, objects): compared by its text."""

    tag: str
    text: str


Data: TypeAlias = "Symbol | Tagged | bool | int | float | str | list[Data] | dict[Key, Data] | None"
"""A value. The line format writes the part of it that JSON has, and symbols as texts that begin with ``:``."""

Key: TypeAlias = "Symbol | Tagged | bool | int | float | str | None"
"""An element of a path."""


class Absent(Enum):
    """Tells no value from the value ``null``."""

    ABSENT = "absent"


ABSENT = Absent.ABSENT


class PatchError(OneError):
    """A patch is refused as a whole; every file stays as it was."""

    exit_code: ClassVar[int] = 255


class LineError(PatchError):
    """The patch text is malformed; the message starts with source, line and column."""


class FormatError(PatchError):
    """A configuration file cannot be understood; ``line`` and ``column`` count from one."""

    def __init__(self, message: str, *, line: int, column: int = 1, todo: str = "") -> None:
        super().__init__(f"line {line}, column {column}: {message}", todo=todo)
        self.line = line
        self.column = column

    @classmethod
    def at(cls, text: str, offset: int, message: str, *, todo: str = "") -> "FormatError":
        """The error at ``offset`` characters into ``text``."""
        line = text.count("\n", 0, offset) + 1
        return cls(message, line=line, column=offset - text.rfind("\n", 0, offset), todo=todo)


class ChangeError(PatchError):
    """One change cannot be made as written; ``todo`` says what to write instead."""


class PlaceError(ChangeError):
    """The place of a change is not there, and the change cannot make it."""


class FileError(PatchError):
    """A change of a file was refused; the message names the file and the line of the patch."""


class Command(StrEnum):
    """What a change does: the first three inside a file (Table 1.7), the others to a whole file (yaml format only)."""

    INS = "ins"
    SET = "set"
    RM = "rm"
    CREATE = "create"
    DELETE = "delete"


class Status(StrEnum):
    """What came of a change."""

    APPLIED = "applied"
    IN_PLACE = "already in place"
    NOT_APPLICABLE = "not applicable"


@dataclass(frozen=True)
class NewFile:
    """A file to create; ``mode`` are its permission bits. The content is in no text of this object."""

    data: bytes = field(repr=False)
    owner: str = "root"
    group: str = "oneadmin"
    mode: int = 0o640


@dataclass(frozen=True)
class Extra:
    """What the yaml format can say about a change besides (reference of 6.0: ``extra``).

    ``multiple``  the key of an oned-like file may occur many times, so ``ins`` adds and ``rm`` removes one of them
    ``export``    the shell variable is to be exported, or not; ``None`` leaves that alone
    ``index``     where in an ordered list
    """

    multiple: bool = False
    export: bool | None = None
    index: int | None = None


@dataclass(frozen=True)
class Change:
    """One change of one file.

    ``file`` is the absolute path as seen from ``/`` (never below a prefix). ``path`` is either the text of the line
    format (split at ``/``) or a tuple of its elements, which may then hold a ``/`` themselves. ``value`` is the new
    value, or for ``rm`` the element to take out of a list; ``None`` is "no value" in the line format. ``origin``
    (``patch.txt:3``) is named in messages. No value is in a text of this object.

    The yaml format says more: with ``native`` a text that begins with ``:`` is a text, and symbols are ``Symbol``
    (otherwise such a text is a symbol in YAML files); with ``whole`` the path names the list or the section itself and
    not a key in the collection above it (``key: null``); ``old`` is the value that is expected there; ``content`` is
    that of ``create``.
    """

    file: str
    command: Command
    path: "str | tuple[Key, ...]"
    value: Data = field(default=None, repr=False)
    origin: str = field(default="", compare=False)
    native: bool = False
    whole: bool = False
    old: "Data | Absent" = field(default=ABSENT, repr=False)
    extra: Extra = Extra()
    content: NewFile | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "command", Command(self.command))

    @property
    def components(self) -> tuple[Key, ...]:
        """The elements of the path, empty ones dropped."""
        parts = self.path.split("/") if isinstance(self.path, str) else self.path
        return tuple(part for part in parts if part != "")

    @property
    def names(self) -> tuple[str, ...]:
        """The elements of the path as texts, symbols with their colon: the same for both formats."""
        return tuple(f":{part.name}" if isinstance(part, Symbol) else str(part) for part in self.components)

    @property
    def where(self) -> str:
        """The path as a text for messages."""
        return "/".join(self.names) or "/"

    def __str__(self) -> str:
        return f"{self.file} {self.command.value} {self.where}"


@dataclass(frozen=True)
class Policy:
    """What becomes of a change that does not fit its file.

    ``keep``  a value that is not the one the change expects is the user's own and stays (an upgrade)
    ``skip``  a change whose place is missing is left out; otherwise the whole patch is refused
    """

    keep: bool = False
    skip: bool = False


@dataclass(frozen=True)
class Result:
    """What a document did with a change.

    ``counts`` is upstream's idea of success, which differs from ``status``: a ``set`` that finds its value counts, an
    ``ins`` or ``rm`` that finds nothing to do does not.
    """

    status: Status
    counts: bool
    reason: str = ""
    replaced: bool = False

    @classmethod
    def applied(cls, *, replaced: bool = False) -> "Result":
        """The document was changed; ``replaced`` when an existing value was overwritten."""
        return cls(Status.APPLIED, counts=True, replaced=replaced)

    @classmethod
    def in_place(cls, reason: str, *, counts: bool = False) -> "Result":
        """Nothing to do: the document already is as the change wants it."""
        return cls(Status.IN_PLACE, counts=counts, reason=reason)

    @classmethod
    def not_applicable(cls, reason: str) -> "Result":
        """The change has no meaning for this document and was left out."""
        return cls(Status.NOT_APPLICABLE, counts=False, reason=reason)


def stringify(value: Data) -> str:
    """``value`` as text of a file that knows no types (``true``, ``11``, ``1.5``); ``None`` is empty.

    Raises ``ChangeError`` for a list or an object.
    """
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case str():
            return value
        case int():
            return str(value)
        case float():
            mantissa, mark, exponent = repr(value).partition("e")
            return mantissa + ("" if not mark or "." in mantissa else ".0") + mark + exponent
        case _:
            raise ChangeError(
                "A list or an object cannot be stored in a file of plain assignments.",
                todo='Write a text, e.g. "\\"one, two\\"".',
            )
