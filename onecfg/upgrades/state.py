"""What is known about the configuration as a whole: its version, in ``/etc/onecfg.conf``.

The file is a YAML map: ``version``; ``backup``, a snapshot that a package made and that the next upgrade reads instead
of the files in place; ``outdated: true`` when such a snapshot was never processed. Other keys are left alone.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from onecfg.disk import files, transaction
from onecfg.disk.transaction import Write
from onecfg.formats.yaml import Document
from onecfg.formats.yaml_tree import Tree
from onecfg.model import Change, Command, FormatError, PatchError
from onecfg.upgrades.versions import Version
from onelib.locations import Locations

VARIABLE = "ONECFG_ETC_DIR"
FILE = "/etc/onecfg.conf"


class StateError(PatchError):
    """The state file cannot be understood."""


@dataclass(frozen=True)
class State:
    """The state file as it was read; without the file everything is empty."""

    path: Path
    original: files.Original | None
    version: Version | None = None
    backup: str | None = None
    outdated: bool = False

    def updated(self, version: Version | None) -> Write:
        """The file with ``version``, or the one it has, and without a snapshot to process."""
        text = self.original.data.decode() if self.original else ""
        if Tree(text).root is None:
            text = "---\nversion: ''\n"
        document = Document(text)
        if version is not None:
            document.apply(Change(str(self.path), Command.SET, ("version",), str(version), native=True))
        document.apply(Change(str(self.path), Command.RM, ("backup",), native=True))
        return Write(self.path, document.render().encode(), self.original, mode=0o644)


def path(locations: Locations) -> Path:
    """Where the state of the tree at ``locations`` is: in the folder that ``ONECFG_ETC_DIR`` names, if it does."""
    folder = os.environ.get(VARIABLE)
    return Path(folder) / Path(FILE).name if folder else locations.under(FILE)


def renewed(locations: Locations, version: Version) -> Write:
    """The state file with nothing but ``version``. Raises ``PatchError``."""
    place = path(locations)
    return Write(place, f"---\nversion: '{version}'\n".encode(), files.load(place), mode=0o644)


def load(locations: Locations) -> State:
    """Read the state file. Raises ``PatchError`` when it cannot be read, ``StateError`` when it is no map of texts."""
    place = path(locations)
    original = files.load(place)
    if original is None:
        return State(place, None)
    try:
        root = Tree(original.data.decode()).root
    except (UnicodeDecodeError, FormatError):
        raise _malformed(place, "is not YAML") from None
    content = root.data if root is not None else {}
    if not isinstance(content, dict):
        raise _malformed(place, "is not a map")
    version, backup = content.get("version"), content.get("backup")
    if backup is not None and not isinstance(backup, str):
        raise _malformed(place, "names a backup that is not a text")
    return State(
        place,
        original,
        version=None if version is None else Version.parse(str(version)),
        backup=backup or None,
        outdated=content.get("outdated") is True,
    )


def _malformed(place: Path, problem: str) -> StateError:
    return StateError(f"'{place}' {problem}.", todo="Write it anew: onecfg init --force --to VERSION.")


def save(write: Write, locations: Locations) -> None:
    """Put the state file in place, durably. Raises ``PatchError``."""
    with transaction.begun(locations):
        transaction.commit([write], locations)
