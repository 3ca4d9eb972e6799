"""The files as they are before an upgrade, for the parts of migrations that need their values."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from onecfg.disk import files
from onecfg.formats import oned_tree, yaml_tree
from onecfg.formats.oned_tree import Attribute, Section
from onecfg.model import Data, FileError, FormatError, Key
from onelib.locations import Locations

_T = TypeVar("_T")


@dataclass(frozen=True)
class Before:
    """The tree that an upgrade reads; files that are missing are empty."""

    locations: Locations

    def exists(self, file: str) -> bool:
        """Whether there is ``file``, a path as seen from ``/``. Raises ``PatchError`` for a link."""
        return files.locate(file, self.locations).is_file()

    def oned(self, file: str) -> list[Attribute | Section]:
        """What stands in a file of oned's syntax. Raises ``FileError``."""
        nodes = self._parsed(file, oned_tree.parse)
        return [node for node in nodes if not isinstance(node, str)]

    def yaml(self, file: str) -> dict[Key, Data]:
        """The map of a YAML file. Raises ``FileError``."""
        root = self._parsed(file, yaml_tree.Tree).root
        return root.data if root is not None and isinstance(root.data, dict) else {}

    def _parsed(self, file: str, parse: Callable[[str], _T]) -> _T:
        original = files.load(files.locate(file, self.locations))
        try:
            return parse(original.data.decode("utf-8", "surrogateescape") if original else "")
        except FormatError as error:
            raise FileError(f"Failed to read file '{file}' - {error.message}", todo=error.todo) from None
