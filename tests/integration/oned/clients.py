"""The ecosystem's own client for tests."""

import gc
from collections.abc import Iterator
from typing import Any

import pyone
import pytest

from tests.integration.oned.daemon import PASSWORD, Daemon
from tests.support.packages import loaded

gc.freeze()  # client() collects: what tests make, not the bindings' code every time
Client = Any  # pyone makes its methods at run time

closed = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
"""Marks of a module: pyone leaves the connections of its requests session to the garbage collector."""


Library = Any
"""A release of the client: its module."""
RELEASES = ["6.0", "newest"]


def library(release: str) -> Library:
    """The client of the server's own release, or the newest one, which knows another schema."""
    found = pyone if release == "newest" else loaded(f"pyone-{release}", "pyone")
    gc.freeze()  # client() collects: what tests made, not the bindings' code every time
    return found


def client(daemon: Daemon, session: str = f"oneadmin:{PASSWORD}", library: Library = pyone) -> Iterator[Client]:
    """For a fixture: a client whose connections are gone when the next test begins."""
    one = library.OneServer(daemon.uri, session=session)
    yield one
    del one
    gc.collect()


def several(found: Any) -> list[Any]:  # noqa: ANN401 (made at run time)
    """The newest release knows more elements as lists than the old one."""
    return found if isinstance(found, list) else [found]
