"""What an upgrade leaves in the database until somebody confirms it: the tables from before.

They can be exchanged for the new ones as long as no server has worked on these. A server says that it does before it
writes anything, as a row of the upgrade's own journal.
"""

from collections.abc import Set as AbstractSet

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from oned.database.db import Database
from oned.database.engine import unreachable

JOURNAL = "oneedge_old_journal"
""":mod:`onedb.upgrade.names` says what is in it."""
_NOTE = text(f"REPLACE INTO {JOURNAL} (tablename, action) VALUES ('.oned', 'used')")  # noqa: S608 (a constant)


def note_work(database: Database, names: AbstractSet[str]) -> None:
    """Say that a server works on the new tables. Raises :class:`oned.errors.DatabaseError`.

    ``names`` are the tables of the database.
    """
    if JOURNAL not in names:
        return
    try:
        with database.engine.begin() as connection:
            connection.execute(_NOTE)
    except SQLAlchemyError as error:
        raise unreachable(database.settings, error) from None
