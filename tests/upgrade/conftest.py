"""Fresh volumes, and images of releases to come, made once."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.support.next_image import next_image
from tests.upgrade.world import Place, place

Images = Callable[[str], str]


@pytest.fixture
def volumes() -> Iterator[Place]:
    """The volumes of one front-end."""
    with place() as found:
        yield found


@pytest.fixture(scope="session")
def images() -> Iterator[Images]:
    """Gives the image of a kind (:mod:`tests.support.next_image`)."""
    made: dict[str, str] = {}
    with ExitStack() as stack:

        def image(kind: str) -> str:
            if kind not in made:
                made[kind] = stack.enter_context(next_image(kind))
            return made[kind]

        yield image
