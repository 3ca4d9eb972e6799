"""The tables of a database: which there are, and making those that are missing.

A database of an earlier build of this server, or one that upstream has upgraded, may lack a table of 6.0 or an index of
this server's own: the next start makes it.
"""

from collections.abc import Set as AbstractSet

from sqlalchemy import bindparam, text
from sqlalchemy.exc import SQLAlchemyError

from oned.database import schema
from oned.database.db import Database
from oned.database.engine import unreachable

_INDEXED = sorted({index.table.name for index in schema.OWN_INDEXES if index.table is not None})
_SQLITE = text("SELECT name FROM sqlite_master")
_MYSQL = text(
    "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() "
    "UNION SELECT index_name FROM information_schema.statistics "
    "WHERE table_schema = DATABASE() AND table_name IN :indexed"
).bindparams(bindparam("indexed", _INDEXED, expanding=True))
"""One statement; MariaDB opens only the tables that have such an index."""


def present(database: Database) -> frozenset[str]:
    """The names of all tables and of this server's indexes. Raises :class:`oned.errors.DatabaseError`."""
    try:
        with database.engine.connect() as connection:
            return frozenset(connection.execute(_MYSQL if database.mysql else _SQLITE).scalars())
    except SQLAlchemyError as error:
        raise unreachable(database.settings, error) from None


def create_missing(database: Database, names: AbstractSet[str]) -> list[str]:
    """Make the tables and own indexes that are not among ``names``; returns what they are called.

    An empty MariaDB database first gets the character set that holds every text. Raises
    :class:`oned.errors.DatabaseError`.
    """
    tables = [table for table in schema.metadata.sorted_tables if table.name not in names]
    indexes = [index for index in schema.OWN_INDEXES if index.name not in names and index.table not in tables]
    try:
        if database.mysql and not names:
            with database.engine.begin() as connection:
                connection.exec_driver_sql("ALTER DATABASE CHARACTER SET utf8mb4")
        if tables:
            schema.metadata.create_all(database.engine, tables)
        for index in indexes:
            index.create(database.engine, checkfirst=True)
    except SQLAlchemyError as error:
        raise unreachable(database.settings, error) from None
    return [table.name for table in tables] + [str(index.name) for index in indexes]
