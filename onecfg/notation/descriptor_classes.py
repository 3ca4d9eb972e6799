"""What the yaml patch format calls the families of files, and what it can say about each."""

from dataclasses import dataclass

from onecfg.catalogue import Entry
from onecfg.formats import Kind
from onecfg.model import Command, Data, Key

CLASSES = {
    Kind.PLAIN: "Simple",
    Kind.YAML: "Yaml",
    Kind.YAML_STRICT: "Yaml::Strict",
    Kind.ONED: "Augeas::ONE",
    Kind.SHELL: "Augeas::Shell",
}
"""What a patch calls the family of a file."""


@dataclass(frozen=True)
class Target:
    """A file, and what its family has room for."""

    file: str
    entry: Entry

    @property
    def class_name(self) -> str:
        """Its family as a patch calls it."""
        return CLASSES[self.entry.kind]

    @property
    def is_yaml(self) -> bool:
        """Whether its values have types."""
        return self.entry.kind in {Kind.YAML, Kind.YAML_STRICT}

    @property
    def extras(self) -> dict[str, type]:
        """What ``extra`` may say."""
        match self.entry.kind:
            case Kind.ONED:
                return {"multiple": bool}
            case Kind.SHELL:
                return {"export": bool}
            case Kind.YAML_STRICT:
                return {"index": int}
        return {}

    def problem(
        self, command: Command, path: tuple[Key, ...], value: Data, *, whole: bool, index: int | None
    ) -> tuple[str, str] | None:
        """Why a change has no meaning in a file of this family, and what to write instead."""
        match self.entry.kind:
            case Kind.PLAIN if command is not Command.SET or not whole or path or not isinstance(value, str):
                return (
                    "A file without keys takes a unified diff.",
                    "Write path: [], key: null, state: set, value: DIFF.",
                )
            case Kind.SHELL if path or (whole and (command is not Command.SET or not isinstance(value, str))):
                return (
                    "A shell variable has no path.",
                    "Write path: [] and its name as the key; null is for a diff.",
                )
            case Kind.ONED if whole and (command is not Command.RM or not path):
                return "The change has no key.", "Write one; only a rm of a section has none."
            case Kind.ONED if len(path) > 2:
                return f"Diff path can not have more than 2 components (got {len(path)}).", "Shorten it."
            case Kind.YAML | Kind.YAML_STRICT if whole and command is Command.SET and path:
                return "A set without a key replaces the whole file.", "Write path: [], or name the key."
            case Kind.YAML_STRICT if index is not None and not whole:
                return "An index is of an element.", "Write the list's key into path, and key: null."
        return None
