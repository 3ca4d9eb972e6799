"""What one release changed in the database, as data and functions of rows.

A step never touches the database itself. ``onedb.upgrade`` reads each table that a step names page by page, hands its
rows through the functions of all steps, and writes what comes out into a new table.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from sqlalchemy import Column, ColumnElement, Select, Table, func, select, table
from sqlalchemy import column as bare_column

from onedb.errors import OnedbError

Part = Literal["shared", "local"]
Row = Mapping[str, Any]
Context = Mapping[str, Any]
"""What a step found out before its first row; ``prepare`` makes it, its row functions read it."""

PAGE = 5000


class MigrationError(OnedbError):
    """A row that a step cannot migrate; the message names table and key."""

    def __init__(self, table_name: str, key: str, reason: str) -> None:
        super().__init__(
            f"The row {key} of the table {table_name} cannot be migrated: {reason}.",
            todo="Look at its body in the old database and mend it there with the release that wrote it, then upgrade.",
        )
        self.table = table_name
        self.key = key


class Reader(Protocol):
    """The old database, as it was before the first step."""

    @property
    def dialect(self) -> str:
        """``sqlite`` or ``mysql``."""
        ...

    def rows(self, statement: Select[Any]) -> Iterable[Row]:
        """The rows of a select, by column name."""
        ...

    def has(self, name: str) -> bool:
        """Whether the old database has that table."""
        ...


RowFunction = Callable[[Context, Row], Iterable[Row]]


@dataclass(frozen=True)
class TableChange:
    """What a step does with one table.

    ``table`` is its layout after the step; it may be one that older databases do not have. ``rows`` gives what an old
    row becomes (none, one or several; the row itself when nothing changes) and must not change the row it is given.
    ``added`` gives the rows that the step adds. Both raise :class:`MigrationError`.
    """

    table: Table
    rows: RowFunction
    added: Callable[[Context], Iterable[Row]] | None = None


@dataclass(frozen=True)
class Step:
    """From one version to the next of the shared or the local half.

    ``prepare`` looks up in the old database what the row functions need; it holds numbers and names, never bodies.
    """

    part: Part
    source: str
    target: str
    tables: tuple[TableChange, ...] = ()
    prepare: Callable[[Reader], Context] | None = None


def unchanged(_context: Context, row: Row) -> Iterable[Row]:
    """The row function of a table that gets added rows, or a new name, only."""
    return (row,)


def key_of(layout: Table, row: Row) -> str:
    """How a message names a row: ``oid=3``."""
    return ", ".join(f"{column.name}={row.get(column.name)}" for column in layout.primary_key.columns)


def query(name: str, *columns: ColumnElement[Any]) -> Select[Any]:
    """A select of those columns of an old table."""
    return select(*columns).select_from(table(name))


def pages(reader: Reader, name: str, key: str, columns: Iterable[str], heads: Mapping[str, int]) -> Iterator[Row]:
    """All rows of a table by an integer key, a page at a time; ``heads`` are columns of which the beginning is enough.

    Lengths are in characters. A table that is missing has no rows.
    """
    if not reader.has(name):
        return
    number: Column[int] = bare_column(key)  # type: ignore[assignment]  # it has no table
    wanted: list[ColumnElement[Any]] = [bare_column(c) for c in columns]
    wanted += [func.substr(bare_column(c), 1, length).label(c) for c, length in heads.items()]
    statement: Select[Any] = query(name, number, *wanted).order_by(number).limit(PAGE)
    last = None
    while True:
        page = list(reader.rows(statement if last is None else statement.where(number > last)))
        yield from page
        if len(page) < PAGE:
            return
        last = page[-1][key]
