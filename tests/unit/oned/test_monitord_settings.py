"""``monitord.conf``."""

from pathlib import Path

import pytest

from oned.errors import ConfigError
from oned.infrastructure.monitord import MonitordSettings, read_monitord
from onelib.template_xml import parse_root

DEFAULTS = Path(__file__).parents[3] / "onecfg/defaults/etc/one/monitord.conf"


def test_the_shipped_file_says_the_defaults() -> None:
    assert read_monitord(DEFAULTS) == MonitordSettings()


def test_without_a_file(tmp_path: Path) -> None:
    assert read_monitord(tmp_path / "none") == MonitordSettings()


def test_what_probes_are_told(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("the key\n")
    path = tmp_path / "monitord.conf"
    path.write_text(
        f'NETWORK = [ PORT = 5124, MONITOR_ADDRESS = "10.0.0.1", PUBKEY = "{tmp_path}/key", PRIKEY = "/secret" ]\n'
        "PROBES_PERIOD = [ STATE_VM = 7 ]\nVM_MONITORING_EXPIRATION_TIME = 0\nMONITORING_INTERVAL_HOST = 60\n"
    )
    settings = read_monitord(path)
    assert (settings.port, settings.vm_retention, settings.silence) == (5124, 0, 60)
    assert settings.private_key == "/secret"
    text = settings.configuration("/var/lib/one/datastores/")
    assert "/secret" not in text
    root = parse_root(text, 100)
    assert root.tag == "MONITOR_CONFIGURATION"
    assert root.findtext("NETWORK/MONITOR_ADDRESS") == "10.0.0.1"
    assert root.findtext("NETWORK/PUBKEY") == "the key\n"
    assert [root.findtext(f"PROBES_PERIOD/{name}") for name in ("STATE_VM", "BEACON_HOST")] == ["7", "30"]
    assert root.findtext("DATASTORE_LOCATION") == "/var/lib/one/datastores/"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("NETWORK = [ PORT = 0 ]", "NETWORK/PORT"),
        ("NETWORK = [ PORT = x ]", "NETWORK/PORT"),
        ('NETWORK = [ PUBKEY = "/none/at/all" ]', "NETWORK/PUBKEY"),
        ("PROBES_PERIOD = [ STATE_VM = -1 ]", "PROBES_PERIOD/STATE_VM"),
        ("MANAGER_TIMER = 0", "MANAGER_TIMER"),
        ("VM_MONITORING_EXPIRATION_TIME = soon", "VM_MONITORING_EXPIRATION_TIME"),
        ("NETWORK = [", "syntax error"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "monitord.conf"
    path.write_text(text)
    with pytest.raises(ConfigError, match=says):
        read_monitord(path)
