"""What a value of SQLite is in a column of MariaDB: that takes only what the column is for."""

import math
from collections.abc import Callable

from sqlalchemy import Boolean, Column, Integer, Table
from sqlalchemy.types import Float

from onedb.backup.values import Row, Value
from onedb.errors import OnedbError

Canonical = Callable[[Value], Value]


class Columns:
    """The columns of one table, and rows as both databases tell them when they are the same."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self.names = [column.name for column in table.columns]
        self._kinds = [_kind(column) for column in table.columns]
        self._keys = [self.names.index(column.name) for column in table.primary_key.columns]

    def canonical(self, row: Row) -> list[Value]:
        """``row``, with a value for each column.

        Raises :class:`OnedbError`, naming the row, for a value that MariaDB would change or refuse.
        """
        try:
            return [kind(value) for kind, value in zip(self._kinds, row, strict=True)]
        except (ValueError, OverflowError):
            raise self._unfit(row) from None

    def _unfit(self, row: Row) -> OnedbError:
        keys = ", ".join(f"{self.names[at]}={_shown(row[at])}" for at in self._keys)
        return OnedbError(
            f"A number of {self._table.name} ({keys}) is none.",
            todo="Correct that row of the SQLite database; nothing was changed.",
        )


def _shown(value: Value) -> str:
    return value if isinstance(value, str) else bytes(value or b"").decode(errors="replace")


def _kind(column: Column[object]) -> Canonical:
    if isinstance(column.type, Float):
        return _fraction
    return _whole if isinstance(column.type, Integer | Boolean) else _text


def _whole(value: Value) -> Value:
    if value is None:
        return None
    number = value if isinstance(value, str) else bytes(value).decode("ascii")
    try:
        return str(int(number))
    except ValueError:
        if not float(number).is_integer():
            raise
        return str(int(float(number)))


def _fraction(value: Value) -> Value:
    if value is None:
        return None
    number = float(value if isinstance(value, str) else bytes(value).decode("ascii"))
    if not math.isfinite(number):
        raise ValueError(value)
    return repr(number)


def _text(value: Value) -> Value:
    if value is None or type(value) is bytes:
        return value
    return value.encode() if isinstance(value, str) else bytes(value)
