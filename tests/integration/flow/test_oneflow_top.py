"""``oneflow top`` on a terminal: a screen of its own, current, ended by the user, back where it was."""

import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from tests.integration.flow.rest_server import Rest, serving
from tests.integration.oned.conftest import end
from tests.integration.oned.daemon import ROOT, Daemon

ENTER, LEAVE, CLEAR = b"\x1b[?1049h", b"\x1b[?1049l", b"\x1b[2J"
CODE = "import sys; from flow.commands.cli import run; sys.exit(run('oneflow', sys.argv[1:]))"


@pytest.fixture(scope="module")
def rest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rest]:
    daemon = Daemon(tmp_path_factory.mktemp("oned"))
    daemon.start()
    with serving(daemon) as found:
        yield found
    end(daemon)


class Terminal:
    """A process on a terminal of its own, and all that it wrote."""

    def __init__(self, url: str, rest: Rest, *words: str) -> None:
        self._main, other = pty.openpty()
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HOME": "/", "TERM": "xterm"}
        environment |= {"ONE_AUTH": str(rest.daemon.auth / "one_auth"), "ONEFLOW_URL": url}
        command = ["setsid", "-c", sys.executable, "-c", CODE, *words]
        self._process = subprocess.Popen(command, stdin=other, stdout=other, stderr=other, env=environment)
        os.close(other)
        self.seen = b""

    def reads(self, wanted: bytes, times: int = 1) -> None:
        end = time.monotonic() + 60
        while self.seen.count(wanted) < times:
            assert time.monotonic() < end, self.seen
            assert self._process.poll() is None or select.select([self._main], [], [], 0)[0], self.seen
            if select.select([self._main], [], [], 0.2)[0]:
                self.seen += os.read(self._main, 65536)

    def interrupt(self) -> int:
        os.write(self._main, b"\x03")
        self.reads(LEAVE)
        return self._process.wait(60)

    def close(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        os.close(self._main)


def test_a_view_of_a_service_follows_it(rest: Rest) -> None:
    oid = rest.service(name="watched")
    terminal = Terminal(rest.url, rest, "top", "watched", "-d", "0.1")
    try:
        terminal.reads(f"SERVICE {oid} watched: PENDING".encode(), 2)
        text = '<T><BODY><![CDATA[{"state": 2, "roles": [{"name": "app", "state": 2, "cardinality": 3}]}]]></BODY></T>'
        rest.daemon.ok("one.document.update", oid, text, 1)
        terminal.reads(f"SERVICE {oid} watched: RUNNING".encode())
        terminal.reads(b"0/3")
        assert terminal.seen.startswith(ENTER)
        assert terminal.seen.count(CLEAR) >= 3
        assert terminal.interrupt() == 0
        assert terminal.seen.endswith(LEAVE)
    finally:
        terminal.close()


def test_a_server_that_goes_away_is_asked_again(rest: Rest) -> None:
    terminal = Terminal("http://127.0.0.1:1", rest, "top", "-d", "0.1")
    try:
        terminal.reads(b"Trying again.", 3)
        assert terminal.interrupt() == 0
    finally:
        terminal.close()
