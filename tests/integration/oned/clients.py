"""The ecosystem's own client for tests."""

import gc
from collections.abc import Iterator
from typing import Any

import pyone
import pytest

from tests.integration.oned.daemon import PASSWORD, Daemon

Client = Any  # pyone makes its methods at run time

closed = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
"""Marks of a module: pyone leaves the connections of its requests session to the garbage collector."""


def client(daemon: Daemon, session: str = f"oneadmin:{PASSWORD}") -> Iterator[Client]:
    """For a fixture: a client whose connections are gone when the next test begins."""
    one = pyone.OneServer(daemon.uri, session=session)
    yield one
    del one
    gc.collect()
