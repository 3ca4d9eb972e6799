"""What was written to a table, in numbers that the database can add up too."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, Integer, Table

from onedb.errors import OnedbError
from onedb.link import Link
from onedb.upgrade.names import NEW
from onedb.upgrade.plan import TablePlan


@dataclass
class Weight:
    """Rows, and per column the sum of its numbers or of its characters."""

    sums: dict[str, int]
    rows: int = 0

    @classmethod
    def of(cls, table: Table) -> "Weight":
        """Nothing yet: of the columns whose sums prove a copy, the key and every text."""
        numbers = (Integer, BigInteger)
        names = [
            column.name for column in table.columns if column.primary_key or not isinstance(column.type, numbers)
        ]
        return cls(dict.fromkeys(names, 0))

    def add(self, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
        """Count ``rows``, whose values are those of ``columns``."""
        self.rows += len(rows)
        for name in self.sums:
            place = columns.index(name)
            values = [row[place] for row in rows]
            self.sums[name] += sum(len(v) if isinstance(v, str) else int(v) for v in values if v is not None)


def verify(link: Link, plan: TablePlan, weight: Weight, name: str | None = None) -> None:
    """Compare the new table with what was written to it. Raises :class:`OnedbError`."""
    length = "CHAR_LENGTH" if link.mysql else "LENGTH"
    texts = {column.name for column in plan.target.columns if column.type.python_type is str}
    measures = [f"{length}({link.quoted(name)})" if name in texts else link.quoted(name) for name in weight.sums]
    terms = [f"COALESCE(SUM({measure}), 0)" for measure in measures]
    table = link.quoted(name or NEW + plan.name)
    found = link.fetch(f"SELECT {', '.join(['COUNT(*)', *terms])} FROM {table}")[0]  # noqa: S608 (quoted)
    if [int(value) for value in found] != [weight.rows, *weight.sums.values()]:
        raise OnedbError(
            f"The new table {plan.name} does not hold what was written to it.",
            todo="Nothing was changed. Check the disk and the log of the database, then upgrade again.",
        )
