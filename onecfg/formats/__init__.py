"""A lossless document per file family.

``Document(text)`` parses, ``apply`` makes one change, ``render`` prints: the same text everywhere but at the changed
node. ``check`` tells whether what the changes left can be loaded again. A family is a module of its own, loaded
when a file of it is first touched: reading YAML costs more than a whole patch of ``oned.conf``.
"""

from enum import Enum
from importlib import import_module
from typing import Protocol, Self, cast

from onecfg.model import Change, Result


class Kind(Enum):
    """The family of a file."""

    ONED = "oned"
    SHELL = "shell"
    YAML = "yaml"
    YAML_STRICT = "yaml-strict"
    """YAML whose lists are ordered."""
    PLAIN = "plain"


class Document(Protocol):
    """One parsed file."""

    def apply(self, change: Change, *, keep: bool = False) -> Result:
        """Make one change. Raises ``ChangeError`` when it is refused.

        With ``keep`` (an upgrade) a value that differs from ``change.old`` is the user's own and stays.
        """

    def warnings(self) -> list[str]:
        """Sentences on what is odd in the file as it was parsed, though it can be read."""

    def check(self) -> None:
        """Raise ``FormatError`` or ``ChangeError`` when the changed document could not be loaded again."""

    def render(self) -> str:
        """The text of the document."""

    def difference(self, other: Self, file: str) -> list[Change]:
        """The native changes of ``file`` that turn the data of this document into that of ``other``.

        After all of them were applied the two are ``same``. Raises ``ChangeError`` when no changes can say it.
        """

    def same(self, other: Self) -> bool:
        """Whether both hold the same data, whatever their comments and layout."""


_MODULES = {
    Kind.ONED: "oned",
    Kind.SHELL: "shell",
    Kind.YAML: "yaml",
    Kind.YAML_STRICT: "yaml",
    Kind.PLAIN: "plain",
}


def load(kind: Kind, text: str) -> Document:
    """Parse ``text`` as a file of ``kind``. Raises ``FormatError`` where it cannot be understood."""
    document = import_module(f"onecfg.formats.{_MODULES[kind]}").Document
    return cast("Document", document(text, ordered=True) if kind is Kind.YAML_STRICT else document(text))
