"""oned.conf: defaults, what is read, what is refused."""

from pathlib import Path

import pytest

from oned.config import Settings, read_settings
from oned.errors import ConfigError
from onelib.locations import Locations


def settings(tmp_path: Path, text: str) -> Settings:
    path = tmp_path / "oned.conf"
    path.write_text(text)
    return read_settings(path, Locations(tmp_path))


def test_defaults_without_a_file(tmp_path: Path) -> None:
    found = read_settings(tmp_path / "none", Locations(tmp_path))
    assert (found.port, found.listen, found.umask, found.session_seconds) == (2633, "0.0.0.0", 0o177, 900)
    assert found.database.backend == "sqlite"
    assert found.database.path == tmp_path / "var/lib/one/one.db"
    assert (found.log_system, found.log_level) == ("file", 3)


def test_database(tmp_path: Path) -> None:
    conf = 'DB = [ BACKEND = "mysql", SERVER = "db", PORT = 3307, USER = "u", PASSWD = "p w", DB_NAME = "n" ]'
    database = settings(tmp_path, conf).database
    assert (database.backend, database.server, database.port) == ("mysql", "db", 3307)
    assert (database.user, database.password, database.name) == ("u", "p w", "n")
    assert "p w" not in repr(database)


def test_auth_drivers(tmp_path: Path) -> None:
    found = settings(tmp_path, 'AUTH_MAD_CONF = [ NAME = "core", MAX_TOKEN_TIME = "60", PASSWORD_CHANGE = "NO" ]')
    assert found.auth_driver("core").max_token_seconds == 60
    assert not found.auth_driver("core").password_change
    assert found.auth_driver("ldap").managed_groups
    assert not found.auth_driver("unknown").password_change


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("PORT = x", 'PORT = "x" is not a number'),
        ("PORT = 0", "is not between 1 and 65535"),
        ("PORT = 99999", "is not between 1 and 65535"),
        ('DB = [ BACKEND = "oracle" ]', "is not one of sqlite, mysql"),
        ('LOG = [ SYSTEM = "paper" ]', "is not one of file, std, syslog"),
        ("DEFAULT_UMASK = 888", "is not a number"),
        ('PORT = 1\nDB = [ BACKEND = "sqlite"\nLOG = [ ]', "line 3"),
        ('AUTH_MAD_CONF = [ NAME = "core", MAX_TOKEN_TIME = "soon" ]', "MAX_TOKEN_TIME"),
    ],
)
def test_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        settings(tmp_path, text)
    assert caught.value.exit_code == 78
    assert caught.value.todo


def test_secrets_are_masked(tmp_path: Path) -> None:
    found = settings(tmp_path, 'DB = [ BACKEND = "mysql", PASSWD = "word-1" ]\nONE_KEY = "word-2"\nPORT = 1')
    shown = found.masked().to_xml()
    assert "word" not in shown
    assert "<PASSWD><![CDATA[***]]></PASSWD>" in shown
    assert "<PORT><![CDATA[1]]></PORT>" in shown


@pytest.mark.parametrize("role", ['MODE = "SLAVE"', 'MODE = "MASTER"', "SERVER_ID = 0"])
def test_other_roles_are_refused(tmp_path: Path, role: str) -> None:
    with pytest.raises(ConfigError, match="only runs standalone"):
        settings(tmp_path, f"FEDERATION = [ {role} ]")


def test_shipped_federation_section(tmp_path: Path) -> None:
    conf = 'FEDERATION = [ MODE = "STANDALONE", ZONE_ID = 0, SERVER_ID = -1, MASTER_ONED = "" ]'
    assert settings(tmp_path, conf).zone_id == 0
