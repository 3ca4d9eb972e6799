"""A lossless document per file family.

``Document(text)`` parses, ``apply`` makes one change, ``render`` prints: the same text everywhere but at the changed
node. ``check`` tells whether what the changes left can be loaded again. A family is a module of its own, loaded
when a file of it is first touched: reading YAML costs more than a whole patch of ``oned.conf``.
"""

from enum import Enum
from importlib import import_module
from typing import Protocol, cast

from onecfg.model import Change, ChangeError, Result


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


_MODULES = {Kind.ONED: "oned", Kind.SHELL: "shell", Kind.YAML: "yaml", Kind.YAML_STRICT: "yaml"}


def load(kind: Kind, text: str) -> Document:
    """Parse ``text`` as a file of ``kind``.

    Raises ``FormatError`` where it cannot be understood, ``ChangeError`` for a kind that has no editable nodes.
    """
    if kind not in _MODULES:
        raise ChangeError("It is a plain file without keys.", todo="Replace it as a whole.")
    module = import_module(f"onecfg.formats.{_MODULES[kind]}")
    return cast("Document", module.Document(text))
