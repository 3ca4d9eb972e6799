"""A healthy all-in-one container, the image as the engine describes it, and what lies in it before any boot."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import testinfra

from tests.support.engine import ENGINE, IMAGE, engine
from tests.support.front import Front, front

Machine = Any
"""testinfra's view of a host, whose parts are made as they are named."""


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "docker: does not depend on the engine, so it runs with Docker alone")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if ENGINE == "docker":
        return
    once = [item for item in items if item.get_closest_marker("docker")]
    if once:
        config.hook.pytest_deselected(items=once)
        items[:] = [item for item in items if item not in once]


@dataclass(frozen=True)
class Entry:
    """A file of the image: ``kind`` as find(1) has it (f, d, l ...), owner and group by name where they have one."""

    kind: str
    mode: int
    user: str
    group: str
    path: str


def listing(image: str) -> list[Entry]:
    """Every file of a container that nothing has run in; its anonymous volumes hold what the image has there."""
    found = engine("run", "--rm", "--entrypoint=find", image,
                   "/", "(", "-path", "/proc", "-o", "-path", "/sys", "-o", "-path", "/dev", ")", "-prune",
                   "-o", "-printf", r"%y %m %u %g %p\n")  # fmt: skip
    rows = (line.split(" ", 4) for line in found.splitlines())
    return [Entry(kind, int(mode, 8), user, group, path) for kind, mode, user, group, path in rows]


def described(image: str) -> dict[str, Any]:
    """What the engine knows of an image."""
    (found,) = json.loads(engine("image", "inspect", image))
    return dict(found)


@pytest.fixture(scope="session")
def files() -> list[Entry]:
    return listing(IMAGE)


@pytest.fixture(scope="session")
def image() -> dict[str, Any]:
    return described(IMAGE)


@pytest.fixture(scope="module")
def box() -> Iterator[Front]:
    with front() as one:
        yield one.healthy()


@pytest.fixture(scope="module")
def host(box: Front) -> Machine:
    """The container through testinfra."""
    return testinfra.get_host(f"{ENGINE}://{box.name}")
