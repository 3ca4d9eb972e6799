"""Where credentials and the endpoint come from, and in which order."""

from pathlib import Path

import pytest

from oneclient.access import Access, find_credentials, find_endpoint, secret
from oneclient.errors import InputError, UsageError
from onelib.api import DEFAULT_ENDPOINT
from onelib.auth import AuthFileError


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    for name in ("ONE_AUTH", "ONE_XMLRPC", "ONEEDGE_ROOT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def _write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_the_nearest_file_is_taken(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _write(home / ".one/one_auth", "athome:secret")
    assert find_credentials().user == "athome"
    _write(tmp_path / "root/var/lib/one/.one/one_auth", "rooted:secret")
    monkeypatch.setenv("ONEEDGE_ROOT", str(tmp_path / "root"))
    assert find_credentials().user == "rooted"
    monkeypatch.setenv("ONE_AUTH", str(_write(tmp_path / "named", "named:secret")))
    assert find_credentials().user == "named"


def test_a_named_file_that_is_not_there_is_no_reason_to_be_somebody_else(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _write(home / ".one/one_auth", "athome:secret")
    monkeypatch.setenv("ONE_AUTH", str(tmp_path / "nowhere"))
    with pytest.raises(AuthFileError, match="nowhere"):
        find_credentials()


def test_the_endpoint(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_endpoint() == DEFAULT_ENDPOINT
    _write(home / ".one/one_endpoint", "http://filed:2633/RPC2\n")
    assert find_endpoint() == "http://filed:2633/RPC2"
    monkeypatch.setenv("ONE_XMLRPC", "http://named:2633/RPC2")
    assert find_endpoint() == "http://named:2633/RPC2"
    named = _write(home / "password", "secret\n")
    assert Access("me", str(named), "http://said:1/RPC2").open().endpoint == "http://said:1/RPC2"


def test_a_password_without_a_user_is_refused(home: Path) -> None:
    with pytest.raises(UsageError, match="without --user"):
        Access(password_file="file").open()


def test_a_secret_is_the_first_line(tmp_path: Path) -> None:
    assert secret(str(_write(tmp_path / "s", "pa ss:word\nmore\n")), "Password") == "pa ss:word"
    with pytest.raises(UsageError, match="empty"):
        secret(str(_write(tmp_path / "e", "\n")), "Password")
    with pytest.raises(InputError):
        secret(str(tmp_path / "nowhere"), "Password")
