"""The atomic exchange of old tables for new ones, the way back, and what a killed run left.

MariaDB's is one RENAME TABLE, which is atomic and survives a crash of the server from MariaDB 10.6 and MySQL 8.0 on;
SQLite's is the end of the one transaction in which everything took place.
"""

from collections.abc import Sequence

from oned.database import schema
from onedb import server
from onedb.errors import OnedbError
from onedb.link import Link
from onedb.upgrade.copying import index
from onedb.upgrade.names import CREATED, JOURNAL, NEW, OLD, REPLACED, USED, leftovers
from onedb.upgrade.plan import TablePlan


def check_server(link: Link) -> None:
    """Refuse a server whose RENAME TABLE does not survive a crash. Raises :class:`OnedbError`."""
    if link.mysql:
        server.check_server(str(link.fetch("SELECT VERSION()")[0][0]))


def drop_leftovers(link: Link) -> list[str]:
    """Drop what a killed run left; returns the names."""
    return drop(link, leftovers(link.tables()))


def can_go_back(link: Link) -> bool:
    """Whether the tables from before an upgrade are all there."""
    return OLD + JOURNAL in link.tables()


def is_used(link: Link) -> bool:
    """Whether an ``oned`` has worked on the new tables: what it wrote stays in some tables when others go back."""
    if not can_go_back(link):
        return False
    statement = f"SELECT COUNT(*) FROM {link.quoted(OLD + JOURNAL)} WHERE action = {link.mark}"  # noqa: S608 (a constant)
    return bool(link.fetch(statement, (USED,))[0][0])


def drop(link: Link, names: Sequence[str]) -> list[str]:
    """Drop those tables."""
    for name in names:
        link.fetch(f"DROP TABLE IF EXISTS {link.quoted(name)}")
    return list(names)


def write_journal(link: Link, plans: Sequence[TablePlan]) -> None:
    """Make the new journal: which tables the swap replaces and which it creates."""
    name = NEW + JOURNAL
    link.fetch(f"CREATE TABLE {link.quoted(name)} (tablename VARCHAR(64) PRIMARY KEY, action VARCHAR(16))")
    rows = [(plan.name, REPLACED if plan.exists else CREATED) for plan in plans]
    link.insert(name, ("tablename", "action"), rows)


def swap_in(link: Link, plans: Sequence[TablePlan]) -> None:
    """Exchange the tables. On SQLite the caller's transaction makes it atomic."""
    pairs: list[tuple[str, str]] = []
    for plan in plans:
        if plan.exists:
            pairs.append((plan.name, OLD + plan.name))
        pairs.append((NEW + plan.name, plan.name))
    pairs.append((NEW + JOURNAL, OLD + JOURNAL))
    _rename(link, pairs)


def swap_back(link: Link) -> list[str]:
    """Put the old tables back; returns their names. On SQLite within the caller's transaction.

    What they replace becomes a leftover, for the caller to drop.

    Raises :class:`OnedbError` where there is nothing to go back to.
    """
    if not can_go_back(link):
        raise OnedbError(
            "There is no upgrade to take back: its old tables are gone.", todo="Use onedb restore with a backup."
        )
    pairs: list[tuple[str, str]] = []
    every = link.fetch(f"SELECT tablename, action FROM {link.quoted(OLD + JOURNAL)}")  # noqa: S608 (a constant)
    journal = [(name, action) for name, action in every if action in (REPLACED, CREATED)]
    for name, action in journal:
        pairs.append((name, NEW + name))
        if action == REPLACED:
            pairs.append((OLD + name, name))
    pairs.append((OLD + JOURNAL, NEW + JOURNAL))
    _rename(link, pairs)
    if not link.mysql:
        _index_again(link, [str(name) for name, action in journal if action == REPLACED])
    return [str(name) for name, _ in journal]


def _rename(link: Link, pairs: Sequence[tuple[str, str]]) -> None:
    if link.mysql:
        link.fetch("RENAME TABLE " + ", ".join(f"{link.quoted(a)} TO {link.quoted(b)}" for a, b in pairs))
        return
    for source, target in pairs:
        if target.startswith((OLD, NEW)):
            _drop_indexes(link, source)
        link.fetch(f"ALTER TABLE {link.quoted(source)} RENAME TO {link.quoted(target)}")


def _drop_indexes(link: Link, table: str) -> None:
    """Free the names of a table's indexes: in SQLite they are one namespace of the whole file."""
    statement = "SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL AND tbl_name = ?"
    for (name,) in link.fetch(statement, (table,)):
        link.fetch(f"DROP INDEX {link.quoted(name)}")


def _index_again(link: Link, names: Sequence[str]) -> None:
    """Make the indexes of tables that were put back, as far as they have the columns."""
    for name in names:
        table = schema.metadata.tables.get(name)
        if table is not None and {c.name for i in table.indexes for c in i.columns} <= set(link.columns(name)):
            index(link, table, name)


def confirm(link: Link) -> list[str]:
    """Let go of the old tables: the journal first, so that nobody goes back to some of them."""
    drop(link, [OLD + JOURNAL])
    return drop_leftovers(link)
