"""A database in a file, for the parts below the API."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from oned.config import Settings, read_settings
from oned.database import schema
from oned.database.db import Database
from onelib.locations import Locations


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return read_settings(tmp_path / "none", Locations(tmp_path))


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    settings.database.path.parent.mkdir(parents=True)
    database = Database(settings.database)
    schema.metadata.create_all(database.engine)
    database.start()
    yield database
    database.close()
