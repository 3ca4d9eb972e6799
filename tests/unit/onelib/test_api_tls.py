"""An https address is spoken to with TLS only: a password never leaves in clear text."""

import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from xmlrpc.server import SimpleXMLRPCRequestHandler, SimpleXMLRPCServer

import pytest

from onelib.api import Api, UnreachableError
from onelib.auth import Credentials

CALLER = Credentials("ann", "a-long-secret")


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    path = tmp_path / "tls.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost"
    more = ["-addext", "subjectAltName=DNS:localhost", "-keyout", str(path), "-out", str(tmp_path / "cert.pem")]
    subprocess.run([*command.split(), *more], check=True, capture_output=True)
    path.write_text(path.read_text() + (tmp_path / "cert.pem").read_text())
    return path


class _Handler(SimpleXMLRPCRequestHandler):
    rpc_paths = ("/RPC2",)


@pytest.fixture
def server(certificate: Path) -> Iterator[int]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with SimpleXMLRPCServer(("localhost", 0), _Handler, logRequests=False) as running:
        running.socket = context.wrap_socket(running.socket, server_side=True)
        running.register_function(lambda session: [True, session, 0], "one.system.version")
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running.socket.getsockname()[1]
        running.shutdown()
        thread.join()


def test_a_call_over_tls(server: int, certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    api = Api(f"https://localhost:{server}/RPC2", CALLER)
    assert api.call("one.system.version") == "ann:a-long-secret"
    api.close()


def test_a_certificate_of_nobody_is_refused(server: int) -> None:
    with pytest.raises(UnreachableError, match="does not answer"):
        Api(f"https://localhost:{server}/RPC2", CALLER).call("one.system.version")


def test_nothing_is_said_in_clear_text() -> None:
    heard = bytearray()

    def listen(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            heard.extend(connection.recv(65536))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=listen, args=(listener,))
        thread.start()
        with pytest.raises(UnreachableError):
            Api(f"https://127.0.0.1:{listener.getsockname()[1]}/RPC2", CALLER, seconds=5).call(
                "one.system.version"
            )
        thread.join()
    assert heard[0] == 0x16
    assert b"secret" not in heard
