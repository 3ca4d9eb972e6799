"""A long backup is read back by a second process while it is written; without what that found there is no backup."""

from pathlib import Path

import pytest

from onedb.backup import writer
from onedb.backup.follower import Follower
from onedb.backup.reader import verify
from onedb.errors import OnedbError
from tests.integration.onedb.world import World

SHORT_STRETCH = 20_000


class Flipping(Follower):
    """Changes a byte of the file before the process may read it."""

    def tell(self, size: int) -> None:
        with self._path.open("r+b") as file:
            file.seek(size - 3)
            found = file.read(1)
            file.seek(size - 3)
            file.write(bytes([found[0] ^ 1]))
        super().tell(size)


class Killed(Follower):
    """Is killed when it has begun."""

    def tell(self, size: int) -> None:
        self._process.kill()
        self._process.wait()
        super().tell(size)


@pytest.fixture
def filled(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """A database whose backup is long for the occasion."""
    world.fill(vms=40)
    monkeypatch.setattr(writer, "STRETCH", SHORT_STRETCH)
    monkeypatch.setattr(writer, "STATEMENT_BYTES", SHORT_STRETCH // 3)
    return world


def test_what_the_follower_read_is_what_is_there(filled: World, tmp_path: Path) -> None:
    told: list[int] = []

    class Noting(Follower):
        def tell(self, size: int) -> None:
            told.append(size)
            super().tell(size)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(writer, "Follower", Noting)
        made = writer.backup(filled.settings, tmp_path / "long")
    assert len(told) > 5
    assert told[0] < made.size // 5
    assert verify(made.path).tables == made.tables
    assert made.tables["vm_pool"].rows == 40


@pytest.mark.parametrize(
    ("follower", "said"), [(Flipping, "The backup|is damaged|not hold"), (Killed, "could not be read back")]
)
def test_there_is_no_backup_without_its_proof(
    filled: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, follower: type[Follower], said: str
) -> None:
    monkeypatch.setattr(writer, "Follower", follower)
    folder = tmp_path / "backups"
    folder.mkdir()
    with pytest.raises(OnedbError, match=said):
        writer.backup(filled.settings, folder / "long")
    assert not list(folder.iterdir())
