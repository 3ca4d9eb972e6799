import io

import pytest

from launcher.progress import Progress


@pytest.fixture
def output() -> io.StringIO:
    """What the launcher printed."""
    return io.StringIO()


@pytest.fixture
def progress(output: io.StringIO) -> Progress:
    return Progress(output)
