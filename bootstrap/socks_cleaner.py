"""The service ``opennebula-ssh-socks-cleaner``: removes control sockets of SSH connections that are gone.

A master connection whose process was killed leaves its socket behind, and every later connection through it fails.
"""

import socket
import sys
import time
from pathlib import Path

PERIOD = 30.0


def is_stale(path: Path) -> bool:
    """Whether nobody listens on the socket at ``path``."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(5)
        try:
            client.connect(str(path))
        except ConnectionRefusedError:
            return True
        except OSError:
            return False
    return False


def clean(folder: Path) -> list[Path]:
    """Remove the stale control sockets in ``folder`` and return them."""
    removed = []
    for path in folder.glob("ctrl-*"):
        if path.is_socket() and is_stale(path):
            path.unlink(missing_ok=True)
            removed.append(path)
    return removed


def main(folder: str) -> None:
    """Clean every 30 seconds, for ever."""
    while True:
        for path in clean(Path(folder)):
            print(f"removed the stale control socket {path.name}", flush=True)
        time.sleep(PERIOD)


if __name__ == "__main__":
    main(sys.argv[1])
