"""A small server for tests: listens on the socket at argv[1] and answers each connection over HTTP."""

import socket
import sys

with socket.socket(socket.AF_INET) as listener:
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", int(sys.argv[1])))
    listener.listen()
    while True:
        with listener.accept()[0] as link:
            link.recv(4096)
            link.sendall(b"HTTP/1.0 200 OK\r\n\r\nhello")
