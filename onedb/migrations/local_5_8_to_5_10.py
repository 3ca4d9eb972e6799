"""Local tables, 5.8 to 5.10: unsigned log, the state of a host before the present one, tables of hooks."""

from collections.abc import Iterable

from sqlalchemy import column

from oned.database import schema
from onedb.migrations import layout
from onedb.migrations.bodies import add, parse, text, value
from onedb.migrations.step import Context, Reader, Row, Step, TableChange, query, unchanged

_UNSIGNED_MAX = 2**64 - 1
_RAFT = -1
"""The record of the log that is none: the state of Raft."""
_HOSTS = layout.host_pool()


def _prepare(reader: Reader) -> Context:
    """The state of Raft, and what "not federated" is: SQLite has no such integer and keeps it as a real number."""
    none = float(_UNSIGNED_MAX) if reader.dialect == "sqlite" else _UNSIGNED_MAX
    if not reader.has("logdb"):
        return {"raft": [], "none": none}
    found = query("logdb", column("sqlcmd")).where(column("log_index") == _RAFT)
    return {"raft": [row["sqlcmd"] for row in reader.rows(found)], "none": none}


def _record(context: Context, row: Row) -> Iterable[Row]:
    if row["log_index"] == _RAFT:
        return ()
    return ({**row, "fed_index": context["none"]},) if (row["fed_index"] or 0) < 0 else (row,)


def _attribute(context: Context, row: Row) -> Iterable[Row]:
    """Attributes as they are, but for a state of Raft that the log has too: that one is newer."""
    return () if context["raft"] and row["name"] == "RAFT_STATE" else (row,)


def _raft(context: Context) -> Iterable[Row]:
    return ({"name": "RAFT_STATE", "body": body} for body in context["raft"])


def _host(_context: Context, row: Row) -> Iterable[Row]:
    root = parse(_HOSTS, row, "HOST")
    if root.find("PREV_STATE") is not None:
        return (row,)
    add(root, "PREV_STATE", value(root, "STATE"))
    return ({**row, "body": text(root)},)


STEP = Step(
    "local",
    "5.8.0",
    "5.10.0",
    (
        TableChange(schema.logdb, _record),
        TableChange(schema.system_attributes, _attribute, _raft),
        TableChange(_HOSTS, _host),
        TableChange(schema.hook_pool, unchanged),
        TableChange(schema.hook_log, unchanged),
    ),
    _prepare,
)
