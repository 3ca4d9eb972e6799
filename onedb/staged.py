"""A database that is not there yet: its tables stand beside those in place, under other names, in MariaDB.

Whoever works through a :class:`StagedLink` speaks of ``vm_pool`` and works on ``oneedge_restore_vm_pool``: so an
upgrade can be done on what a restore has brought, before any of it is put in place.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from oned.config import DatabaseSettings
from onedb.link import MysqlLink, Row
from onedb.upgrade.names import RESTORED


@dataclass(frozen=True, repr=False)
class StagedSettings(DatabaseSettings):
    """Settings with which :func:`onedb.link.open_link` opens the tables beside."""

    @classmethod
    def of(cls, settings: DatabaseSettings) -> "StagedSettings":
        """The tables beside those of ``settings``."""
        return cls(**vars(settings))


class StagedLink(MysqlLink):
    """See :class:`onedb.link.Link`; names of tables are those that they will have."""

    def __init__(self, settings: DatabaseSettings) -> None:
        from oned.database.schema import metadata

        super().__init__(settings)
        names = "|".join(sorted(metadata.tables, key=len, reverse=True))
        self._names = re.compile(rf"'(?:[^'\\]|''|\\.)*'|(?<!\w)(?:(?:oneedge_(?:new|old)_\w+)|{names})(?!\w)")

    def _staged(self, text: str) -> str:
        """``text`` with the names of tables replaced, but for what stands in quotes."""
        return self._names.sub(lambda match: match[0] if match[0][0] == "'" else RESTORED + match[0], text)

    def fetch(self, statement: str, values: Sequence[object] = ()) -> list[Row]:
        """See :class:`onedb.link.Link`."""
        if "information_schema" in statement:
            values = [self._staged(value) if isinstance(value, str) else value for value in values]
        return super().fetch(self._staged(statement), values)

    def stream(self, statement: str) -> Iterator[Sequence[Any]]:
        """See :class:`onedb.link.Link`."""
        return super().stream(self._staged(statement))

    def start(self, statement: str) -> None:
        """See :class:`onedb.link.Link`."""
        super().start(self._staged(statement))

    def insert(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        """See :class:`onedb.link.Link`."""
        super().insert(self._staged(table), columns, rows)

    def tables(self) -> list[str]:
        """See :class:`onedb.link.Link`."""
        return sorted(name[len(RESTORED) :] for name in super().tables() if name.startswith(RESTORED))
