"""Quotas: what users and groups are said to use is what their objects take.

Whoever has an object whose body cannot be read is left alone: nobody knows what that takes.
"""

from collections.abc import Iterator, Mapping

from sqlalchemy import Table, select

from oned.database import schema
from oned.database.schema import group_pool, group_quotas, user_pool, user_quotas
from oned.errors import InternalError
from oned.model.quota import METRICS, Quotas, shown
from onedb.fsck.finding import Finding, unrepaired
from onedb.fsck.held import Held, Totals
from onedb.fsck.records import Records

_NAMES = {"DATASTORE": "Datastore", "NETWORK": "VNet", "IMAGE": "Image"}


def check(records: Records, held: Held) -> Iterator[Finding]:
    """The quotas of all users, then of all groups; the administrators have none."""
    unknown = _unknown(records)
    for kind, pool, table in (("user", user_pool, user_quotas), ("group", group_pool, group_quotas)):
        right = {row.oid: held.quotas.get((kind, row.oid), {}) for row in records.pages(pool)}
        left_alone = {0} | {oid for name, oid in unknown if name == kind}
        yield from _of_table(records, table, right, left_alone)


def _unknown(records: Records) -> set[tuple[str, int]]:
    """The users and groups of objects whose bodies cannot be read."""
    found = set()
    for table in (schema.vm_pool, schema.image_pool, schema.network_pool, schema.vrouter_pool):
        for oid in records.unread(table):
            for row in records.pages(table, table.c.uid, table.c.gid, where=table.c.oid == oid):
                found |= {("user", row.uid), ("group", row.gid)}
    return found


def _of_table(
    records: Records, table: Table, right: Mapping[int, Totals], left_alone: set[int]
) -> Iterator[Finding]:
    """``right`` has what everybody uses."""
    key = table.primary_key.columns[0]
    known = {int(oid): str(body) for oid, body in records.connection.execute(select(key, table.c.body))}
    kind = table.name.partition("_")[0].title()
    for oid, totals in right.items():
        start = f"{kind} {oid} quotas"
        if oid not in known:
            yield Finding(f"{start}: there is no row in table {table.name}")
            records.add(table, {key.name: oid, "body": Quotas(oid=oid).to_xml()})
        try:
            quotas = Quotas.from_xml(known[oid]) if oid in known else Quotas(oid=oid)
        except InternalError:
            yield unrepaired(f"{start}: the body cannot be read. Restore it from a backup")
            continue
        if oid in left_alone:
            continue
        found = [Finding(f"{start}: {text}") for text in _mend(quotas, oid, totals)]
        yield from found
        if found:
            records.change(table, {key.name: oid}, {"body": quotas.to_xml()})


def _mend(quotas: Quotas, oid: int, right: Totals) -> Iterator[str]:
    """Set what is used; the sentences of what was wrong."""
    if quotas.oid != oid:
        yield f"ID has {quotas.oid} \tis\t{oid}"
        quotas.oid = oid
    keys = {(section, key) for section, entries in quotas.sections.items() for key in entries}
    for section, key in sorted(keys | {place for place, amounts in right.items() if any(amounts.values())}):
        entry, amounts = quotas.entry(section, key), right.get((section, key), {})
        for metric in METRICS[section]:
            has, uses = entry.used[metric], round(amounts.get(metric, 0.0), 2)
            if round(has, 2) != uses:
                yield f"{_what(section, key, metric)} has {shown(has)} \tis\t{shown(uses)}"
                entry.used[metric] = uses
        quotas.clean(section, key)


def _what(section: str, oid: str, metric: str) -> str:
    if section == "VM":
        return f"{metric}_USED"
    return f"{_NAMES[section]} {oid}\t{'RVMS' if metric == 'RVMS' else f'{metric}_USED'}"
