"""``one.system.sql`` and ``one.system.sqlquery``: statements of the user oneadmin, for repairs from afar.

Upstream passes any text to the database. Here one statement is taken that reads, or one that changes rows: what ends
a transaction, as a change of tables does, would split those of other calls that are committed together with it.
"""

import base64
import re
from collections.abc import Iterator

from sqlalchemy import TextClause, text
from sqlalchemy.exc import SQLAlchemyError

from oned.database.db import AnyRow
from oned.database.engine import describe, is_temporary
from oned.errors import ActionError, AuthorizationError
from oned.methods.call import Call, Method
from onelib.template import cdata

_READS = frozenset({"SELECT", "SHOW", "DESCRIBE", "DESC", "EXPLAIN"})
_CHANGES = frozenset({"INSERT", "UPDATE", "DELETE", "REPLACE"})
_NOT_A_NAME = re.compile(r"[^A-Za-z0-9_.-]")


def _statement(call: Call, command: str, verbs: frozenset[str]) -> TextClause:
    """``command`` when the caller may give it and its verb is one of ``verbs``."""
    if call.caller.uid != 0:
        raise AuthorizationError(kind="-")
    first = command.split(maxsplit=1)[:1]
    if not first or first[0].upper() not in verbs:
        raise ActionError(f"The statement has to begin with one of {', '.join(sorted(verbs))}.")
    return text(command.replace(":", "\\:"))  # else a word after a colon would be a parameter


def sql(call: Call, command: str, federate: bool) -> int:
    """Change rows. ``federate`` means the same here, as this server is the only one."""
    _ = federate
    statement = _statement(call, command, _CHANGES)
    try:
        call.transaction.write(statement)
    except SQLAlchemyError as error:
        if is_temporary(error):
            raise
        raise ActionError(describe(error)) from None
    return 0


def sqlquery(call: Call, command: str) -> str:
    """Read rows, as XML; a value that is XML itself comes in Base64 under its name with ``64``."""
    statement = _statement(call, command, _READS)
    try:
        result = call.transaction.rows(statement)  # type: ignore[arg-type]  # any that has rows
    except SQLAlchemyError as error:
        if is_temporary(error):
            raise
        raise ActionError(describe(error)) from None
    rows = "".join(f"<ROW>{''.join(_cells(row))}</ROW>" for row in result)
    return f"<SQL_COMMAND><QUERY>{cdata(command)}</QUERY><RESULT>{rows}</RESULT></SQL_COMMAND>"


def _cells(row: AnyRow) -> Iterator[str]:
    for column, value in row._mapping.items():  # noqa: SLF001 (SQLAlchemy's public name for it)
        name = _NOT_A_NAME.sub("_", str(column))
        shown = (
            "" if value is None else value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
        )
        if shown.startswith("<"):
            name, shown = f"{name}64", base64.b64encode(shown.encode()).decode()
        yield f"<{name}>{cdata(shown)}</{name}>"


METHODS = (
    Method("one.system.sql", sql, (str, bool), write=True),
    Method("one.system.sqlquery", sqlquery, (str,), bulk=True),
)
