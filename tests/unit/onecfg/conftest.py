from collections.abc import Callable
from pathlib import Path

import pytest

from onelib.locations import Locations


@pytest.fixture
def locations(tmp_path: Path) -> Locations:
    (tmp_path / "etc/one").mkdir(parents=True)
    (tmp_path / "var/lib/one/remotes/etc").mkdir(parents=True)
    return Locations(tmp_path)


@pytest.fixture
def put(locations: Locations) -> Callable[[str, str | bytes], Path]:
    """Write a file as seen from ``/``."""

    def write(path: str, content: str | bytes) -> Path:
        target = locations.under(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.encode() if isinstance(content, str) else content)
        return target

    return write
