"""How an upgrade takes what the user changed: ``--patch-modes``, per file and per version.

``skip``     a change whose place is gone is left out
``force``    a change of an ordered list goes to the place that fits best; that is always on
``replace``  the user's value gives way to the new one
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from onecfg.catalogue import find
from onecfg.model import Policy
from onecfg.upgrades.versions import Version, VersionError

KNOWN = ("skip", "force", "replace")
_HINT = "Write MODE[,MODE...][:FILE[:VERSION]], e.g. skip:/etc/one/oned.conf:6.0.0."


class ModeError(VersionError):
    """A mode is malformed."""


@dataclass(frozen=True)
class Modes:
    """What the user asked for; without ``strict``, ``skip`` is on for every file."""

    strict: bool = False
    chosen: dict[tuple[str, Version | None], frozenset[str]] = field(default_factory=dict)
    """By file, empty for all files, and the version that is upgraded to, none for all."""

    @classmethod
    def parse(cls, texts: Iterable[str], *, strict: bool = False) -> "Modes":
        """Read what ``--patch-modes`` says; a text may hold several, with ``;`` between. Raises ``ModeError``."""
        chosen: dict[tuple[str, Version | None], frozenset[str]] = {}
        for text in (part for whole in texts for part in whole.split(";")):
            names, _, rest = text.partition(":")
            file, _, version = rest.partition(":")
            modes = frozenset(names.split(","))
            if not modes <= frozenset(KNOWN):
                raise ModeError(f"Unsupported mode; there are {', '.join(KNOWN)}.", todo=_HINT)
            if file and find(file) is None:
                raise ModeError(f"--patch-modes names the unknown file '{file}'.", todo=_HINT)
            place = (file, Version.parse(version) if version else None)
            chosen[place] = chosen.get(place, frozenset()) | modes
        return cls(strict, chosen)

    def policy(self, file: str, version: Version) -> Policy:
        """What becomes of a change of ``file`` in the step to ``version``; the closest of the user's words counts."""
        places = ((file, version), (file, None), ("", version), ("", None))
        modes = next((self.chosen[place] for place in places if place in self.chosen), frozenset())
        return Policy(keep="replace" not in modes, skip="skip" in modes or not self.strict)
