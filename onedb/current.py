"""A database of this release: what fsck, the commands on bodies and the purges work on."""

import argparse
import contextlib
from collections.abc import Iterator

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from oned.config import DatabaseSettings
from oned.database.engine import describe, make_engine
from onedb.connection import database_settings
from onedb.errors import OnedbError
from onedb.link import open_link
from onedb.version import REQUIRED, read_versions

_CONNECTIONS = 2


def check_version(settings: DatabaseSettings) -> None:
    """Refuse a database of another release, and one that is empty. Raises :class:`OnedbError`."""
    with open_link(settings) as link:
        versions = read_versions(link)
    if versions is None:
        raise OnedbError("Database is not correctly bootstraped.", todo="Check the options of the connection.")
    if (versions.shared.version, versions.local.version) != (REQUIRED, REQUIRED):
        raise OnedbError(
            f"Version mismatch: this command is for version Shared: {REQUIRED}, Local: {REQUIRED}; the database is "
            f"version Shared: {versions.shared.version}, Local: {versions.local.version}.",
            todo="Run onedb upgrade first; nothing was changed.",
        )


@contextlib.contextmanager
def current_engine(arguments: argparse.Namespace) -> Iterator[tuple[DatabaseSettings, Engine]]:
    """The database that the options name, for transactions. Raises :class:`OnedbError`, for its errors too."""
    settings = database_settings(arguments)
    check_version(settings)
    with opened(settings) as engine:
        yield settings, engine


@contextlib.contextmanager
def opened(settings: DatabaseSettings) -> Iterator[Engine]:
    """An engine, whose errors are told as :class:`OnedbError`."""
    engine = make_engine(settings, _CONNECTIONS, autocommit=False)
    try:
        yield engine
    except SQLAlchemyError as error:
        raise OnedbError(
            f"The {settings.label} refused the operation ({describe(error)}).",
            todo="Nothing of it was done. See the log of the database.",
        ) from None
    finally:
        engine.dispose()
