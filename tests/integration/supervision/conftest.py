"""A front-end of small real services, stopped and removed after each test."""

import contextlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.supervision.front import Front


@contextlib.contextmanager
def removed_afterwards() -> Iterator[Front]:
    root = Path(tempfile.mkdtemp(prefix="front-"))  # short: the path of a socket has 107 bytes at most
    made = Front(root)
    try:
        yield made
    finally:
        if made.process and made.process.poll() is None:
            made.process.send_signal(signal.SIGTERM)
            try:
                made.process.wait(20)
            except subprocess.TimeoutExpired:
                made.process.kill()
                made.process.wait(5)
        shutil.rmtree(root, ignore_errors=True)


@pytest.fixture
def front() -> Iterator[Front]:
    with removed_afterwards() as made:
        yield made


@pytest.fixture
def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


@pytest.fixture
def server() -> list[str]:
    """The command of a small HTTP server, without its port."""
    return [sys.executable, "-I", "-S", str(Path(__file__).parent / "programs/server.py")]
