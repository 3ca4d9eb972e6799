"""A front that gives a client of later releases the version that it wants to hear; all else passes through."""

import http.client
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from oned import VERSION
from tests.integration.oned.daemon import Daemon


@dataclass
class Front:
    """Where it listens, and which methods were called, with whether the server knew and did them."""

    uri: str
    calls: list[str] = field(default_factory=list)


@contextmanager
def front(daemon: Daemon, version: str) -> Iterator[Front]:
    """Listen in front of ``daemon``."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            connection = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=30)
            connection.request("POST", "/RPC2", body, {"Content-Type": "text/xml"})
            answer = connection.getresponse().read()
            connection.close()
            method = re.search(rb"<methodName>(.*?)</methodName>", body)
            assert method
            if method[1] == b"one.system.version":
                answer = answer.replace(VERSION.encode(), version.encode())
            else:
                told.calls.append(method[1].decode())
            self.send_response(200)
            self.send_header("Content-Type", "text/xml")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (named so by the base class)
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        told = Front(f"http://127.0.0.1:{server.server_port}/RPC2")
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield told
        server.shutdown()
        thread.join()
