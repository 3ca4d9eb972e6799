"""A small server for tests: listens on the port at argv[1] and answers each connection over HTTP.

SIGUSR1 makes it hang, still listening; a second one ends that.
"""

import signal
import socket
import sys

hangs = False


def toggle(*_: object) -> None:
    global hangs  # noqa: PLW0603  a signal handler has no other place
    hangs = not hangs
    while hangs:
        signal.pause()


signal.signal(signal.SIGUSR1, toggle)
with socket.socket(socket.AF_INET) as listener:
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", int(sys.argv[1])))
    listener.listen()
    while True:
        with listener.accept()[0] as link:
            link.recv(4096)
            link.sendall(b"HTTP/1.0 200 OK\r\n\r\nhello")
