"""The journal of a transaction: which files it is about, and how far it is."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from onecfg.disk.files import flush
from onecfg.model import PatchError

NAME = ".onecfg.journal"


class State(StrEnum):
    """What has to happen with a transaction that was interrupted."""

    PREPARE = "prepare"
    """Its temporaries go."""
    FORWARD = "forward"
    """Its new files are put in place."""
    BACK = "back"
    """Its old files return."""


@dataclass(frozen=True)
class Entry:
    """A file: whether it shall exist (``new``), and whether it did (``old``)."""

    path: Path
    new: bool
    old: bool

    @property
    def temporary(self) -> Path:
        """Where the new text is until it is in place."""
        return self.path.with_name(f".{self.path.name}.onecfg")

    @property
    def kept(self) -> Path:
        """Where the old file is until the transaction is over."""
        return self.path.with_name(f".{self.path.name}.onecfg-old")


class Journal:
    """The journal of the tree whose home is ``folder``; ``folders`` are those that the transaction makes."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME
        self.folders: list[Path] = []

    @property
    def _temporary(self) -> Path:
        return self.path.with_name(f"{NAME}.new")

    def exists(self) -> bool:
        """Whether a transaction is at work, or was interrupted."""
        return self.path.exists()

    def save(self, state: State, entries: Sequence[Entry], folders: Sequence[Path]) -> None:
        """Write the journal durably, whole or not at all. Raises ``OSError``."""
        self.folders = list(folders)
        text = json.dumps(
            {
                "version": 1,
                "state": state,
                "files": [{"path": str(one.path), "new": one.new, "old": one.old} for one in entries],
                "folders": [str(folder) for folder in folders],
            },
            indent=1,
        )
        temporary = self._temporary
        temporary.unlink(missing_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with open(descriptor, "wb") as stream:  # noqa: PTH123 - a descriptor, not a path
            stream.write(text.encode())
            stream.flush()
            os.fsync(descriptor)
        temporary.rename(self.path)
        flush(self.path.parent)

    def load(self) -> tuple[State | None, list[Entry]]:
        """The state, none without a transaction, and the files. Raises ``PatchError`` when it cannot be trusted."""
        try:
            owner = self.path.lstat().st_uid
            data = json.loads(self.path.read_bytes())
            entries = [Entry(Path(one["path"]), bool(one["new"]), bool(one["old"])) for one in data["files"]]
            self.folders = [Path(folder) for folder in data["folders"]]
            state = State(data["state"])
        except FileNotFoundError:
            return None, []
        except (OSError, ValueError, KeyError, TypeError):
            raise self._untrusted("It cannot be read.") from None
        if owner not in {0, os.geteuid()}:
            raise self._untrusted("It belongs to somebody else.")
        return state, entries

    def _untrusted(self, reason: str) -> PatchError:
        return PatchError(
            f"'{self.path}', the journal of an interrupted patch, cannot be followed. {reason}",
            todo="Bring the files back with 'onecfg restore' after you moved the journal away.",
        )

    def remove(self) -> None:
        """End the transaction durably. Raises ``OSError``."""
        self._temporary.unlink(missing_ok=True)
        self.path.unlink(missing_ok=True)
        flush(self.path.parent)
