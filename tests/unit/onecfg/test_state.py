"""The state file, and the subcommands ``init`` and ``status``."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from onecfg import cli
from onecfg.model import PatchError
from onecfg.upgrades import state, versions
from onecfg.upgrades.state import StateError
from onecfg.upgrades.versions import Version, VersionError
from onelib.locations import Locations

Put = Callable[[str, str | bytes], Path]
Here = Callable[..., tuple[int, str, str]]
FILE = "/etc/onecfg.conf"


@pytest.fixture
def here(
    locations: Locations, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Run ``onecfg`` in the tree, where OpenNebula has the version ``installed``."""
    monkeypatch.setenv("ONEEDGE_ROOT", str(locations.root))

    def command(*arguments: str, installed: str | None = "6.0.0.3") -> tuple[int, str, str]:
        def detect() -> Version:
            if installed is None:
                raise VersionError("The version of OpenNebula is unknown: no oned.")
            return Version.parse(installed)

        monkeypatch.setattr(versions, "detect", detect)
        with pytest.raises(SystemExit) as caught:
            cli.main(list(arguments))
        assert isinstance(caught.value.code, int)
        return (caught.value.code, *capsys.readouterr())

    return command


def test_without_a_file_nothing_is_known(locations: Locations) -> None:
    found = state.load(locations)
    assert (found.path, found.version, found.backup, found.outdated) == (
        locations.under(FILE),
        None,
        None,
        False,
    )


def test_what_a_file_says(locations: Locations, put: Put) -> None:
    put(FILE, "---\nversion: 5.12.0\nbackup: /var/snapshot\noutdated: true\n")
    found = state.load(locations)
    assert (str(found.version), found.backup, found.outdated) == ("5.12.0", "/var/snapshot", True)


def test_a_version_that_yaml_takes_for_a_number(locations: Locations, put: Put) -> None:
    put(FILE, "version: 6.0\n")
    assert state.load(locations).version == Version.parse("6.0.0")


def test_the_variable_names_another_folder(
    locations: Locations, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    monkeypatch.setenv("ONECFG_ETC_DIR", str(folder))
    state.save(state.renewed(locations, Version.parse("6.0.0")), locations)
    assert (folder / "onecfg.conf").read_text() == "---\nversion: '6.0.0'\n"
    assert not locations.under(FILE).exists()
    assert str(state.load(locations).version) == "6.0.0"


def test_an_update_keeps_the_rest_of_the_file(locations: Locations, put: Put) -> None:
    path = put(FILE, "# ours\nversion: '5.12.0' # the old one\nbackup: /var/snapshot\nnote: kept\n")
    path.chmod(0o600)
    state.save(state.load(locations).updated(Version.parse("6.0.0")), locations)
    assert path.read_text() == "# ours\nversion: '6.0.0' # the old one\nnote: kept\n"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [found.name for found in path.parent.iterdir()] in (["onecfg.conf", "one"], ["one", "onecfg.conf"])


def test_an_update_makes_the_file(locations: Locations) -> None:
    state.save(state.load(locations).updated(Version.parse("6.0.0")), locations)
    assert str(state.load(locations).version) == "6.0.0"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("a: [", "is not YAML"),
        ("- a\n", "is not a map"),
        (b"\xff\xfe\xff", "is not YAML"),
        ("backup: [1]\n", "backup"),
    ],
)
def test_a_file_that_cannot_be_understood(
    locations: Locations, put: Put, content: str | bytes, problem: str
) -> None:
    put(FILE, content)
    with pytest.raises(StateError, match=problem):
        state.load(locations)


def test_a_malformed_version(locations: Locations, put: Put) -> None:
    put(FILE, "version: latest\n")
    with pytest.raises(VersionError, match="malformed"):
        state.load(locations)


def test_a_link_is_refused(locations: Locations, put: Put) -> None:
    put("/elsewhere", "version: 6.0.0\n")
    locations.under(FILE).symlink_to(locations.under("/elsewhere"))
    with pytest.raises(PatchError):
        state.load(locations)


