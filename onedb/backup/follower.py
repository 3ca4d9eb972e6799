"""Reads a backup back while it is still being written: as a process of its own, a stretch behind the writer.

The writer tells it on its standard input how far the file has come. It flushes that to the disk, puts it out of the
page cache, reads and parses it as a restore would, and says at the end what it found. Killed with the writer or without
it, it leaves nothing; a writer whose follower is gone has no proof, and so no backup.
"""

import contextlib
import json
import os
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from onedb.backup.reader import count
from onedb.backup.sql import SqlReader
from onedb.backup.values import Tally
from onedb.errors import OnedbError

STRETCH = 16 << 20
"""Bytes that are read at a time; a backup that has fewer is read back when it is written, without a second process."""
_END = b"end"


class Found(NamedTuple):
    """What was read: the SHA-256 of the bytes, and the rows of each table."""

    digest: str
    tables: dict[str, Tally]


class Growing:
    """The part of a file that is on the disk; :meth:`read` waits for more until the writer has said the end."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._at = self._safe = 0
        self._ended = False

    def read(self, size: int) -> bytes:
        """Some bytes, none at the end. Raises :class:`EOFError` where the writer has gone away."""
        while self._at == self._safe and not self._ended:
            line = sys.stdin.buffer.readline().strip()
            if not line:
                raise EOFError
            if line == _END:
                self._ended = True
            else:
                self._flush(int(line))
        data = os.pread(self._descriptor, min(size, self._safe - self._at), self._at)
        self._at += len(data)
        return data

    def _flush(self, end: int) -> None:
        os.fdatasync(self._descriptor)
        os.posix_fadvise(self._descriptor, self._safe, end - self._safe, os.POSIX_FADV_DONTNEED)
        self._safe = end


class Follower:
    """The writer's side of the process."""

    def __init__(self, path: Path, *, mysql: bool) -> None:
        command = [sys.executable, "-P", "-m", __name__, os.fspath(path), "mysql" if mysql else "sqlite"]
        self._path = path
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def tell(self, size: int) -> None:
        """So many bytes are written. That the process is gone is told by :meth:`found`."""
        self._say(b"%d" % size)

    def found(self) -> Found:
        """What was read, up to the size that was told last. Raises :class:`OnedbError`."""
        self._say(_END)
        said, _ = self._process.communicate()
        if self._process.returncode or not said:
            raise OnedbError(
                f"The backup {self._path} could not be read back: the process that did it has ended.",
                todo="Look whether the memory is full, then try again; nothing was changed.",
            )
        document = json.loads(said)
        if "error" in document:
            raise OnedbError(document["error"], todo=document["todo"])
        tables = {name: Tally(rows, checksum) for name, (rows, checksum) in document["tables"].items()}
        return Found(document["sha256"], tables)

    def end(self) -> None:
        """Let go of the process, whatever it does."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.communicate()

    def _say(self, text: bytes) -> None:
        if self._process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.write(text + b"\n")
                self._process.stdin.flush()


def _read(descriptor: int, *, mysql: bool) -> dict[str, object]:
    digest = sha256()
    tables: dict[str, Tally] = {}
    try:
        for event in SqlReader(Growing(descriptor), sys.maxsize, mysql=mysql, seen=digest.update).events():
            count(tables, event)
    except OnedbError as error:
        return {"error": error.message, "todo": error.todo}
    except OSError as error:
        return {"error": f"The backup cannot be read back: {error.strerror}.", "todo": "Check the disk."}
    return {
        "sha256": digest.hexdigest(),
        "tables": {name: (each.rows, each.checksum) for name, each in tables.items()},
    }


def main(path: str, kind: str) -> int:
    """The process; 1 where the writer has gone away."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        sys.stdout.write(json.dumps(_read(descriptor, mysql=kind == "mysql")) + "\n")
    except EOFError:
        return 1
    except KeyboardInterrupt:
        return 1  # the writer's own
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
