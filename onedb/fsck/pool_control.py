"""The counters of ids: none may be behind the ids that are in use, or a new object would get one of those."""

from collections.abc import Iterator

from sqlalchemy import Table, select

from oned.database import schema
from onedb.fsck.finding import Finding
from onedb.fsck.records import Records

COUNTED: tuple[Table, ...] = (
    *(table for table in schema.metadata.sorted_tables if table.name.endswith("_pool")),
    schema.acl,
)


def check(records: Records) -> Iterator[Finding]:
    """The counter of each pool and of the access rules."""
    counter = schema.pool_control
    rows = records.connection.execute(select(counter.c.tablename, counter.c.last_oid))
    known = {str(name): int(last) for name, last in rows}
    for table in COUNTED:
        largest, last = records.largest(table), known.get(table.name, -1)
        if largest <= last:
            continue
        message = f"pool_control for table {table.name} has last_oid {last}, but it is {largest}"
        yield records.finding(table, message)
        if not records.writable(table):
            continue
        if table.name in known:
            records.change(counter, {"tablename": table.name}, {"last_oid": largest})
        else:
            records.add(counter, {"tablename": table.name, "last_oid": largest})
