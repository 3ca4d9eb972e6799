"""Quotas: what users and groups are said to use is what their objects take."""

from collections.abc import Iterator, Mapping

from sqlalchemy import Table, select

from oned.database.schema import group_pool, group_quotas, user_pool, user_quotas
from oned.errors import InternalError
from oned.model.quota import METRICS, Quotas, shown
from onedb.fsck.finding import Finding, unrepaired
from onedb.fsck.held import Held
from onedb.fsck.records import Records

_NAMES = {"DATASTORE": "Datastore", "NETWORK": "VNet", "IMAGE": "Image"}


def check(records: Records, held: Held) -> Iterator[Finding]:
    """The quotas of all users, then of all groups; the administrators have none."""
    yield from _of_kind(records, held, "user", user_pool, user_quotas)
    yield from _of_kind(records, held, "group", group_pool, group_quotas)


def _of_kind(records: Records, held: Held, kind: str, pool: Table, table: Table) -> Iterator[Finding]:
    key = table.primary_key.columns[0]
    known = {int(oid): str(body) for oid, body in records.connection.execute(select(key, table.c.body))}
    for row in records.pages(pool):
        oid, start = row.oid, f"{kind.title()} {row.oid} quotas"
        if oid not in known:
            yield Finding(f"{start}: there is no row in table {table.name}")
            records.add(table, {key.name: oid, "body": Quotas(oid=oid).to_xml()})
        try:
            quotas = Quotas.from_xml(known[oid]) if oid in known else Quotas(oid=oid)
        except InternalError:
            yield unrepaired(f"{start}: the body cannot be read. Restore it from a backup")
            continue
        if oid == 0:
            continue
        found = [Finding(f"{start}: {text}") for text in _mend(quotas, held.quotas.get((kind, oid), {}))]
        yield from found
        if found:
            records.change(table, {key.name: oid}, {"body": quotas.to_xml()})


def _mend(quotas: Quotas, right: Mapping[tuple[str, str], Mapping[str, float]]) -> Iterator[str]:
    """Set what is used; the sentences of what was wrong."""
    keys = {(section, oid) for section, entries in quotas.sections.items() for oid in entries}
    for section, oid in sorted(keys | {key for key, amounts in right.items() if any(amounts.values())}):
        entry, amounts = quotas.entry(section, oid), right.get((section, oid), {})
        for metric in METRICS[section]:
            has, uses = entry.used[metric], round(amounts.get(metric, 0.0), 2)
            if round(has, 2) != uses:
                yield f"{_what(section, oid, metric)} has {shown(has)} \tis\t{shown(uses)}"
                entry.used[metric] = uses
        quotas.clean(section, oid)


def _what(section: str, oid: str, metric: str) -> str:
    if section == "VM":
        return f"{metric}_USED"
    return f"{_NAMES[section]} {oid}\t{'RVMS' if metric == 'RVMS' else f'{metric}_USED'}"
