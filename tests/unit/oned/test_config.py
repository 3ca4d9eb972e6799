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


def test_what_is_no_secret_is_shown(tmp_path: Path) -> None:
    shown = settings(tmp_path, "").masked()
    assert "***" not in shown.to_xml()
    assert shown.vector("AUTH_MAD_CONF")["PASSWORD_CHANGE"] == "YES"
    assert shown.get("PCI_PASSTHROUGH_BUS") == "0x01"


def test_what_the_file_leaves_out_is_completed(tmp_path: Path) -> None:
    """As upstream does: an attribute as a whole, a driver's section by its name, behind those of the file."""
    conf = (
        'VNC_PORTS = [ START = 6000 ]\nHOST_ENCRYPTED_ATTR = "MINE"\n'
        'TM_MAD_CONF = [ NAME = "mine" ]\nTM_MAD_CONF = [ NAME = "ssh", SHARED = "YES" ]\n'
    )
    raw = settings(tmp_path, conf).raw
    assert raw.all("VNC_PORTS") == [{"START": "6000"}]
    assert raw.all("HOST_ENCRYPTED_ATTR") == ["MINE"]
    names = [conf["NAME"] for conf in raw.vectors("TM_MAD_CONF")]
    assert names == ["mine", "ssh", "dummy", "lvm", "shared", "fs_lvm", "qcow2", "vmfs", "ceph", "dev"]
    assert raw.vectors("TM_MAD_CONF")[1] == {"NAME": "ssh", "SHARED": "YES"}
    assert raw.get("DATASTORE_LOCATION") == str(tmp_path / "var/lib/one/datastores")
    assert raw.vector("FEDERATION") == {"MODE": "STANDALONE", "ZONE_ID": "0", "SERVER_ID": "-1", "MASTER_ONED": ""}


def test_what_this_server_does_without_a_file_is_what_it_says(tmp_path: Path) -> None:
    found = read_settings(tmp_path / "none", Locations(tmp_path))
    raw = found.raw
    assert (found.port, found.listen) == (int(raw.get("PORT")), raw.get("LISTEN_ADDRESS"))
    assert (found.message_bytes, found.timeout_seconds) == (int(raw.get("MESSAGE_SIZE")), int(raw.get("TIMEOUT")))
    assert found.session_seconds == int(raw.get("SESSION_EXPIRATION_TIME"))
    assert found.keepalive_seconds == int(raw.get("KEEPALIVE_TIMEOUT"))
    assert found.umask == int(raw.get("DEFAULT_UMASK"), 8)
    assert found.other_permissions == (raw.get("ENABLE_OTHER_PERMISSIONS") == "YES")
    assert (found.call_format, found.descending) == (
        raw.get("LOG_CALL_FORMAT"),
        raw.get("API_LIST_ORDER") == "DESC",
    )
    assert found.database.backend == raw.vector("DB")["BACKEND"]
    assert (found.log_system, str(found.log_level)) == (
        raw.vector("LOG")["SYSTEM"],
        raw.vector("LOG")["DEBUG_LEVEL"],
    )


@pytest.mark.parametrize("role", ['MODE = "SLAVE"', 'MODE = "MASTER"', "SERVER_ID = 0"])
def test_other_roles_are_refused(tmp_path: Path, role: str) -> None:
    with pytest.raises(ConfigError, match="only runs standalone"):
        settings(tmp_path, f"FEDERATION = [ {role} ]")


def test_shipped_federation_section(tmp_path: Path) -> None:
    conf = 'FEDERATION = [ MODE = "STANDALONE", ZONE_ID = 0, SERVER_ID = -1, MASTER_ONED = "" ]'
    assert settings(tmp_path, conf).zone_id == 0
