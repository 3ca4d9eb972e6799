"""Files without keys: their change is a unified diff."""

from onecfg.formats import unified
from onecfg.model import Change, ChangeError, Command, Result


class Document:
    """A file that is only its text."""

    def __init__(self, text: str) -> None:
        self._text = text

    def render(self) -> str:
        """The text of the document."""
        return self._text

    def check(self) -> None:
        """Nothing to do: any text is such a file."""

    def warnings(self) -> list[str]:
        """Nothing is odd in a text."""
        return []

    def apply(self, change: Change, *, keep: bool = False) -> Result:  # noqa: ARG002 - a diff names what it expects
        """Apply the diff that is the change's value. Raises ``ChangeError``, ``PlaceError`` when it does not fit."""
        if change.command is not Command.SET or change.components or not isinstance(change.value, str):
            raise ChangeError(
                "The file has no keys: all that changes it is a unified diff.",
                todo='Write set / "..." with the output of diff -u as one text.',
            )
        after = unified.apply(self._text, change.value)
        if after is None:
            return Result.in_place("the diff is applied", counts=True)
        self._text = after
        return Result.applied()

    def difference(self, other: "Document", file: str) -> list[Change]:
        """The native changes that make this text that of ``other``."""
        if self.same(other):
            return []
        diff = unified.write(self._text, other.render())
        return [Change(file, Command.SET, (), diff, native=True, whole=True)]

    def same(self, other: "Document") -> bool:
        """Whether both have the same text."""
        return self._text == other.render()
