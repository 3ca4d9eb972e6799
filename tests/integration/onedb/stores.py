"""A database, one beside it that nothing may touch, and files that are made of a good backup of that."""

from dataclasses import dataclass
from pathlib import Path

from oned.config import DatabaseSettings

_MARIADB = b"-- MariaDB dump 10.19\n", b"\n-- Dump completed on 2021-04-01 12:00:00\n"
_SQLITE = b"PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\n", b"\nCOMMIT;\n"


@dataclass(frozen=True)
class Store:
    """The two databases, a folder for files, and the good backup's bytes."""

    settings: DatabaseSettings
    precious: DatabaseSettings
    folder: Path
    good: bytes

    def file(self, statement: bytes, *, at_the_end: bool) -> Path:
        """The tables of the good backup with ``statement``, in the frame of the plain client, which proves nothing."""
        first = self.good.index(b"DROP TABLE")
        last = self.good.rindex(b"COMMIT;" if self.settings.backend == "sqlite" else b"-- end ")
        tables = self.good[first:last]
        head, tail = _SQLITE if self.settings.backend == "sqlite" else _MARIADB
        parts = (tables, b"\n", statement) if at_the_end else (statement, b"\n", tables)
        path = self.folder / "hostile.sql"
        path.write_bytes(b"".join((head, *parts, tail)))
        return path
