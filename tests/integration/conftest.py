"""What holds for all tests with real servers."""

from collections.abc import Iterator

import pytest

from tests.support.answers import checked


@pytest.fixture(scope="session", autouse=True)
def _documents_are_checked() -> Iterator[None]:
    with checked():
        yield