# -- init


def test_init_records_the_version_of_opennebula(here: Here, locations: Locations) -> None:
    assert here("init") == (0, "", "")
    assert locations.under(FILE).read_text() == "---\nversion: '6.0.0.3'\n"


def test_init_says_what_it_did_when_asked(here: Here) -> None:
    assert here("init", "-d", "--to", "5.12.0") == (0, "", "INFO : Initialized on version 5.12.0\n")
    assert here("init") == (0, "", "ANY  : Already initialized\n")
    assert json.loads(here("init", "--force", "--json")[1]) == {"initialized": True, "version": "6.0.0.3"}
    assert json.loads(here("init", "--json")[1]) == {"initialized": False, "version": None}


def test_init_by_force_also_mends_the_file(here: Here, locations: Locations, put: Put) -> None:
    put(FILE, "a: [")
    assert here("init", "-f", "--to", "6.0.0") == (0, "", "")
    assert str(state.load(locations).version) == "6.0.0"


def test_init_fails_when_the_version_is_unknown(here: Here, locations: Locations) -> None:
    code, out, err = here("init", installed=None)
    assert (code, out) == (255, "")
    assert err.startswith("FATAL: FAILED - The version of OpenNebula is unknown")
    assert here("init", "--to", "new")[0] == 255
    assert not locations.under(FILE).exists()


# -- status

HEAD = """\
--- Versions ------------------------------
OpenNebula:  {}
Config:      {}
"""
UPDATES = """
--- Available Configuration Updates -------
"""


def test_status_without_an_update(here: Here, put: Put) -> None:
    put(FILE, "version: 6.0.0\n")
    text = HEAD.format("6.0.0.3", "6.0.0") + UPDATES + "No updates available.\n"
    assert here("status") == (0, text, "")


def test_status_with_updates(here: Here, put: Put) -> None:
    put(FILE, "version: 5.10.2\n")
    text = (
        HEAD.format("6.0.0.3", "5.10.2")
        + UPDATES
        + "New config:  6.0.0\n- from 5.10.0 to 5.12.0 (YAML,Python)\n- from 5.12.0 to 6.0.0 (YAML,Python)\n"
    )
    assert here("status") == (1, text, "")


def test_status_with_a_snapshot_to_process(here: Here, put: Put) -> None:
    put(FILE, "version: 6.0.0\nbackup: /var/snapshot\n")
    code, out, _ = here("status")
    assert code == 1
    assert "--- Backup to Process ---------------------\nSnapshot:    /var/snapshot\n" in out
    assert "No updates available, but the backup must be cleared." in out


@pytest.mark.parametrize(
    ("installed", "content", "problem"),
    [
        (None, "version: 6.0.0\n", "Unknown OpenNebula version"),
        ("6.2.0", "version: 6.0.0\n", "Unsupported OpenNebula version 6.2.0"),
        ("6.0.0", "", "Unknown config version"),
        ("6.0.0", "version: 5.8.0\n", "Unsupported config version 5.8.0"),
        ("6.0.0", "version: 5.12.0\noutdated: true\n", "Configurations metadata are outdated."),
    ],
)
def test_status_of_what_is_wrong(here: Here, put: Put, installed: str | None, content: str, problem: str) -> None:
    put(FILE, content)
    code, out, _ = here("status", installed=installed)
    assert code == 255
    assert out.endswith(f"ERROR: {problem}\n")
    assert here("status", "--json", installed=installed)[0] == 255


def test_status_for_machines(here: Here, put: Put) -> None:
    put(FILE, "version: 5.12.1\nbackup: /var/snapshot\n")
    code, out, _ = here("status", "--json")
    assert code == 1
    assert json.loads(out) == {
        "opennebula": "6.0.0.3",
        "config": "5.12.1",
        "backup": "/var/snapshot",
        "outdated": False,
        "new_config": "6.0.0",
        "updates": [{"from": "5.12.0", "to": "6.0.0"}],
        "problem": None,
    }
