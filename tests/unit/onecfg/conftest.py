import io
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from onecfg import cli
from onelib.locations import Locations


@pytest.fixture
def locations(tmp_path: Path) -> Locations:
    (tmp_path / "etc/one").mkdir(parents=True)
    (tmp_path / "var/lib/one/remotes/etc").mkdir(parents=True)
    return Locations(tmp_path)


@pytest.fixture
def put(locations: Locations) -> Callable[[str, str | bytes], Path]:
    """Write a file as seen from ``/``."""

    def write(path: str, content: str | bytes) -> Path:
        target = locations.under(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.encode() if isinstance(content, str) else content)
        return target

    return write


@pytest.fixture
def backups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "kept"
    monkeypatch.setenv("ONECFG_BACKUP_DIR", str(folder))
    return folder


@pytest.fixture
def run(
    locations: Locations, backups: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Run ``onecfg`` with a patch on standard input; exit code, standard output, standard error."""

    def command(*arguments: str, patch: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(patch.encode())))
        prefixed = arguments and arguments[0] in cli.COMMANDS and "--prefix" not in arguments
        prefix = ["--prefix", str(locations.root)] if prefixed else []
        with pytest.raises(SystemExit) as caught:
            cli.main([*arguments, *prefix])
        assert isinstance(caught.value.code, int)
        return (caught.value.code, *capsys.readouterr())

    return command
