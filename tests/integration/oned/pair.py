"""Two servers on one MariaDB that look like one: each call goes to either of them, as chance has it."""

import random
import shutil
import signal
from dataclasses import dataclass, field
from pathlib import Path

from tests.integration.oned.daemon import PASSWORD, Daemon


@dataclass
class Second(Daemon):
    """The one beside the first, on a tree of its own; both write to one output."""

    first: Daemon | None = None

    @property
    def output(self) -> Path:
        assert self.first is not None
        return self.first.output


@dataclass
class Pair(Daemon):
    """The first server, with a second one beside it.

    What a test reads in the tree, and what it does to the process, is the first server's.
    """

    chance: random.Random = field(default_factory=lambda: random.Random(7))

    def __post_init__(self) -> None:
        # Images stand in one place, as on a machine whose datastores both mount.
        self.extra += f'\nDATASTORE_LOCATION = "{self.root / "var/lib/one/datastores"}"\n'
        super().__post_init__()
        self._first = Daemon(self.root, self.db, self.extra, self.monitor, self.port, self.monitor_port)
        self.second = Second(self.root / "second", self.db, self.extra, self.monitor, first=self)

    @property
    def _either(self) -> Daemon:
        return self.second if self.second.process is not None and self.chance.random() < 0.5 else self

    @property
    def alone(self) -> Daemon:
        """The first, to call just that."""
        return self._first

    @property
    def sides(self) -> tuple[Daemon, Daemon]:
        """Each by itself."""
        return self.alone, self.second

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self._either.port}/RPC2"

    def post(self, body: bytes, path: str = "/RPC2", method: str = "POST") -> tuple[int, bytes]:
        chosen = self._either
        return super().post(body, path, method) if chosen is self else chosen.post(body, path, method)

    def start(self, session: str = f"oneadmin:{PASSWORD}") -> float:
        """Start the first, give the second what it has to have of its tree, and start that."""
        seconds = super().start(session)
        shutil.copytree(self.auth, self.second.auth, dirs_exist_ok=True)
        return seconds + self.second.start(session)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> tuple[int, float]:
        if self.second.process is not None:
            self.second.stop(how)
        return super().stop(how)
