"""Credential files."""

import stat
from pathlib import Path

import pytest

from onelib.auth import AuthFileError, Credentials, generate_password, read_auth, write_auth


def test_round_trip_and_mode(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "one_auth"
    write_auth(path, Credentials("oneadmin", "a:b c"))
    assert read_auth(path) == Credentials("oneadmin", "a:b c")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_text() == "oneadmin:a:b c\n"
    assert [entry.name for entry in path.parent.iterdir()] == ["one_auth"]


def test_replaces_a_readable_file(tmp_path: Path) -> None:
    path = tmp_path / "one_auth"
    path.write_text("old:old")
    path.chmod(0o644)
    write_auth(path, Credentials("new", "new"))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("text", ["", "no colon", ":password", "user:", "\n"])
def test_not_credentials(tmp_path: Path, text: str) -> None:
    path = tmp_path / "one_auth"
    path.write_text(text)
    with pytest.raises(AuthFileError, match="does not hold user:password"):
        read_auth(path)


def test_missing(tmp_path: Path) -> None:
    with pytest.raises(AuthFileError, match="There is no credential file") as caught:
        read_auth(tmp_path / "none")
    assert "one line user:password" in caught.value.todo


def test_binary(tmp_path: Path) -> None:
    path = tmp_path / "one_auth"
    path.write_bytes(b"\xff\xfe:\x00")
    with pytest.raises(AuthFileError, match="not text"):
        read_auth(path)


def test_cannot_be_written(tmp_path: Path) -> None:
    blocker = tmp_path / "file"
    blocker.write_text("")
    with pytest.raises(AuthFileError, match="cannot be written") as caught:
        write_auth(blocker / "one_auth", Credentials("u", "very-secret"))
    assert "very-secret" not in str(caught.value)


def test_secret_is_not_shown() -> None:
    assert "hidden-word" not in repr(Credentials("user", "hidden-word"))


def test_generated_passwords_differ() -> None:
    assert len({generate_password() for _ in range(100)}) == 100
