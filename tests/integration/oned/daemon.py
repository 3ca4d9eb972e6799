"""A real ``oned`` process on a tree of its own."""

import http.client
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xmlrpc.client import dumps, loads

from tests.integration.oned.mariadb import free_port

ROOT = Path(__file__).resolve().parents[3]
PASSWORD = "front-end-secret"

Param = str | int | bool | list[int]


@dataclass
class Daemon:
    """Writes the tree, starts the process, talks to it."""

    root: Path
    db: str = 'BACKEND = "sqlite"'
    extra: str = ""
    monitor: str = ""
    port: int = field(default_factory=free_port)
    monitor_port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        self.auth.mkdir(parents=True, exist_ok=True)
        (self.auth / "one_auth").write_text(f"oneadmin:{PASSWORD}\n")
        self.write_conf()

    @property
    def auth(self) -> Path:
        return self.root / "var/lib/one/.one"

    @property
    def conf(self) -> Path:
        return self.root / "etc/one/oned.conf"

    @property
    def monitord(self) -> Path:
        return self.root / "etc/one/monitord.conf"

    @property
    def output(self) -> Path:
        return self.root / "output"

    @property
    def alone(self) -> "Daemon":
        """This server, without one beside it."""
        return self

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self.port}/RPC2"

    def write_conf(self, text: str | None = None) -> None:
        self.conf.parent.mkdir(parents=True, exist_ok=True)
        default = (
            f'LOG = [ SYSTEM = "std", DEBUG_LEVEL = 3 ]\nDB = [ {self.db} ]\nPORT = {self.port}\n'
            f'LISTEN_ADDRESS = "127.0.0.1"\nDOCUMENT_ENCRYPTED_ATTR = "PROVISION_BODY"\n'
            f'USER_RESTRICTED_ATTR = "VM_USE_OPERATIONS"\n{self.extra}\n'
        )
        self.conf.write_text(default if text is None else text)
        if not self.monitord.exists():
            self.monitord.write_text(
                f'NETWORK = [ ADDRESS = "127.0.0.1", PORT = {self.monitor_port} ]\n{self.monitor}\n'
            )

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "oned.cli", *arguments]

    def environment(self) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], "ONEEDGE_ROOT": str(self.root), "PYTHONPATH": str(ROOT)}

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the command to its end."""
        return subprocess.run(
            self.command(*arguments),
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def spawn(self) -> None:
        with self.output.open("ab") as stream:
            self.process = subprocess.Popen(
                self.command("-f"), env=self.environment(), stdout=stream, stderr=subprocess.STDOUT
            )

    def start(self, session: str = f"oneadmin:{PASSWORD}") -> float:
        """Start and wait for the first good answer; returns the seconds that took."""
        begin = time.perf_counter()
        self.spawn()
        assert self.process is not None
        while True:
            try:
                if self.call("one.system.version", session=session)[0]:
                    return time.perf_counter() - begin
            except OSError:
                pass
            assert self.process.poll() is None, self.output.read_text()
            assert time.perf_counter() - begin < 60, self.output.read_text()
            time.sleep(0.005)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> tuple[int, float]:
        """Stop it; returns exit code and seconds."""
        assert self.process is not None
        begin = time.perf_counter()
        self.process.send_signal(how)
        code = self.process.wait(30)
        self.process = None
        return code, time.perf_counter() - begin

    def post(self, body: bytes, path: str = "/RPC2", method: str = "POST") -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body, {"Content-Type": "text/xml"})
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def call(self, name: str, *params: Param, session: str = f"oneadmin:{PASSWORD}") -> list[Any]:
        """The elements of the answer; raises ``xmlrpc.client.Fault``."""
        _, body = self.post(dumps((session, *params), name).encode())
        answer: list[Any] = loads(body)[0][0]  # type: ignore[assignment]  # loads knows no shape
        return answer

    def ok(self, name: str, *params: Param, session: str = f"oneadmin:{PASSWORD}") -> str | int:
        """The result of a call that has to succeed."""
        answer = self.call(name, *params, session=session)
        assert answer[0] is True, answer
        result: str | int = answer[1]
        return result

    def fails(self, code: int, name: str, *params: Param, session: str = f"oneadmin:{PASSWORD}") -> str:
        """The message of a call that has to fail with ``code``."""
        answer = self.call(name, *params, session=session)
        assert answer[0] is False, answer
        assert answer[2] == code, answer
        return str(answer[1])
